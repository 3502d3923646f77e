"""Strategies that draw what the API server accepts: whole Gateway specs and AgentBindings."""

from typing import Any

from hypothesis import strategies as st

from tests.unit.tenantry_operator.objects import binding_body
from tests.unit.tenantry_operator.workload_specs import SECRET_KEYS, SECRET_NAMES, replicas, workload_fields

SUBSTITUTIONS = ("${HOME}", "$${HOME}", "${GATEWAY_TOKEN}", "$$${A}", "${channel}", "$", "{", "${", "}")

prose = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(SUBSTITUTIONS))).map(
    "".join
)
_shown = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])
peer_ids = (
    st.lists(st.one_of(st.text(_shown), st.sampled_from(SUBSTITUTIONS)))
    .map("".join)
    .filter(lambda text: 1 <= len(text) <= 256)
)
agent_ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
channels = st.one_of(st.just("*"), st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True))
roles = st.sampled_from(["admin", "operator", "user", "viewer"])
session_keys = st.sampled_from(["${channel}:${senderId}", "one", "${agentId}", "x-${channelId}"])
priorities = st.integers(-1000, 1000)

agents = st.fixed_dictionaries(
    {"model": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,40}", fullmatch=True)},
    optional={"system": prose, "maxTokens": st.integers(1, 200_000)},
)
secret_refs = st.fixed_dictionaries({"name": SECRET_NAMES}, optional={"key": SECRET_KEYS})
durations = {
    "interval": st.sampled_from(["720h", "24h30m", "90000s"]),
    "overlap": st.sampled_from(["60s", "1h", "23h"]),
}
auths = st.one_of(
    st.fixed_dictionaries({}, optional={"tokenSecretRef": secret_refs}),
    st.fixed_dictionaries({"rotation": st.fixed_dictionaries({}, optional=durations).filter(bool)}),
)
images = st.fixed_dictionaries(
    {},
    optional={
        "tag": st.just("1.2.3"),
        "digest": st.just(f"sha256:{'0' * 64}"),
        "pullPolicy": st.sampled_from(["Always", "IfNotPresent", "Never"]),
        "pullSecrets": st.lists(st.fixed_dictionaries({"name": SECRET_NAMES}), max_size=2, unique_by=str),
    },
)
sizes = st.one_of(
    st.builds("{}{}".format, st.integers(1, 999), st.sampled_from(["G", "Gi"])),
    st.sampled_from(["64Mi", "1024Mi", "70T", "64Ti", "67108864", "1000000000", "70000k"]),
)
storages = st.fixed_dictionaries(
    {},
    optional={
        "size": sizes,
        "storageClassName": st.one_of(st.just(""), SECRET_NAMES),
        "accessModes": st.sampled_from(
            [["ReadWriteOnce"], ["ReadWriteMany", "ReadWriteOnce"], ["ReadWriteMany"], ["ReadWriteOncePod"]]
        ),
    },
)


def _routes(ids: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"channel": channels, "agentId": st.sampled_from(ids)},
        optional={"channelId": peer_ids, "senderId": peer_ids, "sessionKey": session_keys, "priority": priorities},
    )


label_keys = st.from_regex(r"([a-z]{1,9}[.]example/)?[a-zA-Z]([-_.a-zA-Z0-9]{0,9}[a-zA-Z0-9])?", fullmatch=True)
label_values = st.from_regex(r"([a-zA-Z0-9]([-_.a-zA-Z0-9]{0,9}[a-zA-Z0-9])?)?", fullmatch=True)
namespace_names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,9}[a-z0-9])?", fullmatch=True)
match_labels = st.dictionaries(label_keys, label_values, min_size=1, max_size=2)
match_expressions = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "key": label_keys,
                "operator": st.sampled_from(["In", "NotIn"]),
                "values": st.lists(label_values, min_size=1, max_size=2),
            }
        ),
        st.fixed_dictionaries({"key": label_keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
    ),
    min_size=1,
    max_size=2,
)
namespace_selectors = st.one_of(
    st.fixed_dictionaries({"matchLabels": match_labels}, optional={"matchExpressions": match_expressions}),
    st.fixed_dictionaries({"matchExpressions": match_expressions}),
)


