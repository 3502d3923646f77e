"""Checks manifests as the API server does, offline: the definitions' schema, and their rules in CEL."""
