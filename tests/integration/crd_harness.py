"""A namespace in which a module asks the API server what it takes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import gateway

__all__ = ["crds", "dry_run"]


@pytest.fixture(scope="module")
def crds(installed: Kubectl, request: pytest.FixtureRequest) -> Iterator[Kubectl]:
    """The CRDs, and the module's ``NAMESPACE``."""
    namespace: str = request.module.NAMESPACE
    installed.run("create", "namespace", namespace)
    yield installed
    installed.run("delete", "namespace", namespace, "--wait=false")


def dry_run(kubectl: Kubectl, namespace: str, **spec: Any) -> str:
    """Kind and name of a Gateway that would be created."""
    manifest = json.dumps(gateway("dry", namespace, **spec))
    return kubectl.run("create", "--dry-run=server", "-f", "-", "-o", "name", stdin=manifest)