def _selectors(*, not_in: bool) -> st.SearchStrategy[dict[str, Any]]:
    few_keys = st.one_of(label_keys, st.sampled_from("abc"))
    few_values = st.one_of(label_values.filter(bool) if not not_in else label_values, st.sampled_from("xy"))
    with_values = st.fixed_dictionaries(
        {
            "key": few_keys,
            "operator": st.sampled_from(["In", "NotIn"] if not_in else ["In"]),
            "values": st.lists(few_values, min_size=1, max_size=2),
        }
    )
    without = st.fixed_dictionaries({"key": few_keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])})
    return st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(few_keys, few_values, max_size=2),
            "matchExpressions": st.lists(st.one_of(with_values, without), max_size=2),
        },
    )


ip_blocks = st.sampled_from(
    [
        {"cidr": "10.0.0.0/8"},
        {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.3.4/32"]},
        {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]},
        {"cidr": "FD00:0::/8", "except": ["fd00::1/128"]},
        {"cidr": "::/0", "except": []},
    ]
)
policy_ports = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"port": st.one_of(st.integers(1, 65535), st.sampled_from(["http", "a-1"]))}),
    st.fixed_dictionaries({"port": st.integers(1, 443), "endPort": st.integers(443, 65535)}),
).flatmap(
    lambda port: st.fixed_dictionaries(
        {name: st.just(value) for name, value in port.items()},
        optional={"protocol": st.sampled_from(["TCP", "UDP", "SCTP"])},
    )
)


def network_policies(*, not_in: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """``spec.networkPolicy``; without NotIn and empty values where an evaluator takes them for something else."""
    selector = _selectors(not_in=not_in)
    peers = st.one_of(
        st.fixed_dictionaries({"ipBlock": ip_blocks}),
        st.fixed_dictionaries({"podSelector": selector}, optional={"namespaceSelector": selector}),
        st.fixed_dictionaries({"namespaceSelector": selector}),
    )
    rules = st.fixed_dictionaries(
        {"to": st.lists(peers, min_size=1, max_size=2)}, optional={"ports": st.lists(policy_ports, max_size=2)}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "enabled": st.booleans(),
            "ingressFrom": st.lists(peers, max_size=2),
            "egress": st.lists(rules, max_size=2),
        },
    )


base_urls = st.sampled_from(
    [
        "http://a.b.svc:8080",
        "https://x.example/v1",
        "http://proxy",
        "http://proxy.other:81",
        "http://x.example:8080/v1",
        "https://a.b.svc.cluster.local.",
        "http://a.pod.cluster.local",
        "http://10.1.2.3:8080",
        "https://[2001:DB8::1]:8443",
        "http://169.254.169.254",
        "http://[::ffff:10.0.0.1]",
        "http://localhost:65535",
        "http://2130706433",
        "https://A_b.example",
    ]
)
binding_namespaces = st.one_of(
    st.just({"from": "All"}),
    st.fixed_dictionaries(
        {"from": st.just("Names"), "names": st.lists(namespace_names, min_size=1, max_size=3, unique=True)}
    ),
    st.fixed_dictionaries({"from": st.just("Selector"), "selector": namespace_selectors}),
)


def allowed_bindings(ids: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Consent to other namespaces' bindings, to agents among ``ids``."""
    rule = st.fixed_dictionaries(
        {"namespaces": binding_namespaces},
        optional={
            "agents": st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True),
            "channels": st.lists(channels.filter(lambda name: name != "*"), min_size=1, max_size=2, unique=True),
        },
    )
    return st.lists(rule, max_size=3)


