"""Conversations: what identifies one, who keeps it, what of it the model sees, and whose turn it is."""
