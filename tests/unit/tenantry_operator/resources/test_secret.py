import base64

from tenantry_operator.resources.secret import build_token_secret, referenced_secrets
from tests.unit.tenantry_operator.objects import gateway


def test_the_token_secret_holds_the_token_under_the_key_that_the_pod_mounts() -> None:
    secret = build_token_secret(gateway(), "s3cret")
    use = referenced_secrets(gateway())[0]

    assert secret["metadata"]["name"] == use.name
    assert base64.b64decode(secret["data"][use.key]) == b"s3cret"


def test_the_token_secret_is_owned_by_the_gateway() -> None:
    assert build_token_secret(gateway(), "x")["metadata"]["ownerReferences"][0]["controller"] is True
