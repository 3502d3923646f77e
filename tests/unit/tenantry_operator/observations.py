"""Anything that can be seen of a Gateway, for hypothesis to choose from."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.upstream import Internet, Obstacle, ServiceName, Unresolved
from tenantry_operator.conditions.agent_binding import judge
from tenantry_operator.conditions.observation import (
    IngressView,
    Observation,
    ParentView,
    Problem,
    RouteView,
    SecretKeys,
    TokenView,
)
from tests.unit.tenantry_operator.objects import (
    binding_body,
    claim_view,
    deployment_view,
    gateway,
    observation,
    pod_view,
    storage_class_view,
)
from tests.unit.tenantry_operator.specs import auths

keys = st.one_of(st.none(), st.frozensets(st.sampled_from(["api-key", "token", "apikey"])))
pods = st.builds(
    pod_view,
    st.sampled_from(["a", "b"]),
    ready=st.booleans(),
    deleting=st.booleans(),
    problem=st.sampled_from([None, "CrashLoopBackOff: x", "Unschedulable: y", "ImagePullBackOff", "Odd: z"]),
)
deployment_conditions = st.lists(
    st.sampled_from(
        [
            {"type": "ReplicaFailure", "status": "True", "message": 'pods "x-1" is forbidden'},
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
        ]
    ),
    max_size=2,
)
deployments = st.builds(
    deployment_view,
    ready=st.integers(0, 1),
    conditions=deployment_conditions,
    replicas=st.integers(0, 1),
    updated=st.integers(0, 1),
    observed_generation=st.integers(0, 1),
)
claims = st.builds(
    claim_view,
    phase=st.sampled_from(["Pending", "Bound", "Lost"]),
    requested=st.sampled_from(["1Gi", "5Gi"]),
    capacity=st.sampled_from(["", "1Gi", "5Gi", "2e9"]),
    storage_class=st.sampled_from([None, "", "standard", "gone"]),
    access_modes=st.sampled_from([("ReadWriteOnce",), ("ReadWriteMany",)]),
    volume=st.sampled_from(["", "pvc-1"]),
    owned=st.booleans(),
    deleting=st.booleans(),
    scheduled=st.booleans(),
    resizing=st.sampled_from(["", "Resizing", "FileSystemResizePending", "NodeResizeError", "NodeResizeInfeasible"]),
)
classes = st.builds(
    storage_class_view,
    st.just("standard"),
    default=st.booleans(),
    expandable=st.booleans(),
    waits=st.booleans(),
    provisioned=st.booleans(),
)
refusals = st.builds(
    Problem, st.sampled_from(["VolumeNotExpandable", "VolumeGrowthRefused"]), st.just("exceeded quota")
)
past = st.integers(0, 10**9).map(lambda second: datetime.fromtimestamp(second, UTC))
moments = st.one_of(st.none(), past)
tokens = st.builds(
    TokenView,
    created=past,
    phase=st.sampled_from(["", "Staged", "Overlap"]),
    staged_at=moments,
    rotated_at=moments,
    request=st.sampled_from(["", "1", "2"]),
    unconfirmed=st.sampled_from(["", "a, b"]),
)
problems = st.builds(
    Problem, st.sampled_from(["NameConflict", "ApplyFailed", "InvalidSpec", "X"]), st.text(max_size=20)
)
upstreams = st.one_of(
    st.just(Internet("api.example.com", 8443)),
    st.builds(Unresolved, st.sampled_from(Obstacle), st.just("a.b"), st.just(80), st.just(ServiceName("b", "a", 80))),
)
routes = st.lists(
    st.fixed_dictionaries(
        {
            "agent": st.sampled_from(["main", "nobody"]),
            "channel": st.sampled_from(["slack", "*"]),
            "namespace": st.sampled_from(["team-a", "guests", "strangers"]),
        }
    ),
    max_size=3,
)

EXTRAS = {
    "exposure": {"httpRoute": {"parentRefs": [{"name": "public"}]}, "ingress": {"hosts": ["a.example"]}},
    "monitoring": {"serviceMonitor": {}, "prometheusRule": {}},
}
extra_kinds = st.sampled_from(["HTTPRoute", "Ingress", "ServiceMonitor", "PrometheusRule"])
parents = st.builds(
    ParentView,
    st.sampled_from([{"name": "public"}, {"name": "public", "namespace": "team-a"}, {}]),
    st.just("example.com/c"),
    st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["Accepted", "ResolvedRefs"]), "status": st.sampled_from(["True", "False"])},
            optional={"reason": st.just("X"), "message": st.text(max_size=9), "observedGeneration": st.integers(1, 2)},
        ),
        max_size=2,
    ),
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    """Anything that can be seen of a Gateway."""
    storage = draw(st.sampled_from([{}, {"size": "2Gi"}, {"storageClassName": "fast"}]))
    auth, request = draw(auths), draw(st.sampled_from(["", "1", "2", "x" * 500]))
    consent = [{"namespaces": {"from": "Names", "names": ["guests"]}}]
    features = draw(st.sampled_from([{}, EXTRAS])) | {"suspended": draw(st.sampled_from([False, False, True]))}
    subject = gateway({"allowedBindings": consent, "storage": storage, "auth": auth, **features})
    subject = replace(subject, meta=replace(subject.meta, rotate_token=request))
    bodies = [
        binding_body(
            f"route-{index}", agent=route["agent"], match={"channel": route["channel"]}, namespace=route["namespace"]
        )
        for index, route in enumerate(draw(routes))
    ]
    seen = observation(
        subject,
        secrets={name: SecretKeys(name, found) for name, found in draw(st.dictionaries(_names, keys)).items()},
        deployment=draw(st.one_of(st.none(), deployments)),
        pods=tuple(draw(st.lists(pods, max_size=2))),
        verdicts=judge(subject, [AgentBinding.parse(body) for body in bodies]),
        served=draw(st.dictionaries(st.sampled_from(["a", "b"]), st.just("other"))),
        claim=draw(st.one_of(st.none(), claims)),
        storage_classes=draw(st.one_of(st.none(), st.just({}), classes.map(lambda one: {one.name: one}))),
        growth_refused=draw(st.one_of(st.none(), refusals)),
        policy_exists=draw(st.booleans()),
        missing_apis=draw(st.frozensets(extra_kinds)),
        extra_problems=draw(st.dictionaries(extra_kinds, problems)),
        extras=draw(st.frozensets(extra_kinds)),
        http_route=draw(st.one_of(st.none(), st.builds(RouteView, st.just(2), st.lists(parents).map(tuple)))),
        ingress=draw(st.one_of(st.none(), st.builds(IngressView, st.sampled_from([(), ("192.0.2.1",)])))),
        upstream=draw(st.one_of(st.none(), upstreams)),
        problem=draw(st.one_of(st.none(), problems)),
        token=draw(st.one_of(st.none(), tokens)),
        blind_selectors=draw(st.one_of(st.none(), problems)),
    )
    return draw(st.sampled_from([seen, replace(seen, desired=None)]))


_names = st.sampled_from(["anthropic", "assistants-token"])
