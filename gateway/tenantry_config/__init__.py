"""The configuration document that the operator renders and the gateway reads."""
