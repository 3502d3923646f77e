"""Requests with an Idempotency-Key: done once, however often they are sent."""
