"""The level-triggered engine: a queue of keys, and what is done for one key."""
