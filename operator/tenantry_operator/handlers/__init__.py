"""kopf's side: its events become entries of the store and keys of the queue; nothing is decided here."""
