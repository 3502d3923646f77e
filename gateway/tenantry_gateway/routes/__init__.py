"""The HTTP API, one module a path."""
