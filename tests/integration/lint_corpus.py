"""Every object that a test has the API server take or refuse, out of those tests' own tables."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.integration import (
    test_crd_exposure,
    test_crd_network,
    test_crd_rotation,
    test_crd_storage,
    test_crd_trust,
    test_crd_workload,
    test_crds,
)
from tests.integration.operator_harness import Manifest, binding, gateway

NAMESPACE = "default"


def rows(test: Callable[..., Any]) -> list[Any]:
    """What a test is parametrized with."""
    marks = test.pytestmark  # type: ignore[attr-defined]
    return list(next(mark for mark in marks if mark.name == "parametrize").args[1])


def specs() -> Iterator[Manifest]:
    """What the tables add to a Gateway's spec."""
    yield from rows(test_crd_exposure.test_what_has_a_meaning_is_accepted)
    yield from (row[0] for row in rows(test_crd_exposure.test_what_has_none_is_refused_with_path_and_remedy))
    for policy in (*test_crd_network.TAKEN, *(row[0] for row in test_crd_network.REFUSED)):
        yield {"networkPolicy": policy}
    for auth in (*test_crd_rotation.TAKEN, *(row[0] for row in test_crd_rotation.REFUSED)):
        yield {"auth": auth}
    for storage in rows(test_crd_storage.test_storage_that_can_be_claimed_is_accepted):
        yield {"storage": storage}
    refused = test_crd_storage.test_storage_that_cannot_be_claimed_is_refused_with_its_path_and_what_to_do
    yield from (row[0] for row in rows(refused))
    yield from (row[0] for row in test_crd_workload.REFUSED)
    yield from rows(test_crd_workload.test_what_kubernetes_takes_is_accepted)
    for rule in rows(test_crd_trust.test_consent_is_taken_as_it_is_written):
        yield {"allowedBindings": [rule]}
    misread = test_crd_trust.test_consent_that_could_be_misread_is_refused_with_path_and_remedy
    for row in rows(misread):
        yield {"allowedBindings": [row[0]]}
    for text in rows(test_crd_trust.test_ids_hold_no_characters_that_nobody_sees):
        yield {"bindings": [{"channel": "slack", "agentId": "main", "channelId": text}]}
        yield {"rbac": {"assignments": {text: "admin"}}}
    for text in rows(test_crd_trust.test_what_the_api_server_stores_reaches_the_gateway_unchanged):
        yield {"agents": {"main": {"model": "m", "system": text}}}
    yield from LOCAL


def manifests() -> list[Manifest]:
    """The whole corpus."""
    found = [gateway("a", NAMESPACE, **spec) for spec in specs()]
    taken = rows(test_crds.test_what_the_documentation_shows_is_accepted)
    for path, value, *_ in (*test_crds.REFUSED_GATEWAYS, *taken):
        found.append(test_crds.changed(test_crds.GATEWAY, path, value))
    for path, value, *_ in test_crds.REFUSED_BINDINGS:
        found.append(test_crds.changed(test_crds.BINDING, path, value))
    for wrong in ("Team B", "../team-b", "", "*", "a" * 64, "team-b"):
        found.append(binding("b", NAMESPACE, "a", "slack"))
        found[-1]["spec"]["gatewayRef"]["namespace"] = wrong
    for metadata in METADATA:
        found.append(gateway("a", NAMESPACE))
        found[-1]["metadata"].update(metadata)
    return [{**one, "metadata": {**one["metadata"], "namespace": NAMESPACE}} for one in found]


URLS = (
    "http://h",
    "https://h:443/p",
    "http://h:0",
    "http://h:65536",
    "http://h:",
    "http://:80",
    "http://",
    "http://[::1]:80/",
    "http://[::1",
    "http://[zz]",
    "http://h/%zz",
    "http://h/%41",
    "http://h%41",
    "http://a b",
    "http://a\\b",
    "http://a{b}",
    "http://a|b/",
    "http://a^b/",
    "http://a`b/",
    "http://a<b>/",
    'http://a"b/',
    "http://a:80:80/",
    "http://a:b/",
    "HTTP://h",
    "http:/h",
    "http:h",
    "http:///p",
    "http://h/\u00fc",
    "http://h/{a}",
    "http://a_b",
    "http://-",
    "http://a;b",
    "http://10.0.0.1:08",
)
LOCAL: list[Manifest] = [
    *({"provider": {"apiKeySecretRef": {"name": "anthropic"}, "baseURL": url}} for url in URLS),
    {"replicas": 20, "deletionPolicy": "Nope", "bindings": {}, "env": None, "terminationGracePeriodSeconds": 3},
    {"replicas": 2, "defaultAgent": "zzz", "bindings": [{"channel": "slack", "agentId": "q"}]},
    {"agents": {}, "defaultAgent": ""},
    {"agents": {"B": {"model": ""}, "main": {"model": "m", "systm": 1}}, "nodeSelektor": {"a": "b"}},
    {"agents": {"main": {"model": "m", "system": None}}},
    {"agents": None},
    {"auth": {"tokenSecretRef": {"name": "x"}, "rotation": {}}, "nodeSelector": {"kubernetes.io/arch": "x_"}},
    {"rbac": {"assignments": {"\u00fc" * 256: "admin"}}},
    {"rbac": {"assignments": {"\u00fc" * 257: "admin"}}},
    {"agents": {"main": {"model": "\u00fc" * 256}}},
    {"agents": {"main": {"model": "\U0001f600" * 257}}},
    {"suspended": "yes"},
    {"port": 99999999999},
    {"storage": None},
    {"resources": {"requests": {"cpu": "0.5"}, "limits": {"cpu": "400m"}}},
    {"resources": {"requests": {"ephemeral-storage": "2G"}, "limits": {"ephemeral-storage": "1Gi"}}},
    {"trustedProxies": ["fe80::1%eth0/64", "::ffff:1.2.3.4/128", "1.2.3.4", "1.2.3.0/24", "::/0", "1.2.3.4/33"]},
    {"env": [{"name": "A"}, {"name": "A", "value": "x"}]},
]
METADATA: list[Manifest] = [
    {"name": "A"},
    {"name": "1a"},
    {"name": "a" * 41},
    {"name": "a.b"},
    {"name": "a-"},
    {"labels": {"a b": "c d", "x": "y"}},
    {"labels": {"A/b": "", "a/b/c": "x" * 64}},
    {"annotations": {"a b": "any thing", "A.b/c": "x"}},
    {"lables": {}},
]
