"""Who calls, and as whom a message is spoken."""
