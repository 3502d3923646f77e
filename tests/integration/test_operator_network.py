"""The NetworkPolicy of a Gateway: that it is there, follows its base URL's Service, and goes when not wanted."""

import json

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Manifest, Operator, condition, eventually, gateway

pytestmark = pytest.mark.usefixtures("operator")


def with_url(url: str) -> Manifest:
    return {"provider": {"apiKeySecretRef": {"name": "anthropic", "key": "api-key"}, "baseURL": url}}


def service(name: str, namespace: str, **spec: object) -> Manifest:
    ports = [{"name": "api", "port": 80, "protocol": "TCP", "targetPort": "http"}]
    given = {"selector": {"app": "proxy"}, "ports": ports, **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in given.items() if value is not None},
    }


def policy(kubectl: Kubectl, namespace: str) -> Manifest:
    return kubectl.get("networkpolicy", "a-gateway", namespace)


def way_to(namespace: str, labels: dict[str, str], port: int | str) -> Manifest:
    """The rule that opens the way to a Service's pods."""
    peer = {
        "podSelector": {"matchLabels": labels},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
    }
    return {"to": [peer], "ports": [{"protocol": "TCP", "port": port}]}


def opens(kubectl: Kubectl, namespace: str, rule: Manifest) -> bool:
    return rule in policy(kubectl, namespace)["spec"]["egress"]


def says(kubectl: Kubectl, namespace: str, reason: str) -> Manifest | None:
    """NetworkPolicyReady, once it has this reason."""
    found = condition(kubectl.get("tgw", "a", namespace), "NetworkPolicyReady")
    return found if found and found["reason"] == reason else None


def reconciling(kubectl: Kubectl, namespace: str) -> Manifest | None:
    return condition(kubectl.get("tgw", "a", namespace), "Reconciling")


def test_a_gateway_is_shielded_before_its_pods_are_made(kubectl: Kubectl, operator: Operator, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))

    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))

    found = policy(kubectl, namespace)["spec"]
    assert found["podSelector"] == {
        "matchLabels": {"app.kubernetes.io/name": "tenantry-gateway", "tenantry.dev/gateway": "a"}
    }
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert [rule["ports"] for rule in found["ingress"]] == [[{"port": 18789, "protocol": "TCP"}]]
    writes = operator.writes(namespace)
    assert writes.index("patch networkpolicies/ a-gateway") < writes.index("patch deployments/ a-gateway")


def test_the_way_follows_the_service_that_the_base_url_names(kubectl: Kubectl, namespace: str) -> None:
    other = f"{namespace}-proxy"
    kubectl.run("create", "namespace", other)
    kubectl.apply(gateway("a", namespace, **with_url(f"http://proxy.{other}.svc")))
    missing = eventually(lambda: says(kubectl, namespace, "BaseURLServiceMissing"))
    assert missing["status"] == "False"
    assert f"kubectl -n {other} get service proxy" in missing["message"]

    kubectl.apply(service("proxy", other))
    eventually(lambda: opens(kubectl, namespace, way_to(other, {"app": "proxy"}, "http")) or None)
    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))

    kubectl.apply(service("proxy", other, selector={"app": "next"}))
    eventually(lambda: opens(kubectl, namespace, way_to(other, {"app": "next"}, "http")) or None)
    assert not opens(kubectl, namespace, way_to(other, {"app": "proxy"}, "http"))

    kubectl.apply(service("proxy", other, selector={"app": "next"}, ports=[{"name": "api", "port": 81}]))
    eventually(lambda: says(kubectl, namespace, "BaseURLPortMissing"))
    assert not opens(kubectl, namespace, way_to(other, {"app": "next"}, "http"))

    kubectl.run("-n", other, "delete", "service", "proxy")
    eventually(lambda: says(kubectl, namespace, "BaseURLServiceMissing"))
    kubectl.run("delete", "namespace", other, "--wait=false")


def test_a_missing_service_shows_as_work_in_progress_until_it_is_there(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, **with_url("http://proxy:80")))
    eventually(lambda: says(kubectl, namespace, "BaseURLServiceMissing"))
    assert reconciling(kubectl, namespace)

    kubectl.apply(service("proxy", namespace))

    assert eventually(lambda: says(kubectl, namespace, "PolicyApplied"))["status"] == "True"


def test_a_service_without_a_selector_is_left_to_the_gateways_own_rules(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(service("proxy", namespace, selector=None))
    kubectl.apply(gateway("a", namespace, **with_url("http://proxy:80")))
    eventually(lambda: says(kubectl, namespace, "BaseURLServiceWithoutSelector"))

    rule = {"to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}], "ports": [{"protocol": "TCP", "port": 8080}]}
    kubectl.apply(gateway("a", namespace, **with_url("http://proxy:80"), networkPolicy={"egress": [rule]}))

    eventually(lambda: says(kubectl, namespace, "LeftToEgress"))
    assert opens(kubectl, namespace, rule)


def test_a_base_url_to_the_clouds_metadata_is_refused_until_it_is_corrected(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, **with_url("http://169.254.169.254")))
    eventually(lambda: says(kubectl, namespace, "BaseURLRefused"))
    assert "169.254.169.254/32" not in json.dumps(policy(kubectl, namespace))

    kubectl.apply(gateway("a", namespace, **with_url("http://192.168.7.7:8080")))

    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))
    assert opens(
        kubectl,
        namespace,
        {"to": [{"ipBlock": {"cidr": "192.168.7.7/32"}}], "ports": [{"protocol": "TCP", "port": 8080}]},
    )


def test_a_policy_that_is_not_wanted_is_removed_and_its_condition_too(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))

    kubectl.apply(gateway("a", namespace, networkPolicy={"enabled": False}))

    eventually(lambda: not kubectl.items("networkpolicies", namespace) or None)
    eventually(lambda: condition(kubectl.get("tgw", "a", namespace), "NetworkPolicyReady") is None or None)


def test_a_policy_that_somebody_opens_is_closed_again(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace))
    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))
    wanted = policy(kubectl, namespace)["spec"]

    patch = json.dumps({"spec": {"egress": [{}], "ingress": [{}]}})
    kubectl.run("-n", namespace, "patch", "networkpolicy", "a-gateway", "--type=merge", "-p", patch)

    eventually(lambda: policy(kubectl, namespace)["spec"] == wanted or None)


def test_a_restarted_operator_finds_every_kind_of_rule_as_it_wants_it_and_writes_nothing(
    kubectl: Kubectl, operator: Operator, namespace: str
) -> None:
    kubectl.apply(service("proxy", namespace))
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
    }
    peers = [
        {"podSelector": {}},
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {}}},
        {"podSelector": selector, "namespaceSelector": selector},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
        {"ipBlock": {"cidr": "2001:DB8:0::/32", "except": []}},
    ]
    ports = [{}, {"port": 53, "protocol": "UDP"}, {"port": "http"}, {"port": 8000, "endPort": 8080}]
    rules = {"ingressFrom": peers, "egress": [{"to": peers, "ports": ports}, {"to": peers, "ports": []}]}
    kubectl.apply(gateway("a", namespace, **with_url("http://proxy:80"), networkPolicy=rules))
    eventually(lambda: says(kubectl, namespace, "PolicyApplied"))
    eventually(lambda: kubectl.get("tgw", "a", namespace)["status"].get("replicas") == 1 or None)
    operator.stop()

    before = operator.audited()
    operator.start()
    operator.settled(1)

    assert operator.writes(namespace, before) == []