host_names = st.builds(
    "{}{}".format,
    st.sampled_from(["", "*."]),
    st.from_regex(r"[a-z]([-a-z0-9]{0,9}[a-z0-9])?[.]example", fullmatch=True),
)
annotations = st.dictionaries(
    label_keys.filter(lambda key: "snippet" not in key), st.text(st.characters(codec="utf-8"), max_size=20), max_size=2
)
http_routes = st.fixed_dictionaries(
    {
        "parentRefs": st.lists(
            st.fixed_dictionaries(
                {"name": namespace_names, "sectionName": namespace_names},
                optional={"namespace": namespace_names, "port": st.integers(1, 65535)},
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda parent: parent["sectionName"],
        )
    },
    optional={"hostnames": st.lists(host_names, max_size=3, unique=True), "annotations": annotations},
)
ingresses = st.fixed_dictionaries(
    {"hosts": st.lists(host_names, min_size=1, max_size=3, unique=True)},
    optional={
        "ingressClassName": namespace_names,
        "tls": st.fixed_dictionaries({"secretName": SECRET_NAMES}),
        "annotations": annotations,
    },
)
exposures = st.fixed_dictionaries({}, optional={"httpRoute": http_routes, "ingress": ingresses})
own_labels = st.fixed_dictionaries({}, optional={"labels": st.dictionaries(label_keys, label_values, max_size=2)})
service_monitors = st.builds(
    lambda labels, interval: {**labels, **interval},
    own_labels,
    st.fixed_dictionaries({}, optional={"interval": st.sampled_from(["15s", "1m", "1m30s", "2h"])}),
)
monitorings = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"serviceMonitor": service_monitors}, optional={"prometheusRule": own_labels}),
)


@st.composite
def gateway_specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec that the CRD accepts."""
    chosen = draw(st.dictionaries(agent_ids, agents, min_size=1, max_size=4))
    provider = {"apiKeySecretRef": secret_refs}
    optional = {
        "image": images,
        "port": st.integers(1024, 65535),
        "logLevel": st.sampled_from(["debug", "info", "warn", "error"]),
        "auth": auths,
        "rbac": st.fixed_dictionaries(
            {"enabled": st.booleans(), "defaultRole": roles},
            optional={"assignments": st.dictionaries(peer_ids, roles, max_size=3)},
        ),
        "defaultAgent": st.sampled_from(sorted(chosen)),
        "bindings": st.lists(_routes(sorted(chosen)), max_size=4),
        "storage": storages,
        "exposure": exposures,
        "monitoring": monitorings,
        "deletionPolicy": st.sampled_from(["Retain", "Delete"]),
        "allowedBindings": allowed_bindings(sorted(chosen)),
        "networkPolicy": network_policies(),
        "trustedProxies": st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]), max_size=2),
        **workload_fields,
    }
    spec = draw(
        st.fixed_dictionaries(
            {
                "agents": st.just(chosen),
                "provider": st.fixed_dictionaries(provider, optional={"baseURL": base_urls}),
            },
            optional=optional,
        )
    )
    return spec | draw(st.fixed_dictionaries({}, optional={"replicas": replicas(spec)}))


@st.composite
def binding_bodies(draw: st.DrawFn, ids: list[str]) -> list[dict[str, Any]]:
    """AgentBindings to agents among ``ids``."""
    names = draw(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), unique=True, max_size=4))
    bodies = []
    for name in names:
        route = draw(_routes(ids))
        match: dict[str, str] = {key: route[key] for key in route.keys() & {"channel", "channelId", "senderId"}}
        spec: dict[str, Any] = {key: route[key] for key in route.keys() & {"sessionKey", "priority"}}
        second = draw(st.integers(0, 2))
        created = f"2026-01-01T00:00:0{second}Z"
        bodies.append(binding_body(name, agent=route["agentId"], match=match, spec=spec, created=created))
    return bodies
