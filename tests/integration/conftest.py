"""The API server that the integration tests share: one for a whole process, so a test makes a namespace of its own."""

from collections.abc import Iterator

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.cluster.kind_control_plane import choose_control_plane
from tests.integration.operator_harness import account, installed, kubectl, namespace, operator, pods
from tests.integration.trouble_harness import trouble

__all__ = ["account", "control_plane", "installed", "kubectl", "namespace", "operator", "pods", "trouble"]


@pytest.fixture(scope="session")
def control_plane(worker_id: str) -> Iterator[ControlPlane]:
    """etcd, API server and controllers; `.kubeconfig` has every permission, `.audit_events()` tells all requests."""
    with choose_control_plane(f"integration-{worker_id}") as running:
        yield running
