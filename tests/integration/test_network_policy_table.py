"""Who reaches whom under the policies that we render: a table with attackers' rows, judged by two evaluators.

The local cluster does not enforce NetworkPolicies. What is judged is what the API server made of the rendered policies;
the judges are Cyclonus, which others test network plugins with, and one written from the API reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dev.kubectl import Kubectl
from dev.network_policies import Peer, Traffic, Verdict, verdicts
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.api.v1alpha1.upstream import ServiceFacts, ServicePort, Upstream, named, resolved
from tenantry_operator.cluster_network import ClusterNetwork, PodSet
from tenantry_operator.kube.services import service_facts
from tenantry_operator.resources.network_policy import Surroundings, build_network_policy
from tests.integration import network_reference as reference
from tests.unit.tenantry_operator.specs import network_policies

ROOT = Path(__file__).resolve().parents[2]
Policy = Mapping[str, Any]

OPERATOR_LABELS = {"app.kubernetes.io/name": "tenantry-operator"}
NETWORK = ClusterNetwork(ingress_namespaces=("ingress-nginx", "gateway-system"), monitoring_namespaces=("monitoring",))


def tenant(ip: str, namespace: str, name: str) -> Peer:
    """A pod of a Gateway, with the labels that the Deployment gives it."""
    labels = {
        "app.kubernetes.io/name": "tenantry-gateway",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/part-of": "tenantry",
        "tenantry.dev/gateway": name,
    }
    return Peer(ip, namespace, labels, ports={"http": 18789})


A = tenant("10.244.1.1", "team-a", "assistants")
A_STANDBY = tenant("10.244.1.2", "team-a", "assistants")
A_SECOND = tenant("10.244.1.3", "team-a", "second")
A_APP = Peer("10.244.1.4", "team-a", {"app": "web"})
B = tenant("10.244.2.1", "team-b", "helpdesk")
B_NAMESAKE = tenant("10.244.2.2", "team-b", "assistants")
B_APP = Peer("10.244.2.3", "team-b", {"app": "web"})
OPERATOR = Peer("10.244.3.1", "tenantry-system", {**OPERATOR_LABELS, "pod-template-hash": "x"})
BESIDE_OPERATOR = Peer("10.244.3.2", "tenantry-system", {"app": "debug"})
FALSE_OPERATOR = Peer("10.244.2.4", "team-b", OPERATOR_LABELS)
INGRESS = Peer("10.244.4.1", "ingress-nginx", {"app": "nginx"})
SECOND_INGRESS = Peer("10.244.4.2", "gateway-system", {"app": "envoy"})
FALSE_INGRESS = Peer("10.244.4.3", "ingress-nginx-test", {"app": "nginx"})
LABELLED_AS_INGRESS = Peer("10.244.4.4", "evil", {"app": "nginx"}, {"name": "ingress-nginx"})
MONITORING = Peer("10.244.5.1", "monitoring", {"app": "prometheus"})
DNS = Peer("10.244.6.1", "kube-system", {"k8s-app": "kube-dns"}, ports={"dns": 53, "dns-tcp": 53, "metrics": 9153})
OTHER_SYSTEM = Peer("10.244.6.2", "kube-system", {"k8s-app": "metrics-server"}, ports={"https": 10250})
FALSE_DNS = Peer("10.244.2.5", "team-b", {"k8s-app": "kube-dns"}, ports={"dns": 53})
NODE_LOCAL_DNS = Peer("169.254.20.10")
PROXY = Peer("10.244.7.1", "proxies", {"app": "proxy"}, ports={"api": 8443, "admin": 9901})
BESIDE_PROXY = Peer("10.244.7.2", "proxies", {"app": "other"}, ports={"api": 8443})
FALSE_PROXY = Peer("10.244.2.6", "team-b", {"app": "proxy"}, ports={"api": 8443})
NODE = Peer("192.168.1.10")
API_SERVER = Peer("10.96.0.1")
INTERNET = Peer("160.79.104.10")
INTERNET_V6 = Peer("2607:6bc0::10")
ANYBODY = Peer("203.0.114.9")
"""A client on the internet."""


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt, and whether it must succeed."""

    source: Peer
    destination: Peer
    port: int
    allowed: bool
    protocol: str = "TCP"

    @property
    def traffic(self) -> Traffic:
        """As the evaluators take it."""
        return Traffic(self.source, self.destination, self.port, self.protocol)

    def __str__(self) -> str:
        def name(peer: Peer) -> str:
            labels = next(iter(peer.labels.values()), "")
            return f"{peer.namespace}/{peer.labels.get('tenantry.dev/gateway', labels)}" if peer.namespace else peer.ip

        verb = "reaches" if self.allowed else "does-not-reach"
        return f"{name(self.source)} {verb} {name(self.destination)} {self.port}/{self.protocol}"


