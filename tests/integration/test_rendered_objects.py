"""Whatever a Gateway asks for: the API server takes every object that becomes of it, and prints it as it was written.

Properties of specs that are drawn at random. Of a valid one, every object is accepted without a warning, its pods pass
Pod Security `restricted`, and what the API server would store is what was sent: a second reconcile has nothing to
send. That is so also where the objects of another valid spec are there already. And what the API server refuses, the
operator's own models refuse too, and the other way round.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.errors import InvalidObject
from tenantry_operator.kube.kinds import GATEWAY, SECRET, kind_of
from tenantry_operator.kube.projection import live_digest, manifest_digest, owned_fields
from tenantry_operator.resources.desired import Desired, desired
from tenantry_operator.resources.metadata import FIELD_MANAGER
from tenantry_operator.resources.secret import build_token_secret
from tests.integration.dry_run import Answer, DryRun
from tests.integration.own_control_plane import control_plane, installed, kubectl, serve
from tests.unit.tenantry_operator.mutations import mutated
from tests.unit.tenantry_operator.objects import DEFAULTS
from tests.unit.tenantry_operator.specs import gateway_specs
from tests.unit.tenantry_operator.workload_specs import PRIORITY_CLASSES, RUNTIME_CLASSES

__all__ = ["control_plane", "installed", "kubectl"]

NAMESPACE = "test-rendered"
NAME = "assistants"
EXAMPLES = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CHANGES = settings(EXAMPLES, max_examples=40)
NUMBERS = itertools.count(1)
SHARED = {"accessModes": ["ReadWriteMany"]}
"""Storage with which every number of replicas is allowed."""


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, installed: Kubectl) -> Iterator[DryRun]:
    """The API server with every optional API, a namespace for restricted pods only, the classes that specs name."""
    serve(installed, "gateway-api.yaml")
    serve(installed, "prometheus-operator.yaml")
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    account = {"namespace": NAMESPACE, "name": f"{NAME}-gateway"}
    installed.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": security}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        *(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1000}
            for name in PRIORITY_CLASSES
        ),
        *(
            {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "runc"}
            for name in RUNTIME_CLASSES
        ),
    )
    with DryRun(control_plane.kubeconfig) as connection:
        yield connection


def gateway_manifest(spec: Mapping[str, Any], name: str = NAME) -> dict[str, Any]:
    return {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.name,
        "metadata": {"namespace": NAMESPACE, "name": name},
        "spec": dict(spec),
    }


def rendered(body: Mapping[str, Any]) -> Desired:
    return desired(Gateway.parse(body), (), DEFAULTS)


def refusal(body: Mapping[str, Any]) -> str | None:
    """Why the operator would not take a Gateway."""
    try:
        rendered(body)
    except InvalidObject as error:
        return str(error)
    return None


def assert_taken(answer: Answer, what: str) -> None:
    assert answer.accepted, f"{what}: {answer.message}"
    assert answer.warnings == (), what


def assert_every_object_is_taken_and_stays_as_it_is(api: DryRun, body: Mapping[str, Any]) -> Desired:
    wanted = rendered(body)
    for manifest in (*wanted.manifests, *wanted.extras):
        answer = api.apply(kind_of(manifest), manifest)
        assert_taken(answer, manifest["kind"])
        stored = owned_fields(answer.body, FIELD_MANAGER)
        assert live_digest(answer.body, FIELD_MANAGER) == manifest_digest(manifest), (manifest, stored)
    return wanted


@EXAMPLES
@given(gateway_specs())
def test_every_object_of_any_valid_gateway_is_taken_without_a_warning_and_stays_as_it_is(
    api: DryRun, spec: dict[str, Any]
) -> None:
    answer = api.apply(GATEWAY, gateway_manifest(spec), manager="somebody")
    assert_taken(answer, "Gateway")

    wanted = assert_every_object_is_taken_and_stays_as_it_is(api, answer.body)

    gateway = Gateway.parse(answer.body)
    assert_taken(api.create(SECRET, build_token_secret(gateway, "token")), "Secret")
    assert_taken(api.pod(wanted.manifests[-1]), "Pod")


@CHANGES
@given(gateway_specs(), gateway_specs())
def test_every_object_follows_a_gateway_that_is_edited(
    api: DryRun, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Also where what is gone was the last entry of its map or list. A volume is never replaced by another."""
    name = f"edited-{next(NUMBERS)}"
    first, second = (
        api.apply(GATEWAY, gateway_manifest({**spec, "storage": SHARED}, name)).body for spec in (before, after)
    )
    stored = rendered(first)
    for manifest in (*stored.manifests, *stored.extras):
        assert_taken(api.store(manifest), manifest["kind"])

    assert_every_object_is_taken_and_stays_as_it_is(api, second)


@EXAMPLES
@given(gateway_specs().flatmap(mutated))
def test_what_the_api_server_refuses_the_models_refuse_and_the_other_way_round(
    api: DryRun, spec: dict[str, Any]
) -> None:
    answer = api.create(GATEWAY, gateway_manifest(spec))
    body = answer.body if answer.accepted else {"metadata": {**META, "namespace": NAMESPACE}, "spec": spec}
    refused = refusal(body)
    assert (refused is None) == answer.accepted, f"models: {refused}; API server: {answer.message}"
    if answer.accepted:
        assert_every_object_is_taken_and_stays_as_it_is(api, answer.body)


META = {"name": NAME, "uid": "6b29981d-446c-442b-8e12-6fc9a820cbd3", "generation": 1}
