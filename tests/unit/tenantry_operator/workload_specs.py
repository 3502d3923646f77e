"""Strategies for what a Gateway says of its pods, as the API server accepts it."""

from typing import Any

from hypothesis import strategies as st

Fields = dict[str, Any]

SECRET_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
SECRET_KEYS = st.from_regex(r"[.]?[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,19}", fullmatch=True)
PRIORITY_CLASSES = ("team-high", "team-low")
RUNTIME_CLASSES = ("sandbox",)
"""They must exist for pods that name them."""
POD_CLASSES: Fields = {"priorityClassName": PRIORITY_CLASSES, "runtimeClassName": RUNTIME_CLASSES}

label_values = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,10}[A-Za-z0-9])?)?", fullmatch=True)
names = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,10}[A-Za-z0-9])?", fullmatch=True)
prefixes = st.sampled_from(["", "example.com/", "a.b-c.example.org/", "kubernetes.io/", "x/"])
label_keys = st.builds("{}{}".format, prefixes, names)
labels = st.dictionaries(label_keys, label_values, max_size=3)
annotations = st.dictionaries(label_keys, st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=3)
node_keys = st.one_of(label_keys, st.sampled_from(["kubernetes.io/os", "topology.kubernetes.io/zone"]))
weights = st.integers(1, 100)
values = st.lists(label_values, min_size=1, max_size=3)
_PIECES = ("$", "$$", "$(HOME)", "$$(A)", "(", ")")
dollars = st.lists(st.one_of(st.sampled_from(_PIECES), names), max_size=6).map("".join)

