from collections.abc import Callable

import pytest

from tenantry_operator.cluster_network import (
    ClusterNetwork,
    PodSet,
    parse_domain,
    parse_labels,
    parse_names,
    parse_networks,
    parse_pod_sets,
    parse_ports,
)
from tenantry_operator.settings import SettingsError, parse_settings

HOME = {"HOME": "/home/x"}


@pytest.mark.parametrize(
    ("parse", "text", "found"),
    [
        (parse_names, "", ()),
        (parse_names, "monitoring, ingress-nginx monitoring", ("ingress-nginx", "monitoring")),
        (parse_labels, "a=b,example.com/c=", {"a": "b", "example.com/c": ""}),
        (parse_pod_sets, "", ()),
        (
            parse_pod_sets,
            "kube-system/k8s-app=kube-dns openshift-dns/dns.operator.openshift.io/daemonset-dns=default,x=y",
            (
                PodSet("kube-system", {"k8s-app": "kube-dns"}),
                PodSet("openshift-dns", {"dns.operator.openshift.io/daemonset-dns": "default", "x": "y"}),
            ),
        ),
        (parse_networks, "10.96.0.10,FD00:0::10 10.0.0.0/8", ("10.96.0.10/32", "fd00::10/128", "10.0.0.0/8")),
        (parse_ports, "5353,53 53", (53, 5353)),
        (parse_domain, "cluster.local.", "cluster.local"),
    ],
)
def test_what_a_command_line_says_is_read(parse: Callable[[str], object], text: str, found: object) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    ("flag", "text", "message"),
    [
        ("--operator-labels", "", "there is no label"),
        ("--operator-labels", "app", "'app' is not a label: write key=value"),
        ("--operator-labels", "a b=c", "'a' is not a label"),
        ("--ingress-namespaces", "Nginx", "'Nginx' is not a namespace"),
        ("--monitoring-namespaces", "a/b", "'a/b' is not a namespace"),
        ("--dns-pods", "k8s-app=kube-dns", "write namespace/key=value"),
        ("--dns-pods", "kube-system/", "there is no label"),
        ("--dns-addresses", "dns.example.com", "is not an address or network"),
        ("--dns-ports", "", "there is no port"),
        ("--dns-ports", "53,0", "'0' is not a port"),
        ("--dns-ports", "dns", "'dns' is not a port"),
        ("--internal-networks", "10.0.0.1/8", "host bits set"),
        ("--cluster-domain", "", "'' is not a domain"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_settings_name(flag: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{flag}: ") as refusal:
        parse_settings([flag, text], HOME)

    assert message in str(refusal.value)


def test_what_is_not_set_is_as_in_most_clusters() -> None:
    assert parse_settings([], HOME).network == ClusterNetwork()


def test_the_operators_pods_are_of_its_own_namespace() -> None:
    found = parse_settings([], {**HOME, "POD_NAMESPACE": "platform", "TENANTRY_OPERATOR_LABELS": "app=tenantry"})

    assert found.network.operator == PodSet("platform", {"app": "tenantry"})
