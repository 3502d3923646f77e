"""Agents: how a message becomes a turn."""
