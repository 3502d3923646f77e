import pytest

from tenantry_operator.api.v1alpha1.common import ObjectMeta, seconds
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import gateway, gateway_body


def test_the_smallest_spec_gets_the_documented_defaults() -> None:
    spec = gateway().spec

    assert (spec.port, spec.log_level, spec.auth.mode) == (18789, "info", "token")
    assert (spec.rbac.enabled, spec.rbac.default_role) == (False, "user")
    assert spec.provider.api_key_secret_ref.key == "api-key"
    assert spec.agents["main"].max_tokens == 4096


@pytest.mark.parametrize(("text", "value"), [("720h", 2_592_000), ("1h30m", 5400), ("90s", 90), ("1h1m1s", 3661)])
def test_durations_are_read_as_go_writes_them(text: str, value: int) -> None:
    assert seconds(text) == value


def test_the_previous_token_is_accepted_for_an_hour_unless_the_spec_says_otherwise() -> None:
    overlaps = [gateway({"auth": auth}).spec.auth.overlap for auth in ({}, {"rotation": {"overlap": "5m"}})]

    assert overlaps == ["1h", "5m"]
    assert gateway({"auth": {"rotation": {"interval": "24h"}}}).spec.auth.overlap == "1h"


def test_a_parsed_gateway_cannot_be_changed() -> None:
    spec, field = gateway().spec, "port"

    with pytest.raises(ValueError, match="frozen"):
        setattr(spec, field, 1)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"portt": 1}, "spec.portt"),
        ({"port": 80}, "spec.port"),
        ({"agents": {}}, "spec.agents"),
        ({"agents": {"main": {}}}, "spec.agents.main.model"),
        ({"provider": {}}, "spec.provider.apiKeySecretRef"),
        ({"bindings": [{"channel": "slack"}]}, "spec.bindings[0].agentId"),
        ({"auth": {"mode": "none"}}, "spec.auth.mode"),
        ({"auth": {"rotation": {"interval": "30d"}}}, "spec.auth.rotation.interval"),
        ({"image": {"digest": "sha256:short"}}, "spec.image.digest"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused_with_the_fields_path(spec: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidObject) as refused:
        gateway(spec)

    assert refused.value.path == path


def test_base_url_is_spelled_as_kubernetes_spells_acronyms() -> None:
    parsed = gateway({"provider": {"apiKeySecretRef": {"name": "x"}, "baseURL": "http://stand-in:8080"}})

    assert parsed.spec.provider.base_url == "http://stand-in:8080"


@pytest.mark.parametrize(
    ("agents", "default", "expected"),
    [
        (["main", "devops"], None, "main"),
        (["devops"], None, "devops"),
        (["devops", "support"], None, None),
        (["main", "devops"], "devops", "devops"),
    ],
)
def test_the_default_agent_is_the_one_named_or_main_or_the_only_one(
    agents: list[str], default: str | None, expected: str | None
) -> None:
    spec = {"agents": {name: {"model": "m"} for name in agents}}

    assert gateway(spec | ({"defaultAgent": default} if default else {})).default_agent == expected


def test_secrets_are_the_generated_token_and_the_api_key() -> None:
    uses = [(use.name, use.key, use.generated) for use in gateway().secrets]

    assert uses == [("assistants-token", "token", True), ("anthropic", "api-key", False)]


def test_a_referenced_token_is_not_generated() -> None:
    use = gateway({"auth": {"tokenSecretRef": {"name": "own", "key": "t"}}}).secrets[0]

    assert (use.name, use.key, use.generated, use.field) == ("own", "t", False, "spec.auth.tokenSecretRef")


def test_metadata_is_read_without_what_only_the_api_server_needs() -> None:
    body = gateway_body()
    body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert ObjectMeta.parse(body) == ObjectMeta(
        "team-a", "assistants", body["metadata"]["uid"], 3, "2026-01-01T00:00:00Z", deleting=True
    )


def test_a_gateway_keeps_the_status_that_it_was_read_with() -> None:
    assert Gateway.parse(gateway_body(status={"agents": 1})).status == {"agents": 1}
