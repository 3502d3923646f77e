"""One module a command: it fetches, calls what is pure, and prints."""