def gateway(name: str, namespace: str, base_url: str | None = None, **policy: object) -> Gateway:
    provider = {"apiKeySecretRef": {"name": "anthropic"}, **({"baseURL": base_url} if base_url else {})}
    return Gateway.parse(
        {
            "metadata": {"name": name, "namespace": namespace, "uid": f"uid-of-{name}"},
            "spec": {"provider": provider, "agents": {"main": {"model": "claude"}}, "networkPolicy": policy},
        }
    )


def upstream_of(subject: Gateway, services: Mapping[tuple[str, str], ServiceFacts]) -> Upstream | None:
    host = named(subject.spec.provider.base_url, subject.meta.namespace, "cluster.local")
    return resolved(host, services.get(getattr(host, "key", ("", ""))))


def rendered(subject: Gateway, network: ClusterNetwork = NETWORK) -> dict[str, Any]:
    """The policy as the operator renders it, where the Service proxies/proxy exists."""
    services = {("proxies", "proxy"): ServiceFacts({"app": "proxy"}, (ServicePort(80, "api"), ServicePort(81, 9000)))}
    manifest = build_network_policy(subject, Surroundings(network, upstream_of(subject, services)))
    assert manifest is not None
    return manifest


@pytest.fixture(scope="module")
def as_stored(installed: Kubectl) -> Any:
    """Ask the API server what it makes of policies."""

    def ask(manifests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        for namespace in sorted({manifest["metadata"]["namespace"] for manifest in manifests}):
            installed.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        command = ("create", "--dry-run=server", "--warnings-as-errors", "-o", "yaml", "-f", "-")
        return list(yaml.safe_load_all(installed.run(*command, stdin=yaml.safe_dump_all(manifests))))

    return ask


def judged(policies: Sequence[Policy], rows: Sequence[Row]) -> list[str]:
    """The rows on which a judge says otherwise, and by whom."""
    traffic = [row.traffic for row in rows]
    by_cyclonus = verdicts(policies, traffic)
    by_reference = [reference.verdict(policies, each) for each in traffic]
    assert by_cyclonus == by_reference, "the evaluators disagree"
    return [f"{row}: {found}" for row, found in zip(rows, by_cyclonus, strict=True) if found.allowed != row.allowed]


TO_A = (
    Row(OPERATOR, A, 18789, True),
    Row(BESIDE_OPERATOR, A, 18789, False),
    Row(FALSE_OPERATOR, A, 18789, False),
    Row(A_APP, A, 18789, True),
    Row(A_STANDBY, A, 18789, False),  # It may come in, but has no way out: nothing needs one before high availability.
    Row(A_SECOND, A, 18789, False),
    Row(B, A, 18789, False),
    Row(B_NAMESAKE, A, 18789, False),
    Row(B_APP, A, 18789, False),
    Row(INGRESS, A, 18789, True),
    Row(SECOND_INGRESS, A, 18789, True),
    Row(FALSE_INGRESS, A, 18789, False),
    Row(LABELLED_AS_INGRESS, A, 18789, False),
    Row(MONITORING, A, 18789, True),
    Row(ANYBODY, A, 18789, False),
    Row(NODE, A, 18789, False),  # Of another node. A pod's own node always reaches it.
    Row(API_SERVER, A, 18789, False),
    *(
        Row(each, A, port, False)
        for each in (OPERATOR, A_APP, INGRESS, MONITORING)
        for port in (80, 8080, 18788, 18790)
    ),
    Row(A_APP, A, 18789, False, "UDP"),
)
NAMES = (
    *(Row(A, DNS, 53, True, protocol) for protocol in ("UDP", "TCP")),
    *(Row(A, NODE_LOCAL_DNS, 53, True, protocol) for protocol in ("UDP", "TCP")),
    Row(A, DNS, 9153, False),
    Row(A, DNS, 53, False, "SCTP"),
    Row(A, OTHER_SYSTEM, 53, False, "UDP"),
    Row(A, OTHER_SYSTEM, 10250, False),
    Row(A, FALSE_DNS, 53, False, "UDP"),
    Row(A, Peer("8.8.8.8"), 53, False, "UDP"),
    Row(A, Peer("169.254.20.11"), 53, False, "UDP"),
    Row(A, NODE_LOCAL_DNS, 443, False),
)
NOT_THE_INTERNET = (
    *("10.0.0.1", "10.96.0.1", "10.244.1.4", "172.16.0.1", "172.31.255.255", "192.168.1.10"),
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("127.0.0.1", "0.0.0.1", "224.0.0.251", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.88.99.1"),
    *("::1", "::", "::a00:1", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fc00::1", "fdff::1"),
    *("fe80::1", "fec0::1", "ff02::1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::1"),
    *("2002:a9fe:a9fe::1", "2002:a00:1::", "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1", "4000::1"),
)
THE_INTERNET = (
    *("160.79.104.10", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"),
    *("2607:6bc0::10", "2606:4700::1", "2001:200::1", "2003::1", "2a00:1450::1", "2600::"),
)
OUT = (
    *(Row(A, Peer(each), 443, True) for each in THE_INTERNET),
    *(Row(A, Peer(each), 443, False) for each in NOT_THE_INTERNET),
    *(Row(A, each, port, False) for each in (INTERNET, INTERNET_V6) for port in (22, 25, 80, 442, 444, 6443, 8443)),
    Row(A, INTERNET, 443, False, "UDP"),
    *(Row(A, Peer("169.254.169.254"), port, False) for port in (80, 443, 8080)),
    *(Row(A, each, port, False) for each in (API_SERVER, NODE) for port in (443, 6443, 10250)),
    *(Row(A, each, 443, False) for each in (A_APP, B_APP, OPERATOR, INGRESS, PROXY)),
    *(Row(A, each, 18789, False) for each in (A_SECOND, B, B_NAMESAKE)),
    *(Row(A, PROXY, port, False) for port in (80, 8443)),
)
NOT_OURS = (
    # What does not belong to a Gateway is none of our business.
    Row(B_APP, A_APP, 8080, True),
    Row(ANYBODY, A_APP, 8080, True),
    Row(A_APP, Peer("169.254.169.254"), 80, True),
    Row(BESIDE_OPERATOR, OPERATOR, 9402, True),
)


def test_every_gateway_reaches_what_it_needs_and_nothing_else_and_so_do_others(as_stored: Any) -> None:
    subjects = [gateway("assistants", "team-a"), gateway("second", "team-a"), gateway("helpdesk", "team-b")]
    policies = as_stored([*map(rendered, subjects), rendered(gateway("assistants", "team-b"))])

    assert judged(policies, (*TO_A, *NAMES, *OUT, *NOT_OURS)) == []


def test_pods_that_do_not_belong_to_the_gateway_are_not_selected() -> None:
    policies = [rendered(gateway("assistants", "team-a"))]

    assert [pod for pod in (A, A_STANDBY) if not reference.selected(policies, pod)] == []
    assert [pod for pod in (A_SECOND, A_APP, B, B_NAMESAKE) if reference.selected(policies, pod)] == []


def test_a_gateway_without_a_policy_still_does_not_reach_the_others() -> None:
    """Both ends guard: one that gave up its own policy is kept out by the others'."""
    policies = [rendered(gateway("assistants", "team-a")), rendered(gateway("helpdesk", "team-b"))]

    assert judged(policies, [Row(A_SECOND, A, 18789, False), Row(A_SECOND, B, 18789, False)]) == []


def test_two_gateways_of_a_namespace_reach_each_other_only_if_both_say_so() -> None:
    pods = {"podSelector": {"matchLabels": {"tenantry.dev/gateway": "assistants"}}}
    out = gateway("second", "team-a", egress=[{"to": [pods], "ports": [{"port": 18789}]}])
    let_in = {"podSelector": {"matchLabels": {"tenantry.dev/gateway": "second"}}}

    closed = [rendered(gateway("assistants", "team-a")), rendered(out)]
    opened = [rendered(gateway("assistants", "team-a", ingressFrom=[let_in])), rendered(out)]

    assert judged(closed, [Row(A_SECOND, A, 18789, False)]) == []
    assert judged(opened, [Row(A_SECOND, A, 18789, True), Row(A, A_SECOND, 18789, False)]) == []


BASE_URLS: list[tuple[str, tuple[Row, ...]]] = [
    (
        "http://proxy.proxies.svc",
        (
            Row(A, PROXY, 8443, True),
            *(Row(A, PROXY, port, False) for port in (80, 443, 9901)),
            Row(A, PROXY, 8443, False, "UDP"),
            Row(A, BESIDE_PROXY, 8443, False),
            Row(A, FALSE_PROXY, 8443, False),
            Row(A, INTERNET, 80, False),
            Row(A, INTERNET, 8443, False),
        ),
    ),
    ("http://proxy.proxies:81", (Row(A, PROXY, 9000, True), Row(A, PROXY, 8443, False), Row(A, PROXY, 81, False))),
    ("http://proxy.proxies.svc:82", (Row(A, PROXY, 82, False), Row(A, INTERNET, 82, False))),
    ("http://gone.proxies.svc:80", (Row(A, PROXY, 8443, False), Row(A, PROXY, 80, False), Row(A, INTERNET, 80, False))),
    ("https://api.example.com", (Row(A, INTERNET, 443, True), Row(A, INTERNET, 8443, False))),
    (
        "https://api.example.com:8443",
        (
            *(Row(A, each, 8443, True) for each in (INTERNET, INTERNET_V6)),
            *(Row(A, Peer(each), 8443, False) for each in NOT_THE_INTERNET),
            *(Row(A, each, 8443, False) for each in (PROXY, B_APP, NODE)),
        ),
    ),
    ("http://api.example.com", (Row(A, INTERNET, 80, True), Row(A, Peer("169.254.169.254"), 80, False))),
    (
        "http://192.168.1.20:8080",
        (
            Row(A, Peer("192.168.1.20"), 8080, True),
            Row(A, Peer("192.168.1.20"), 443, False),
            Row(A, Peer("192.168.1.21"), 8080, False),
            Row(A, INTERNET, 8080, False),
        ),
    ),
    (
        "https://[fd00::20]:8443",
        (
            Row(A, Peer("fd00::20"), 8443, True),
            Row(A, Peer("fd00::20"), 443, False),
            Row(A, Peer("fd00::21"), 8443, False),
        ),
    ),
    ("http://169.254.169.254", (Row(A, Peer("169.254.169.254"), 80, False),)),
    ("http://[fd00:ec2::254]", (Row(A, Peer("fd00:ec2::254"), 80, False),)),
    ("https://kubernetes.default.svc", (Row(A, API_SERVER, 443, False),)),
]


@pytest.mark.parametrize(("url", "rows"), BASE_URLS)
def test_a_base_url_opens_the_way_to_its_host_and_no_other(as_stored: Any, url: str, rows: tuple[Row, ...]) -> None:
    policies = as_stored([rendered(gateway("assistants", "team-a", url))])

    assert judged(policies, (*rows, Row(A, INTERNET, 443, True), Row(A, INTERNET, 22, False))) == []


def test_the_demos_gateways_reach_the_stand_in_for_the_api_where_policies_are_enforced(as_stored: Any) -> None:
    manifests = list(yaml.safe_load_all((ROOT / "dev/manifests/anthropic-standin.yaml").read_text()))
    by_kind = {manifest["kind"]: manifest for manifest in manifests}
    facts = {("anthropic-standin", "anthropic-standin"): service_facts(by_kind["Service"])}
    subject = gateway("assistants", "team-a", "http://anthropic-standin.anthropic-standin.svc:8080")
    policy = build_network_policy(subject, Surroundings(NETWORK, upstream_of(subject, facts)))
    pod = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]

    rows = [Row(A, Peer("10.244.9.9", "anthropic-standin", pod), port, port == 8080) for port in (80, 443, 8080)]

    assert judged(as_stored([policy]), rows) == []


def test_own_rules_are_added_as_they_are_written(as_stored: Any) -> None:
    database = {"podSelector": {"matchLabels": {"app": "db"}}, "namespaceSelector": {"matchLabels": {"kind": "data"}}}
    rules = [
        {"to": [database], "ports": [{"port": "postgres"}, {"port": 7000, "endPort": 7010}]},
        {"to": [{"ipBlock": {"cidr": "10.50.0.0/16", "except": ["10.50.9.0/24"]}}], "ports": [{"port": 389}]},
        {"to": [{"ipBlock": {"cidr": "FD00:50::/32"}}]},
        {"to": [{"podSelector": {"matchLabels": {"app": "cache"}}}], "ports": [{"protocol": "UDP"}]},
    ]
    clients = [
        {"namespaceSelector": {"matchExpressions": [{"key": "kind", "operator": "In", "values": ["client"]}]}},
        {"ipBlock": {"cidr": "192.168.1.0/24", "except": ["192.168.1.128/25"]}},
    ]
    policies = as_stored([rendered(gateway("assistants", "team-a", egress=rules, ingressFrom=clients))])
    db = Peer("10.244.8.1", "data", {"app": "db"}, {"kind": "data"}, {"postgres": 5433})
    unlabelled = Peer("10.244.8.2", "data-2", {"app": "db"}, {}, {"postgres": 5433})
    cache = Peer("10.244.1.9", "team-a", {"app": "cache"})
    rows = (
        Row(A, db, 5433, True),
        *(Row(A, db, port, True) for port in (7000, 7005, 7010)),
        *(Row(A, db, port, False) for port in (5432, 6999, 7011, 22)),
        Row(A, db, 7005, False, "UDP"),
        Row(A, unlabelled, 5433, False),
        Row(A, Peer("10.50.0.1"), 389, True),
        Row(A, Peer("10.50.0.1"), 390, False),
        Row(A, Peer("10.50.9.1"), 389, False),
        Row(A, Peer("10.51.0.1"), 389, False),
        *(Row(A, Peer("fd00:50::1"), 1, True, protocol) for protocol in ("TCP", "UDP", "SCTP")),
        Row(A, Peer("fd00:51::1"), 1, False),
        Row(A, cache, 11211, True, "UDP"),
        Row(A, cache, 11211, False, "TCP"),
        Row(Peer("10.244.9.1", "shop", {}, {"kind": "client"}), A, 18789, True),
        Row(Peer("10.244.9.2", "shop-2", {}, {"kind": "other"}), A, 18789, False),
        Row(Peer("192.168.1.7"), A, 18789, True),
        Row(Peer("192.168.1.7"), A, 22, False),
        Row(Peer("192.168.1.200"), A, 18789, False),
    )

    assert judged(policies, (*rows, *TO_A[:5], *NAMES)) == []


def test_the_clusters_own_servers_and_public_networks_are_configured(as_stored: Any) -> None:
    network = ClusterNetwork(
        operator=PodSet("platform", {"app": "tenantry"}),
        dns_pods=(PodSet("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"}),),
        dns_networks=("10.96.0.10/32",),
        dns_ports=(53, 5353),
        internal_networks=("34.118.0.0/16", "2600:1f13::/32", "10.1.0.0/16"),
    )
    policies = as_stored([rendered(gateway("assistants", "team-a"), network)])
    dns = Peer("10.128.0.5", "openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default"})
    rows = (
        Row(Peer("10.128.0.6", "platform", {"app": "tenantry"}), A, 18789, True),
        Row(OPERATOR, A, 18789, False),
        *(Row(A, dns, 5353, True, protocol) for protocol in ("UDP", "TCP")),
        Row(A, Peer("10.96.0.10"), 53, True, "UDP"),
        Row(A, DNS, 53, False, "UDP"),
        Row(A, NODE_LOCAL_DNS, 53, False, "UDP"),
        Row(A, Peer("34.118.0.1"), 443, False),
        Row(A, Peer("34.119.0.1"), 443, True),
        Row(A, Peer("2600:1f13::1"), 443, False),
        Row(A, Peer("2600:1f14::1"), 443, True),
    )

    assert judged(policies, rows) == []


def test_nothing_is_the_internet_where_the_settings_say_so(as_stored: Any) -> None:
    closed = ClusterNetwork(internal_networks=("0.0.0.0/0", "::/0"))
    policies = as_stored([rendered(gateway("assistants", "team-a", "https://api.example.com:8443"), closed)])

    assert (
        judged(policies, [Row(A, each, port, False) for each in (INTERNET, INTERNET_V6, B) for port in (443, 8443)])
        == []
    )


def handmade(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "handmade", "namespace": "team-a"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def out_to(*peers: dict[str, Any], ports: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    rule = {"to": list(peers), **({"ports": list(ports)} if ports else {})}
    return handmade({"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]})


def test_the_evaluators_know_named_ports_ranges_exceptions_and_ipv6() -> None:
    named_port = out_to({"namespaceSelector": {}}, ports=[{"port": "api"}])
    assert judged([named_port], [Row(A, PROXY, 8443, True), Row(A, PROXY, 9901, False), Row(A, DNS, 53, False)]) == []
    ranged = out_to({"namespaceSelector": {}}, ports=[{"port": 10, "endPort": 12}])
    assert judged([ranged], [Row(A, PROXY, port, 10 <= port <= 12) for port in range(8, 15)]) == []
    block = out_to({"ipBlock": {"cidr": "2000::/3", "except": ["2001:db8::/32"]}})
    assert judged([block], [Row(A, INTERNET_V6, 1, True), Row(A, Peer("2001:db8::1"), 1, False)]) == []
    assert judged([block], [Row(A, INTERNET, 1, False), Row(A, Peer("::ffff:1.2.3.4"), 1, False)]) == []
    nothing = handmade({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    assert judged([nothing], [Row(A, INTERNET, 443, False), Row(B, A, 18789, False), Row(B, B_APP, 1, True)]) == []
    everything = handmade({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]})
    assert judged([everything, nothing], [Row(A, INTERNET, 443, True), Row(B, A, 18789, False)]) == []


def test_where_cyclonus_departs_from_kubernetes_the_reference_decides() -> None:
    """Else one could drop the second evaluator. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"""
    not_in = {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["web"]}]}
    empty = {"matchLabels": {"tier": ""}}
    traffic = Traffic(A, Peer("10.244.1.8", "team-a", {"app": "x"}), 80)

    for selector, right in ((not_in, True), (empty, False)):
        policy = out_to({"podSelector": selector})
        assert verdicts([policy], [traffic]) == [Verdict(egress=not right, ingress=True)]
        assert reference.verdict([policy], traffic) == Verdict(egress=right, ingress=True)


GLOBAL_BUT_LEFT_OUT = tuple(
    map(
        ip_network,
        ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20"),
    )
)


@settings(max_examples=400)
@given(st.ip_addresses())
def test_the_internet_is_what_iana_calls_global(address: IPv4Address | IPv6Address) -> None:
    policy = rendered(gateway("assistants", "team-a"))

    reached = reference.verdict([policy], Traffic(A, Peer(str(address)), 443)).egress

    assigned = address.version == 4 or address in ip_network("2000::/3")
    left_out = any(address.version == each.version and address in each for each in GLOBAL_BUT_LEFT_OUT)
    assert reached == (address.is_global and not address.is_multicast and assigned and not left_out)


@settings(max_examples=25)
@given(network_policies(not_in=False), st.data())
def test_the_evaluators_agree_on_every_policy_that_can_be_asked_for(spec: dict[str, Any], data: st.DataObject) -> None:
    policies = [rendered(gateway("assistants", "team-a", **{**spec, "enabled": True}))]
    labels = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y"]), max_size=2)
    pods = st.builds(Peer, st.just("10.1.2.3"), st.sampled_from(["team-a", "b"]), labels, labels, st.just({"http": 80}))
    peers = st.one_of(pods, st.sampled_from([Peer("10.1.2.3"), Peer("fd00::1"), INTERNET, INTERNET_V6]))
    ports = st.sampled_from([1, 53, 80, 443, 18789, 65535])
    protocols = st.sampled_from(["TCP", "UDP", "SCTP"])
    attempts = data.draw(st.lists(st.tuples(peers, ports, protocols), min_size=20, max_size=20))
    traffic = [
        each
        for peer, port, protocol in attempts
        for each in (Traffic(A, peer, port, protocol), Traffic(peer, A, port, protocol))
    ]

    assert verdicts(policies, traffic) == [reference.verdict(policies, each) for each in traffic]
