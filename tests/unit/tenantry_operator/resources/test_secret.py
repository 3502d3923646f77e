import base64
from datetime import UTC, datetime
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.resources import secret
from tests.unit.tenantry_operator.objects import gateway, gateway_body

NOON = datetime(2026, 5, 1, 12, 0, 0, 1, UTC)


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def asking(value: str) -> Gateway:
    body = gateway_body()
    body["metadata"]["annotations"] = {"tenantry.dev/rotate-token": value, "theirs": "x"}
    return Gateway.parse(body)


def notes(patch: dict[str, Any]) -> dict[str, Any]:
    """The annotations that a patch sets, without our prefix."""
    annotations = patch["metadata"]["annotations"]
    return {name.removeprefix("tenantry.dev/"): value for name, value in annotations.items()}


def test_the_token_secret_holds_the_token_under_the_key_that_the_pod_mounts() -> None:
    built = secret.build_token_secret(gateway(), "s3cret")
    use = secret.referenced_secrets(gateway())[0]

    assert built["metadata"]["name"] == use.name
    assert base64.b64decode(built["data"][use.key]) == b"s3cret"
    assert "annotations" not in built["metadata"]


def test_the_token_secret_is_owned_by_the_gateway() -> None:
    assert secret.build_token_secret(gateway(), "x")["metadata"]["ownerReferences"][0]["controller"] is True


def test_a_fresh_token_serves_the_request_that_is_there() -> None:
    built = secret.build_token_secret(asking("1"), "x")

    assert notes(built) == {"rotation-request": "1"}


def test_a_long_request_is_told_by_its_digest() -> None:
    assert asking("x" * 128).rotation_request == "x" * 128
    assert len(asking("x" * 129).rotation_request) == len("sha256:") + 64
    assert asking("").rotation_request == gateway().rotation_request == ""


def test_staging_leaves_the_token_alone_and_records_the_request() -> None:
    patch = secret.staged("next", "v2", "1", NOON)

    assert patch["data"] == {"previous-token": encoded("next"), "token-version": encoded("v2")}
    assert notes(patch) == {
        "rotation-phase": "Staged",
        "rotation-staged-at": "2026-05-01T12:00:01Z",
        "rotation-unconfirmed": None,
        "rotation-request": "1",
    }
    assert "rotation-request" not in notes(secret.staged("next", "v2", "", NOON))


def test_promoting_swaps_the_two_tokens_as_they_are() -> None:
    live = {"data": {"token": encoded("old\n"), "previous-token": encoded("next"), "token-version": encoded("v2")}}

    patch = secret.promoted(live, (), NOON)

    assert patch["data"] == {"token": encoded("next"), "previous-token": encoded("old\n")}
    assert notes(patch) == {
        "rotation-phase": "Overlap",
        "rotation-staged-at": None,
        "rotated-at": "2026-05-01T12:00:01Z",
        "rotation-unconfirmed": None,
    }


def test_promoting_without_a_token_leaves_no_previous_one() -> None:
    live = {"data": {"previous-token": encoded("next")}}

    assert secret.promoted(live, (), NOON)["data"] == {"token": encoded("next"), "previous-token": None}


def test_pods_that_have_not_confirmed_are_named_but_not_all_of_many() -> None:
    live = {"data": {"token": "", "previous-token": encoded("next")}}

    assert notes(secret.promoted(live, ("b", "a"), NOON))["rotation-unconfirmed"] == "a, b"
    many = [f"p{index}" for index in range(9)]
    assert notes(secret.promoted(live, many, NOON))["rotation-unconfirmed"] == "p0, p1, p2, p3, p4 and 4 more"


def test_finishing_withdraws_the_previous_token_alone() -> None:
    patch = secret.finished()

    assert patch["data"] == {"previous-token": None}
    assert notes(patch) == {"rotation-phase": None}


def test_a_clock_is_restarted_for_the_phase_that_it_is_about() -> None:
    assert notes(secret.restarted_clock("Staged", NOON)) == {"rotation-staged-at": "2026-05-01T12:00:01Z"}
    assert notes(secret.restarted_clock("Overlap", NOON)) == {"rotated-at": "2026-05-01T12:00:01Z"}
