from collections.abc import Mapping
from typing import Any

import pytest

from tenantry_operator.conditions.exposure import http_route_accepted, ingress_ready
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import IngressView, Observation, ParentView, Problem, RouteView
from tests.unit.tenantry_operator.objects import NOW, condition, gateway, observation

PUBLIC = {"name": "public", "namespace": "infra"}
OWN = {"name": "own"}
REFERENCE = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}


def said(kind: str, status: str, reason: str, message: str = "", generation: int = 2) -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation}


ACCEPTED, RESOLVED = said("Accepted", "True", "Accepted"), said("ResolvedRefs", "True", "ResolvedRefs")


def at(parent: Mapping[str, Any], *conditions: Mapping[str, Any], controller: str = "example.com/c") -> ParentView:
    return ParentView({**REFERENCE, **parent}, controller, conditions)


def routed(*views: ParentView, parents: list[dict[str, Any]] | None = None, **more: Any) -> Observation:
    subject = gateway({"exposure": {"httpRoute": {"parentRefs": parents or [PUBLIC]}}})
    return observation(subject, http_route=RouteView(2, views), **more)


def exposed(**more: Any) -> Observation:
    return observation(
        gateway({"exposure": {"ingress": {"hosts": ["a.example"], "ingressClassName": "nginx"}}}), **more
    )


@pytest.mark.parametrize(
    ("seen", "status", "reason", "words"),
    [
        (routed(), "Unknown", "RoutePending", "gateways.gateway.networking.k8s.io infra/public"),
        (routed(at(PUBLIC, ACCEPTED, RESOLVED)), "True", "RouteAccepted", "infra/public"),
        (routed(at(PUBLIC, ACCEPTED)), "True", "RouteAccepted", ""),
        (routed(at({"name": "public"}, ACCEPTED)), "Unknown", "RoutePending", "No controller"),
        (routed(at({**PUBLIC, "sectionName": "x"}, ACCEPTED)), "Unknown", "RoutePending", ""),
        (routed(at({**PUBLIC, "port": 80}, ACCEPTED)), "Unknown", "RoutePending", ""),
        (routed(at(PUBLIC, said("Accepted", "True", "Accepted", generation=1))), "Unknown", "RoutePending", ""),
        (routed(at(PUBLIC, said("Accepted", "Unknown", "Pending"))), "Unknown", "RoutePending", ""),
        (
            routed(at(PUBLIC, said("Accepted", "False", "NoMatchingListenerHostname", "no listener"), RESOLVED)),
            "False",
            "RouteNotAccepted",
            "Accepted is False, NoMatchingListenerHostname: no listener (example.com/c)",
        ),
        (
            routed(at(PUBLIC, ACCEPTED, said("ResolvedRefs", "False", "BackendNotFound", "no Service"))),
            "False",
            "RouteNotAccepted",
            "ResolvedRefs is False, BackendNotFound: no Service",
        ),
        (
            routed(at(PUBLIC, said("Accepted", "False", "Old", generation=1)), at(PUBLIC, ACCEPTED, controller="b")),
            "True",
            "RouteAccepted",
            "",
        ),
        (routed(at(OWN, ACCEPTED), parents=[OWN, PUBLIC]), "Unknown", "RoutePending", "infra/public"),
        (
            routed(at(OWN, said("Accepted", "False", "X")), parents=[PUBLIC, OWN]),
            "False",
            "RouteNotAccepted",
            "gateways.gateway.networking.k8s.io team-a/own",
        ),
        (routed(at(OWN, ACCEPTED), at(PUBLIC, ACCEPTED), parents=[OWN, PUBLIC]), "True", "RouteAccepted", "team-a/own"),
        (routed(missing_apis=frozenset({"HTTPRoute"})), "False", "GatewayAPIMissing", "standard-install.yaml"),
        (
            routed(extra_problems={"HTTPRoute": Problem("PermissionDenied", "may not")}),
            "False",
            "PermissionDenied",
            "may not",
        ),
    ],
)
def test_the_route_is_as_its_controllers_say(seen: Observation, status: str, reason: str, words: str) -> None:
    found = http_route_accepted(seen)

    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


def test_a_route_without_a_namespace_means_its_own_however_the_controller_writes_it() -> None:
    for reference in (OWN, {**OWN, "namespace": "team-a"}):
        found = http_route_accepted(routed(at(reference, ACCEPTED), parents=[OWN]))
        assert found is not None
        assert found.status == "True"


def test_a_route_that_is_not_there_yet_is_pending() -> None:
    seen = observation(gateway({"exposure": {"httpRoute": {"parentRefs": [PUBLIC]}}}))

    found = http_route_accepted(seen)

    assert found is not None
    assert "has not been created yet" in found.message


@pytest.mark.parametrize(
    ("seen", "status", "reason", "words"),
    [
        (exposed(), "Unknown", "AddressPending", "IngressClass nginx"),
        (exposed(ingress=IngressView()), "Unknown", "AddressPending", "IngressClass nginx"),
        (exposed(ingress=IngressView(("192.0.2.1",))), "True", "IngressReady", "192.0.2.1"),
        (exposed(extra_problems={"Ingress": Problem("ApplyFailed", "quota")}), "False", "ApplyFailed", "quota"),
    ],
)
def test_the_ingress_is_ready_with_its_address(seen: Observation, status: str, reason: str, words: str) -> None:
    found = ingress_ready(seen)

    assert found is not None
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


def test_a_feature_that_is_off_has_no_condition_unless_something_of_it_cannot_be_removed() -> None:
    left = {"HTTPRoute": Problem("PermissionDenied", "may not delete httproutes")}
    found = http_route_accepted(observation(extra_problems=left))

    assert http_route_accepted(observation()) is None
    assert ingress_ready(observation()) is None
    assert found is not None
    assert found.message == "The HTTPRoute should no longer be there. may not delete httproutes"


@pytest.mark.parametrize(
    ("seen", "ready", "reconciling", "stalled"),
    [
        (routed(at(PUBLIC, ACCEPTED)), "Available", None, None),
        (routed(), "Available", "RoutePending", None),
        (routed(missing_apis=frozenset({"HTTPRoute"})), "Available", "GatewayAPIMissing", None),
        (routed(at(PUBLIC, said("Accepted", "False", "X"))), "Available", "RouteNotAccepted", None),
        (routed(extra_problems={"HTTPRoute": Problem("NameConflict", "")}), "NameConflict", None, "NameConflict"),
        (exposed(), "Available", None, None),
    ],
)
def test_what_is_exposed_counts_for_the_whole(
    seen: Observation, ready: str, reconciling: str | None, stalled: str | None
) -> None:
    status = gateway_status(seen, NOW)

    assert condition(status, "Ready")["reason"] == ready
    assert condition(status, "Reconciling").get("reason") == reconciling
    assert condition(status, "Stalled").get("reason") == stalled
