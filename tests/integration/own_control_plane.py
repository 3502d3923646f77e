"""A control plane for the tests of one module, which change what the whole cluster serves.

A module imports these fixtures over those of the same names that all others share.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster.control_plane import ControlPlane
from dev.cluster.kind_control_plane import choose_control_plane
from dev.kubectl import Kubectl
from dev.tools.build import tool_path
from tests.integration.operator_harness import (
    SYSTEM,
    Manifest,
    Operator,
    eventually,
    install,
    kubeconfig_of,
    run_operator,
)

__all__ = [
    "account",
    "control_plane",
    "definitions",
    "installed",
    "kubectl",
    "operator",
    "remove",
    "serve",
    "stop_serving",
]


@pytest.fixture(scope="module")
def control_plane(worker_id: str) -> Iterator[ControlPlane]:
    """etcd, API server and controllers."""
    with choose_control_plane(f"own-{worker_id}") as running:
        yield running


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    """kubectl with every permission."""
    return Kubectl(control_plane.kubectl, control_plane.kubeconfig)


@pytest.fixture(scope="module")
def installed(kubectl: Kubectl) -> Kubectl:
    """The cluster with everything of both charts but the operator itself."""
    return install(kubectl)


@pytest.fixture(scope="module")
def account(installed: Kubectl, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator's own service account."""
    return kubeconfig_of(installed, control_plane, SYSTEM, tmp_path_factory.mktemp("account") / "kubeconfig")


@pytest.fixture(scope="module")
def operator(
    control_plane: ControlPlane, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """One operator for all tests of the module."""
    yield from run_operator(control_plane, account, tmp_path_factory.mktemp("operator") / "operator.log")


def definitions(file: str) -> list[Manifest]:
    """The real CustomResourceDefinitions of another project: ``gateway-api.yaml`` or ``prometheus-operator.yaml``."""
    return [each for each in yaml.safe_load_all(tool_path(file).read_text()) if each]


def serve(kubectl: Kubectl, file: str) -> None:
    """Have the API server serve another project's kinds."""
    found = definitions(file)
    kubectl.apply(*found)
    for each in found:
        kubectl.wait("condition=Established", f"crd/{each['metadata']['name']}", "default", 30)


def stop_serving(kubectl: Kubectl, file: str) -> None:
    """Remove them, with every object of theirs."""
    remove(kubectl, *(each["metadata"]["name"] for each in definitions(file)))


def remove(kubectl: Kubectl, *names: str) -> None:
    """Remove those definitions of these that are there, with every object of theirs.

    The objects are listed first. The API server makes a kind's storage with the first request for it; where that is its
    own, to remove the objects, it may fail with "storage is (re)initializing" and be repeated only minutes later
    (apiextensions-apiserver's crd_finalizer.go; without the list, 3 of 76 removals took 200 seconds and more).
    """
    there = kubectl.run("get", "crd", "--ignore-not-found", "--output=name", *names).split()
    served = ",".join(name.partition("/")[2] for name in there)
    if there:
        eventually(lambda: kubectl.run("get", served, "--all-namespaces"))  # Discovery may lag behind.
        kubectl.run("delete", *there)
