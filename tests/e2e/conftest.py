"""One cluster with the operator and the stand-in API for the whole end-to-end run."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from dev.cluster import choose_provider
from dev.images import Archive, build
from dev.install import STANDIN_URL, install_operator, install_standin
from dev.kubectl import Kubectl
from dev.teams import TEAM_A, TEAM_B, Upstream, apply_team, remove_team


@dataclass(frozen=True)
class Stage:
    """A running cluster with everything but tenants."""

    kubectl: Kubectl
    archives: tuple[Archive, ...]
    upstream: Upstream


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The development cluster; one that this run had to start is stopped afterwards, unless KEEP_CLUSTER is set."""
    provider = choose_provider()
    was_up = provider.is_up()
    archives = tuple(build(["operator", "gateway", "standin"]))
    provider.up()
    try:
        provider.load(archives)
        kubectl = Kubectl(provider.kubectl, provider.kubeconfig)
        install_operator(kubectl, archives)
        install_standin(kubectl, archives)
        yield Stage(kubectl, archives, Upstream(STANDIN_URL, "sk-ant-e2e"))
    finally:
        if not was_up and not os.environ.get("KEEP_CLUSTER"):
            provider.down()


@pytest.fixture(scope="module")
def kubectl(stage: Stage) -> Iterator[Kubectl]:
    """kubectl for a module's tests, with both example teams applied, fresh and ready."""
    for team in (TEAM_A, TEAM_B):
        remove_team(stage.kubectl, team)
        apply_team(stage.kubectl, team, stage.upstream)
    yield stage.kubectl
    for team in (TEAM_A, TEAM_B):
        remove_team(stage.kubectl, team)
