"""What must not be lost: files that only grow, written by one thread that confirms what is on disk."""
