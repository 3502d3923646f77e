from typing import Any

import pytest

from tenantry_operator.resources.deployment import build_deployment
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway

MANY = {"replicas": 3, "storage": {"accessModes": ["ReadWriteMany"]}}


@pytest.mark.parametrize("spec", [{}, MANY])
def test_pods_stop_before_their_successors_start_however_many_there_are(spec: dict[str, Any]) -> None:
    assert build_deployment(gateway(spec), DEFAULTS)["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("spec", "replicas"), [({}, 1), (MANY, 3), ({**MANY, "suspended": True}, 0), ({"replicas": 0}, 0)]
)
def test_there_are_as_many_pods_as_the_gateway_says_and_none_while_it_is_suspended(
    spec: dict[str, Any], replicas: int
) -> None:
    assert build_deployment(gateway(spec), DEFAULTS)["spec"]["replicas"] == replicas


def test_suspending_changes_nothing_but_the_number_of_pods() -> None:
    running, suspended = (build_deployment(gateway(spec), DEFAULTS)["spec"] for spec in ({}, {"suspended": True}))

    assert {**suspended, "replicas": 1} == running


def test_scaling_leaves_the_pod_that_serves_alone() -> None:
    one, three = (
        build_deployment(gateway(spec), DEFAULTS)["spec"]["template"] for spec in ({**MANY, "replicas": 1}, MANY)
    )

    assert one == three


@pytest.mark.parametrize(
    "live",
    [
        {"logLevel": "debug"},
        {"agents": {"main": {"model": "other"}}},
        {"bindings": [{"channel": "*", "agentId": "main"}]},
        {"trustedProxies": ["10.0.0.0/8"]},
        {"rbac": {"enabled": True}},
    ],
)
def test_what_changes_live_does_not_change_the_deployment(live: dict[str, Any]) -> None:
    assert build_deployment(gateway(live), DEFAULTS) == build_deployment(gateway(), DEFAULTS)
