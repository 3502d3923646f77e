"""From a request to its agent and session."""
