import pytest

from tenantry_operator.api.v1alpha1.agent_binding import AgentBindingSpec
from tenantry_operator.api.v1alpha1.common import slim
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import binding


def test_a_binding_refers_to_a_gateway_of_its_own_namespace_unless_it_names_another() -> None:
    assert binding().gateway_key == ("team-a", "assistants")
    assert not binding().foreign


def test_a_binding_may_refer_to_a_gateway_of_another_namespace() -> None:
    guest = binding(namespace="team-b")

    assert guest.gateway_key == ("team-a", "assistants")
    assert guest.foreign


def test_naming_the_own_namespace_is_saying_nothing() -> None:
    assert not binding(spec={"gatewayRef": {"name": "assistants", "namespace": "team-a"}}).foreign


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"match": {"channelId": "x"}}, "spec.match.channel"),
        ({"match": {"channel": "Slack Team"}}, "spec.match.channel"),
        ({"agentId": "No Agent"}, "spec.agentId"),
        ({"gatewayRef": {"name": "x", "namespace": "Team B"}}, "spec.gatewayRef.namespace"),
        ({"match": {"channel": "slack", "channelId": "a\u202eb"}}, "spec.match.channelId"),
        ({"priority": 1001}, "spec.priority"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_with_the_fields_path(spec: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidObject) as refused:
        binding(spec=spec)

    assert refused.value.path == path


def test_what_is_kept_of_thousands_forgets_only_which_fields_were_named() -> None:
    spec = b'{"gatewayRef":{"name":"assistants"},"agentId":"main","match":{"channel":"slack"}}'
    kept, fresh = AgentBindingSpec.parse_json(spec), AgentBindingSpec.parse_json(spec)
    slim(kept)
    assert kept == fresh
    assert kept.model_dump() == fresh.model_dump()
    assert not kept.match.model_fields_set
