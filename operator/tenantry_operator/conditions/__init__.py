"""How a tenant stands: pure checks that turn an observation into status."""
