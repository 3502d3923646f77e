"""Routes from outside, with the real definitions of Gateway API, which come and go under the running operator."""

import json
from contextlib import suppress
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import Manifest, Operator, condition, eventually, gateway
from tests.integration.own_control_plane import (
    account,
    control_plane,
    installed,
    kubectl,
    operator,
    serve,
    stop_serving,
)
from tests.integration.test_operator_permissions import without

__all__ = ["account", "control_plane", "installed", "kubectl", "operator"]

pytestmark = pytest.mark.usefixtures("operator")
SLOW = 60.0
"""An absent API is looked for three times a minute."""
ROUTE = {"httpRoute": {"parentRefs": [{"name": "public", "namespace": "infra"}], "hostnames": ["a.example.com"]}}
INGRESS = {"ingress": {"hosts": ["a.example.com"], "ingressClassName": "nginx"}}


@pytest.fixture
def gateway_api(kubectl: Kubectl) -> None:
    with suppress(KubectlError):
        kubectl.get("crd", "httproutes.gateway.networking.k8s.io", "default")
        return
    serve(kubectl, "gateway-api.yaml")


def found(kubectl: Kubectl, namespace: str, kind: str, reason: str, seconds: float = SLOW) -> Manifest:
    """A condition of the Gateway a, once it has this reason."""

    def look() -> Manifest | None:
        live = kubectl.get("tgw", "a", namespace)
        one = condition(live, kind)
        return (
            one
            if one and one["reason"] == reason and one["observedGeneration"] == live["metadata"]["generation"]
            else None
        )

    return eventually(look, seconds)


def merge(kubectl: Kubectl, resource: str, name: str, namespace: str, patch: dict[str, Any], *more: str) -> None:
    kubectl.run("-n", namespace, "patch", resource, name, "--type=merge", "-p", json.dumps(patch), *more)


def say(kubectl: Kubectl, namespace: str, *parents: Manifest) -> None:
    """Play a controller of Gateway API: write what it thinks of the route."""
    route = kubectl.get("httproute", "a-gateway", namespace)
    for parent in parents:
        parent["controllerName"] = "example.com/controller"
        for one in parent["conditions"]:
            one |= {"observedGeneration": route["metadata"]["generation"], "lastTransitionTime": "2026-01-01T00:00:00Z"}
    merge(kubectl, "httproute", "a-gateway", namespace, {"status": {"parents": list(parents)}}, "--subresource=status")


def verdict(accepted: str, reason: str, message: str = "", **parent: Any) -> Manifest:
    """What a controller says of the route at one parent."""
    reference = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "public",
        "namespace": "infra",
        **parent,
    }
    resolved = {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "message": ""}
    one = {"type": "Accepted", "status": accepted, "reason": reason, "message": message}
    return {"parentRef": reference, "conditions": [one, resolved]}


def test_without_gateway_api_the_status_says_so_and_the_rest_is_made(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    stop_serving(kubectl, "gateway-api.yaml")
    kubectl.apply(gateway("a", namespace, exposure=ROUTE | INGRESS))

    missing = found(kubectl, namespace, "HTTPRouteAccepted", "GatewayAPIMissing")
    assert missing["status"] == "False"
    assert "standard-install.yaml" in missing["message"]
    assert kubectl.get("deployment", "a-gateway", namespace)
    assert kubectl.get("ingress", "a-gateway", namespace)

    serve(kubectl, "gateway-api.yaml")
    pending = found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")
    assert "gateways.gateway.networking.k8s.io infra/public" in pending["message"]
    assert kubectl.get("httproute", "a-gateway", namespace)["spec"]["hostnames"] == ["a.example.com"]

    stop_serving(kubectl, "gateway-api.yaml")
    found(kubectl, namespace, "HTTPRouteAccepted", "GatewayAPIMissing")
    operator.settled(1)
    serve(kubectl, "gateway-api.yaml")
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")


@pytest.mark.usefixtures("gateway_api")
def test_what_controllers_say_of_the_route_is_in_the_status(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, exposure=ROUTE))
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")

    say(kubectl, namespace, verdict("False", "NotAllowedByListeners", "no listener takes this namespace"))
    refused = found(kubectl, namespace, "HTTPRouteAccepted", "RouteNotAccepted")
    assert "NotAllowedByListeners: no listener takes this namespace" in refused["message"]
    assert "gateways.gateway.networking.k8s.io infra/public" in refused["message"]

    say(kubectl, namespace, verdict("True", "Accepted"))
    assert found(kubectl, namespace, "HTTPRouteAccepted", "RouteAccepted")["status"] == "True"

    merge(kubectl, "tgw", "a", namespace, {"spec": {"exposure": {"httpRoute": {"hostnames": ["b.example.com"]}}}})
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")


