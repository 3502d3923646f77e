"""Everything that talks to the Kubernetes API, and nothing that decides: lists, watches, applies, deletes."""
