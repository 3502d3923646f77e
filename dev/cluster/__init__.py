"""The development cluster: one interface, the providers `kind` and `local`, and a control plane alone for tests."""

from dev.cluster.choice import choose_provider
from dev.cluster.provider import Provider

__all__ = ["Provider", "choose_provider"]