@pytest.mark.usefixtures("gateway_api")
def test_the_ingress_is_ready_when_it_has_an_address(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, exposure=INGRESS))
    assert "IngressClass nginx" in found(kubectl, namespace, "IngressReady", "AddressPending")["message"]

    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    merge(kubectl, "ingress", "a-gateway", namespace, status, "--subresource=status")
    assert "192.0.2.1" in found(kubectl, namespace, "IngressReady", "IngressReady")["message"]


@pytest.mark.usefixtures("gateway_api")
def test_somebodys_edit_or_deletion_is_put_right_and_a_feature_that_is_off_leaves_nothing(
    kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(gateway("a", namespace, exposure=ROUTE | INGRESS))
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")

    merge(kubectl, "httproute", "a-gateway", namespace, {"spec": {"hostnames": ["stolen.example.com"]}})
    eventually(
        lambda: kubectl.get("httproute", "a-gateway", namespace)["spec"]["hostnames"] == ["a.example.com"] or None
    )
    kubectl.run("-n", namespace, "delete", "ingress", "a-gateway")
    eventually(lambda: kubectl.get("ingress", "a-gateway", namespace))

    merge(kubectl, "tgw", "a", namespace, {"spec": {"exposure": None}})
    eventually(lambda: not kubectl.items("httproutes,ingresses", namespace) or None)
    eventually(lambda: not {"HTTPRouteAccepted", "IngressReady"} & condition_types(kubectl, namespace) or None)


def condition_types(kubectl: Kubectl, namespace: str) -> set[str]:
    return {one["type"] for one in kubectl.get("tgw", "a", namespace)["status"]["conditions"]}


@pytest.mark.usefixtures("gateway_api")
def test_nothing_is_written_again_neither_later_nor_by_a_restarted_operator(
    kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    parents = [{"name": "public"}, {"name": "other", "namespace": "infra", "sectionName": "https", "port": 443}]
    annotations = {"external-dns.alpha.kubernetes.io/ttl": "60"}
    ingress = {**INGRESS["ingress"], "tls": {"secretName": "a-tls"}, "annotations": annotations}
    exposure = {"httpRoute": {"parentRefs": parents, "annotations": annotations}, "ingress": ingress}
    kubectl.apply(gateway("a", namespace, exposure=exposure))
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending")
    found(kubectl, namespace, "IngressReady", "AddressPending")
    eventually(operator.idle)

    before = operator.audited()
    operator.stop()
    operator.start()
    operator.settled(len(kubectl.items("tgw", namespace)))
    assert operator.writes(namespace, since=before) == []


@pytest.mark.usefixtures("gateway_api")
@pytest.mark.parametrize("verbs", [("create", "patch"), ("list", "watch")], ids=["write", "read"])
def test_a_missing_permission_on_routes_hurts_routes_alone(
    kubectl: Kubectl, namespace: str, operator: Operator, verbs: tuple[str, ...]
) -> None:
    operator.stop()
    try:
        with without(kubectl, "httproutes", *verbs):
            operator.start()
            kubectl.apply(gateway("a", namespace, exposure=ROUTE | INGRESS))
            denied = found(kubectl, namespace, "HTTPRouteAccepted", "PermissionDenied")
            assert f"may not {verbs[-1] if 'patch' in verbs else 'list'} httproutes" in denied["message"]
            found(kubectl, namespace, "IngressReady", "AddressPending")
            assert kubectl.get("deployment", "a-gateway", namespace)
        found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending", seconds=120)
        eventually(lambda: "Stalled" not in condition_types(kubectl, namespace) or None)
    finally:
        operator.stop()
        operator.start()


@pytest.mark.usefixtures("gateway_api")
def test_a_route_of_somebody_else_is_not_taken_over(kubectl: Kubectl, namespace: str) -> None:
    foreign = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "a-gateway", "namespace": namespace},
        "spec": {"hostnames": ["mine.example.com"]},
    }
    kubectl.apply(foreign, gateway("a", namespace, exposure=ROUTE | INGRESS))

    found(kubectl, namespace, "HTTPRouteAccepted", "NameConflict")
    found(kubectl, namespace, "IngressReady", "AddressPending")
    assert kubectl.get("httproute", "a-gateway", namespace)["spec"]["hostnames"] == ["mine.example.com"]

    kubectl.run("-n", namespace, "delete", "httproute", "a-gateway")
    found(kubectl, namespace, "HTTPRouteAccepted", "RoutePending", seconds=120)


@pytest.mark.usefixtures("gateway_api")
def test_a_foreign_service_is_not_exposed(kubectl: Kubectl, namespace: str) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a-gateway", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    kubectl.apply(foreign, gateway("a", namespace, exposure=ROUTE | INGRESS))

    found(kubectl, namespace, "Stalled", "NameConflict")
    assert kubectl.items("httproutes,ingresses", namespace) == []
