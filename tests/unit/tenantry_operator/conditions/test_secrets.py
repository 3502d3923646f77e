from tenantry_operator.conditions.observation import SecretKeys
from tenantry_operator.conditions.secrets import secrets_available
from tests.unit.tenantry_operator.objects import gateway, observation

TOKEN = SecretKeys("assistants-token", frozenset({"token"}))


def secrets(*found: SecretKeys) -> dict[str, SecretKeys]:
    return {one.name: one for one in found}


def test_all_is_well_when_every_secret_has_its_key() -> None:
    assert secrets_available(observation()).status == "True"


def test_a_missing_secret_is_named_with_the_command_that_creates_it() -> None:
    found = secrets_available(observation(secrets=secrets(TOKEN, SecretKeys("anthropic", None))))

    assert (found.status, found.reason) == ("False", "SecretMissing")
    assert found.message == (
        "Secret team-a/anthropic (API key, spec.provider.apiKeySecretRef) does not exist. "
        "Fix: kubectl -n team-a create secret generic anthropic --from-literal=api-key=VALUE"
    )


def test_a_missing_key_is_named_with_the_keys_found_and_the_nearest() -> None:
    found = secrets_available(observation(secrets=secrets(TOKEN, SecretKeys("anthropic", frozenset({"apikey", "b"})))))

    assert (found.status, found.reason) == ("False", "SecretKeyMissing")
    assert found.message == (
        'Secret team-a/anthropic has no key "api-key" with a value, for the API key (found: "apikey", "b"). '
        """Fix: kubectl -n team-a patch secret anthropic -p '{"stringData":{"api-key":"VALUE"}}', """
        'or set spec.provider.apiKeySecretRef.key to "apikey"'
    )


def test_a_secret_without_any_value_says_so() -> None:
    found = secrets_available(observation(secrets=secrets(TOKEN, SecretKeys("anthropic", frozenset()))))

    assert "(found: no keys with a value)" in found.message


def test_a_generated_token_is_not_the_users_to_create() -> None:
    api_key = SecretKeys("anthropic", frozenset({"api-key"}))

    for missing in (secrets(api_key), secrets(api_key, SecretKeys("assistants-token", None))):
        found = secrets_available(observation(secrets=missing))
        assert (found.status, found.reason) == ("False", "TokenPending")


def test_an_emptied_token_secret_is_deleted_to_get_a_new_token() -> None:
    api_key = SecretKeys("anthropic", frozenset({"api-key"}))
    emptied = SecretKeys("assistants-token", frozenset())
    found = secrets_available(observation(secrets=secrets(api_key, emptied)))

    assert "kubectl -n team-a delete secret assistants-token" in found.message


def test_a_referenced_token_secret_is_the_users_to_create() -> None:
    subject = gateway({"auth": {"tokenSecretRef": {"name": "own"}}})
    api_key = SecretKeys("anthropic", frozenset({"api-key"}))

    found = secrets_available(observation(subject, secrets=secrets(api_key, SecretKeys("own", None))))

    assert found.reason == "SecretMissing"
    assert "create secret generic own --from-literal=token=VALUE" in found.message


def test_several_problems_are_all_named() -> None:
    subject = gateway({"auth": {"tokenSecretRef": {"name": "own"}}})
    missing = secrets(SecretKeys("own", None), SecretKeys("anthropic", frozenset({"other"})))

    found = secrets_available(observation(subject, secrets=missing))

    assert found.reason == "SecretMissing"
    assert "team-a/own" in found.message
    assert "team-a/anthropic" in found.message


def test_a_secret_that_nobody_has_looked_at_is_unknown() -> None:
    found = secrets_available(observation(secrets=secrets(TOKEN)))

    assert (found.status, found.reason) == ("Unknown", "NotObserved")


def test_no_value_can_be_in_a_message_since_only_keys_are_known() -> None:
    assert set(SecretKeys.__dataclass_fields__) == {"name", "keys"}