no_nul = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=9)
env_values = st.one_of(dollars, no_nul)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Fields]:
    """An object with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _requirements(keys: st.SearchStrategy[str], *more: st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    some = st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": values})
    none: st.SearchStrategy[Fields] = st.fixed_dictionaries(
        {"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])},
        optional={"values": st.just([])},
    )
    return st.one_of(some, none, *more)


cpus = st.one_of(
    st.integers(0, 64), st.sampled_from(["0", "1", "1.5", "0.1", "2.000", "0.001", "1000m", "50m", "1500m", "2500m"])
)
bytes_ = st.one_of(
    st.sampled_from([0, 134217728, "128974848", "1024Mi", "1Gi", "0.5Gi", "1.125Gi", "1.5G", "0.001k", "1000Ki"]),
    st.builds("{}{}".format, st.integers(0, 4096), st.sampled_from(["Ki", "Mi", "Gi", "k", "M", "G"])),
)
_GENEROUS = {"cpu": "1000", "memory": "999T", "ephemeral-storage": "999T"}
"""Above everything that is requested here."""
_amounts = {"cpu": cpus, "memory": bytes_, "ephemeral-storage": bytes_}
resources: st.SearchStrategy[Fields] = st.one_of(
    st.fixed_dictionaries({"limits": st.just(_GENEROUS)}, optional={"requests": optional(**_amounts)}),
    st.fixed_dictionaries({"requests": st.just(dict.fromkeys(_amounts, 0))}, optional={"limits": optional(**_amounts)}),
    st.just({}),
)

tolerations = st.one_of(
    st.fixed_dictionaries(
        {"operator": st.just("Exists")},
        optional={
            "key": label_keys,
            "value": st.just(""),
            "effect": st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        },
    ),
    st.fixed_dictionaries(
        {"key": label_keys, "effect": st.just("NoExecute")},
        optional={"operator": st.just("Equal"), "value": label_values, "tolerationSeconds": st.integers(-1, 3600)},
    ),
)

node_requirements = _requirements(
    node_keys,
    st.fixed_dictionaries(
        {
            "key": node_keys,
            "operator": st.sampled_from(["Gt", "Lt"]),
            "values": st.integers(0, 10**17).map(lambda number: [str(number)]),
        }
    ),
)
node_fields = st.fixed_dictionaries(
    {
        "key": st.just("metadata.name"),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": SECRET_NAMES.map(lambda name: [name]),
    }
)
node_terms = optional(
    matchExpressions=st.lists(node_requirements, max_size=2), matchFields=st.lists(node_fields, max_size=1)
)
selectors = optional(matchLabels=labels, matchExpressions=st.lists(_requirements(label_keys), max_size=2))
FREE_KEYS = ("example.net/one", "example.net/two", "example.net/three")
"""That no selector drawn here asks about."""
pod_terms = st.fixed_dictionaries(
    {"labelSelector": selectors, "topologyKey": node_keys},
    optional={
        "namespaces": st.lists(SECRET_NAMES, max_size=2),
        "namespaceSelector": selectors,
        "matchLabelKeys": st.lists(st.sampled_from(FREE_KEYS[:2]), max_size=2, unique=True),
        "mismatchLabelKeys": st.just([FREE_KEYS[2]]),
    },
)
_REQUIRED, _PREFERRED = (f"{kind}DuringSchedulingIgnoredDuringExecution" for kind in ("required", "preferred"))
pod_affinities = optional(
    **{
        _REQUIRED: st.lists(pod_terms, max_size=2),
        _PREFERRED: st.lists(st.fixed_dictionaries({"weight": weights, "podAffinityTerm": pod_terms}), max_size=2),
    }
)
node_affinities = optional(
    **{
        _REQUIRED: st.fixed_dictionaries({"nodeSelectorTerms": st.lists(node_terms, min_size=1, max_size=2)}),
        _PREFERRED: st.lists(st.fixed_dictionaries({"weight": weights, "preference": node_terms}), max_size=2),
    }
)
affinities = optional(nodeAffinity=node_affinities, podAffinity=pod_affinities, podAntiAffinity=pod_affinities)


def _spread(when: str, more: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Fields]:
    return st.fixed_dictionaries(
        {"maxSkew": st.integers(1, 5), "topologyKey": node_keys, "whenUnsatisfiable": st.just(when)},
        optional={
            "labelSelector": selectors,
            "nodeAffinityPolicy": st.sampled_from(["Honor", "Ignore"]),
            "nodeTaintsPolicy": st.sampled_from(["Honor", "Ignore"]),
            "matchLabelKeys": st.just([FREE_KEYS[0]]),
            **more,
        },
    )


spreads = st.lists(
    st.one_of(_spread("ScheduleAnyway", {}), _spread("DoNotSchedule", {"minDomains": st.integers(1, 3)})),
    max_size=2,
    unique_by=lambda each: (each["topologyKey"], each["whenUnsatisfiable"]),
)

variable_names = st.one_of(
    st.sampled_from(["HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "PATHS", "MY_HOME", "_x"]),
    st.from_regex(r"[a-z_][A-Za-z0-9_]{0,10}", fullmatch=True),
)
key_refs = st.fixed_dictionaries({"name": SECRET_NAMES, "key": SECRET_KEYS}, optional={"optional": st.booleans()})
sources = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": key_refs}), st.fixed_dictionaries({"configMapKeyRef": key_refs})
)
variables = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "name": variable_names,
                "value": env_values,
            }
        ),
        st.fixed_dictionaries({"name": variable_names, "valueFrom": sources}),
    ),
    max_size=3,
    unique_by=lambda each: str(each["name"]),
)

workload_fields: dict[str, st.SearchStrategy[Any]] = {
    "suspended": st.booleans(),
    "resources": resources,
    "nodeSelector": st.dictionaries(node_keys, label_values, max_size=2),
    "tolerations": st.lists(tolerations, max_size=2),
    "affinity": affinities,
    "topologySpreadConstraints": spreads,
    "priorityClassName": st.sampled_from(PRIORITY_CLASSES),
    "runtimeClassName": st.sampled_from(RUNTIME_CLASSES),
    "serviceAccount": optional(annotations=annotations),
    "podLabels": labels,
    "podAnnotations": annotations,
    "env": variables,
    "terminationGracePeriodSeconds": st.integers(30, 3600),
}
"""Optional fields of a Gateway's spec. How many replicas there may be depends on the storage."""


def replicas(spec: Fields) -> st.SearchStrategy[int]:
    """How many replicas a Gateway with this storage may have."""
    modes = spec.get("storage", {}).get("accessModes", ["ReadWriteOnce"])
    return st.integers(0, 10 if "ReadWriteMany" in modes else 1)
