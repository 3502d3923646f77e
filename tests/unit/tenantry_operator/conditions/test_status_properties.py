"""What holds of every status, whatever was seen."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.agent_binding import AgentBindingStatus
from tenantry_operator.api.v1alpha1.gateway import GatewayStatus
from tenantry_operator.conditions.agent_binding import binding_status
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import Observation
from tests.unit.tenantry_operator.objects import NOW, condition, observation
from tests.unit.tenantry_operator.observations import observations

LATER = "2027-01-01T00:00:00Z"


def with_status(seen: Observation, status: dict[str, Any]) -> Observation:
    return replace(seen, gateway=replace(seen.gateway, status=status))


@given(observations())
def test_a_gateways_status_fits_its_schema_and_is_its_own_successor(seen: Observation) -> None:
    status = gateway_status(seen, NOW)

    GatewayStatus.model_validate(status)
    assert gateway_status(with_status(seen, status), LATER) == status


@given(observations())
def test_exactly_one_of_ready_stalled_and_reconciling_leads(seen: Observation) -> None:
    status = gateway_status(seen, NOW)
    ready = condition(status, "Ready")["status"] == "True"
    stalled, reconciling = bool(condition(status, "Stalled")), bool(condition(status, "Reconciling"))

    assert not (stalled and reconciling)
    assert ready or stalled or reconciling
    assert not (ready and stalled)


@given(observations())
def test_a_time_changes_only_where_a_status_flips(seen: Observation) -> None:
    healthy = gateway_status(observation(), NOW)
    changed = gateway_status(with_status(seen, healthy), LATER)

    for one in changed["conditions"]:
        before = condition(healthy, one["type"])
        flipped = before.get("status") != one["status"]
        assert one["lastTransitionTime"] == (LATER if flipped else NOW)


@given(observations(), st.sampled_from(["all", "none", "no pods"]))
def test_a_bindings_status_fits_its_schema_and_is_its_own_successor(seen: Observation, serving: str) -> None:
    routes = frozenset(verdict.binding.route_id for verdict in seen.verdicts if serving == "all")
    served = None if serving == "no pods" else routes
    for verdict in seen.verdicts:
        status = binding_status(verdict, served, NOW)
        AgentBindingStatus.model_validate(status)
        again = replace(verdict, binding=replace(verdict.binding, status=status))
        assert binding_status(again, served, LATER) == status


@given(observations(), st.sampled_from(["all", "none", "no pods"]))
def test_a_binding_is_either_served_or_on_its_way_or_stalled(seen: Observation, serving: str) -> None:
    routes = frozenset(verdict.binding.route_id for verdict in seen.verdicts if serving == "all")
    for verdict in seen.verdicts:
        status = binding_status(verdict, None if serving == "no pods" else routes, NOW)
        served = condition(status, "Programmed")
        stalled, reconciling = bool(condition(status, "Stalled")), bool(condition(status, "Reconciling"))
        rests = served["status"] == "True" or served["reason"] == "GatewaySuspended"
        assert not (stalled and reconciling)
        assert stalled or reconciling or rests
