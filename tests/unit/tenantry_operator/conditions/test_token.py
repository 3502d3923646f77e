from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import TokenView
from tenantry_operator.conditions.token import last_request, token_rotated
from tests.unit.tenantry_operator.objects import NOW, condition, gateway, gateway_body, observation

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
ROTATED = datetime(2026, 5, 1, tzinfo=UTC)
DAILY = {"auth": {"rotation": {"interval": "24h", "overlap": "90m"}}}


def asking(value: str, spec: dict[str, Any] | None = None, **more: Any) -> Gateway:
    body = gateway_body(spec, **more)
    body["metadata"]["annotations"] = {"tenantry.dev/rotate-token": value}
    return Gateway.parse(body)


def token(**more: Any) -> TokenView:
    return TokenView(created=CREATED, **more)


def found(subject: Gateway, view: TokenView | None) -> tuple[str, str, str]:
    finding = token_rotated(observation(subject, token=view))
    assert finding is not None
    return finding.status, finding.reason, finding.message


def test_nobody_who_asks_for_no_rotation_is_told_of_one() -> None:
    assert token_rotated(observation(token=token())) is None
    assert token_rotated(observation(asking("1"), token=None)) is None
    own = gateway({"auth": {"tokenSecretRef": {"name": "own"}}})
    assert token_rotated(observation(own)) is None


def test_a_token_that_was_never_rotated_says_when_it_will_be() -> None:
    assert found(gateway(DAILY), token()) == (
        "True",
        "NotDue",
        "The token was generated at 2026-01-01T00:00:00Z. The next rotation is at 2026-01-02T00:00:00Z.",
    )
    served = found(asking("1"), token(request="1"))
    assert served == ("True", "NotDue", "The token was generated at 2026-01-01T00:00:00Z.")


def test_a_staged_token_is_not_the_token_yet() -> None:
    status, reason, message = found(asking("1"), token(phase="Staged", staged_at=ROTATED, request="1"))

    assert (status, reason) == ("False", "RotationStaged")
    assert "three minutes" in message


def test_an_overlap_says_until_when_the_previous_token_is_accepted() -> None:
    assert found(gateway(DAILY), token(phase="Overlap", rotated_at=ROTATED)) == (
        "True",
        "InOverlap",
        "The token was rotated at 2026-05-01T00:00:00Z; the previous one is accepted until 2026-05-01T01:30:00Z.",
    )


def test_pods_that_have_not_confirmed_the_token_are_named_with_the_command_that_shows_them() -> None:
    view = token(phase="Overlap", rotated_at=ROTATED, unconfirmed="p1, p2")

    _, _, message = found(gateway(), view)

    assert "Not confirmed by p1, p2 within three minutes" in message
    assert "kubectl -n team-a get pods -l tenantry.dev/gateway=assistants" in message


def test_a_rotated_token_says_when_it_was_and_will_be_again() -> None:
    _, reason, message = found(gateway(DAILY), token(rotated_at=ROTATED))

    assert reason == "Rotated"
    assert message == ("The token was rotated at 2026-05-01T00:00:00Z. The next rotation is at 2026-05-02T00:00:00Z.")


def test_a_request_during_an_overlap_says_when_it_begins_and_how_to_begin_at_once() -> None:
    view = token(phase="Overlap", rotated_at=ROTATED, request="1")

    status, reason, message = found(asking("2"), view)

    assert (status, reason) == ("False", "RotationPending")
    assert "begins at 2026-05-01T01:00:00Z" in message
    assert """kubectl -n team-a patch secret assistants-token -p '{"data":{"previous-token":null}}'""" in message


def test_a_request_that_has_just_come_is_about_to_begin() -> None:
    assert found(asking("2"), token(request="1"))[:2] == ("False", "RotationPending")


def test_a_token_of_the_users_own_cannot_be_rotated() -> None:
    own = asking("1", {"auth": {"tokenSecretRef": {"name": "own"}}})

    status, reason, message = found(own, None)

    assert (status, reason) == ("False", "TokenNotGenerated")
    assert "kubectl -n team-a annotate tgw assistants tenantry.dev/rotate-token-" in message


def test_the_last_request_is_told_once_its_token_can_be_read() -> None:
    before = asking("2", status={"lastTokenRotation": "1"})

    assert last_request(observation(before, token=token(phase="Staged", request="2"))) == "1"
    assert last_request(observation(before, token=token(phase="Overlap", request="2"))) == "2"
    assert last_request(observation(gateway(), token=token())) is None


@pytest.mark.parametrize("after", [0, 10**6])
def test_the_condition_does_not_change_while_time_passes(after: int) -> None:
    seen = observation(gateway(DAILY), token=token(phase="Overlap", rotated_at=ROTATED))
    later = (ROTATED + timedelta(seconds=after)).strftime("%Y-%m-%dT%H:%M:%SZ")

    first, second = (condition(gateway_status(seen, now), "TokenRotated") for now in (NOW, later))

    assert first["message"] == second["message"]
    assert condition(gateway_status(seen, NOW), "Ready")["status"] == "True"
