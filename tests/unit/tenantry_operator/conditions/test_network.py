from ipaddress import ip_address

import pytest

from tenantry_operator.api.v1alpha1.upstream import Host, Internet, Obstacle, Pods, ServiceName, Unresolved, Upstream
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.network import OBSTACLES, network_policy_ready
from tests.unit.tenantry_operator.objects import NOW, condition, gateway, observation

SERVICE = ServiceName("other", "proxy", 80)
RULE = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}


def unresolved(obstacle: Obstacle) -> Unresolved:
    service = SERVICE if obstacle.name.startswith("SERVICE") else None
    return Unresolved(obstacle, "proxy.other", 80, service)


def test_every_obstacle_has_a_reason_and_says_what_to_do() -> None:
    assert set(OBSTACLES) == set(Obstacle)
    for obstacle in Obstacle:
        found = network_policy_ready(observation(upstream=unresolved(obstacle)))
        assert found is not None
        assert found.status == "False"
        assert "spec.provider.baseURL" in found.message
        assert "Fix: " in found.message
        assert "{" not in found.message


@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (None, "reaches HTTPS on the internet"),
        (Pods(SERVICE, {"app": "secret-label"}, "http"), "the pods of Service other/proxy"),
        (Host(ip_address("10.0.0.7"), 8080), "10.0.0.7 at port 8080"),
        (
            Internet("api.example.com", 8443),
            "api.example.com (spec.provider.baseURL) is taken for a host on the internet",
        ),
    ],
)
def test_it_says_where_the_base_url_leads_and_nothing_of_the_service_but_its_name(
    upstream: Upstream | None, said: str
) -> None:
    found = network_policy_ready(observation(upstream=upstream))

    assert found is not None
    assert (found.status, found.reason) == ("True", "PolicyApplied")
    assert said in found.message
    assert "secret-label" not in found.message


def test_without_a_policy_there_is_no_condition() -> None:
    subject = gateway({"networkPolicy": {"enabled": False}})

    assert network_policy_ready(observation(subject, policy_exists=False)) is None


def test_a_policy_that_is_not_there_yet_does_not_make_a_gateway_unready() -> None:
    status = gateway_status(observation(policy_exists=False), NOW)

    assert condition(status, "NetworkPolicyReady")["reason"] == "NetworkPolicyMissing"
    assert condition(status, "Ready")["status"] == "True"


def test_what_the_policy_cannot_know_is_left_to_the_gateways_own_rules() -> None:
    subject = gateway({"networkPolicy": {"egress": [RULE]}})
    reasons = {
        obstacle: found.reason
        for obstacle in Obstacle
        if (found := network_policy_ready(observation(subject, upstream=unresolved(obstacle))))
    }

    assert reasons == {
        Obstacle.SERVICE_UNKNOWN: "LeftToEgress",
        Obstacle.SERVICE_WITHOUT_SELECTOR: "LeftToEgress",
        Obstacle.NO_SERVICE_NAME: "LeftToEgress",
        Obstacle.ADDRESS_REFUSED: "LeftToEgress",
        Obstacle.SERVICE_MISSING: "BaseURLServiceMissing",
        Obstacle.SERVICE_PORT_MISSING: "BaseURLPortMissing",
    }


@pytest.mark.parametrize(
    "obstacle", [Obstacle.SERVICE_MISSING, Obstacle.SERVICE_PORT_MISSING, Obstacle.SERVICE_WITHOUT_SELECTOR]
)
def test_what_a_services_owner_can_heal_is_in_progress_and_the_gateway_stays_ready(obstacle: Obstacle) -> None:
    status = gateway_status(observation(upstream=unresolved(obstacle)), NOW)

    assert condition(status, "Ready")["status"] == "True"
    assert condition(status, "Reconciling")["reason"] == condition(status, "NetworkPolicyReady")["reason"]
    assert condition(status, "Stalled") == {}


@pytest.mark.parametrize("obstacle", [Obstacle.ADDRESS_REFUSED, Obstacle.NO_SERVICE_NAME, Obstacle.SERVICE_UNKNOWN])
def test_what_only_an_edit_of_the_gateway_heals_is_stalled(obstacle: Obstacle) -> None:
    status = gateway_status(observation(upstream=unresolved(obstacle)), NOW)

    assert condition(status, "Ready")["status"] == "False"
    assert condition(status, "Stalled")["reason"] == condition(status, "NetworkPolicyReady")["reason"]
    assert condition(status, "Reconciling") == {}
