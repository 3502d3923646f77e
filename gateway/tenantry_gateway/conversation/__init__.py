"""A chat message from its fields to its answer, whichever way it came."""
