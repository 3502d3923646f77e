"""Tools that no package index serves: each folder is a pinned Go module, built on first use into the cache."""
