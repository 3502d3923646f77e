import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.load import config_hash
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.resources.desired import desired
from tenantry_operator.resources.image import Defaults
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway
from tests.unit.tenantry_operator.specs import binding_bodies, gateway_specs


def test_a_gateway_gets_one_object_of_each_kind_with_the_deployment_last() -> None:
    kinds = [manifest["kind"] for manifest in desired(gateway(), (), DEFAULTS).manifests]

    assert kinds == ["ServiceAccount", "ConfigMap", "NetworkPolicy", "Service", "PersistentVolumeClaim", "Deployment"]


def test_the_token_is_generated_only_where_the_gateway_refers_to_none() -> None:
    own = {"auth": {"tokenSecretRef": {"name": "own"}}}

    assert desired(gateway(), (), DEFAULTS).token_secret == "assistants-token"
    assert desired(gateway(own), (), DEFAULTS).token_secret is None


def test_the_hash_is_that_of_the_file_in_the_configmap() -> None:
    wanted = desired(gateway(), (), DEFAULTS)
    configmap = next(manifest for manifest in wanted.manifests if manifest["kind"] == "ConfigMap")

    assert wanted.config_hash == config_hash(configmap["data"]["config.yaml"].encode())


def test_the_operators_default_image_is_used_where_the_gateway_names_none() -> None:
    assert desired(gateway(), (), Defaults("gw:1")).image == "gw:1"
    assert desired(gateway({"image": {"tag": "2"}}), (), Defaults("gw:1")).image == "gw:2"


@given(gateway_specs(), st.data())
def test_the_same_gateway_and_bindings_give_the_same_bytes_in_whatever_order(
    spec: dict[str, Any], data: st.DataObject
) -> None:
    bodies = data.draw(binding_bodies(sorted(spec["agents"])))
    shuffled = data.draw(st.permutations(bodies))
    reordered = {**spec, "agents": dict(reversed(spec["agents"].items()))}

    first = desired(gateway(spec), [AgentBinding.parse(body) for body in bodies], DEFAULTS)
    second = desired(gateway(reordered), [AgentBinding.parse(body) for body in shuffled], DEFAULTS)

    assert json.dumps(first.manifests) == json.dumps(second.manifests)
    assert first == second


@given(gateway_specs())
def test_every_child_is_of_the_gateways_namespace_and_owned_by_it(spec: dict[str, Any]) -> None:
    subject = gateway({**spec, "deletionPolicy": "Delete"})
    for manifest in desired(subject, (), DEFAULTS).manifests:
        metadata = manifest["metadata"]
        assert metadata["namespace"] == "team-a"
        assert [owner["uid"] for owner in metadata["ownerReferences"]] == [subject.meta.uid]
        assert metadata["labels"]["tenantry.dev/gateway"] == "assistants"
