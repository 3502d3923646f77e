from itertools import pairwise
from typing import Any

from tenantry_operator.api.v1alpha1.common import ObjectMeta
from tenantry_operator.kube.kinds import GATEWAY
from tenantry_operator.reconcile.events import MAX_NOTE, News, event_manifest, news

META = ObjectMeta("ns", "a", "u", 1, "2026-01-01T00:00:00Z", deleting=False)


def status(**conditions: tuple[str, str]) -> dict[str, Any]:
    return {
        "conditions": [
            {"type": kind, "status": value, "reason": reason, "message": f"{reason}."}
            for kind, (value, reason) in conditions.items()
        ]
    }


def test_becoming_ready_and_ceasing_to_be_are_news() -> None:
    ready, unready = status(Ready=("True", "Available")), status(Ready=("False", "DeploymentProgressing"))

    assert news(unready, ready) == (News(False, "Ready", "Available."),)
    assert news(ready, unready) == (News(True, "DeploymentProgressing", "DeploymentProgressing."),)


def test_not_being_ready_yet_is_no_news() -> None:
    assert news({}, status(Ready=("False", "DeploymentMissing"))) == ()


def test_a_steady_state_is_no_news() -> None:
    stalled = status(Ready=("False", "NameConflict"), Stalled=("True", "NameConflict"))

    assert news(stalled, stalled) == ()


def test_trouble_is_told_when_it_begins_and_when_its_reason_changes() -> None:
    missing, wrong = (
        status(SecretsAvailable=("False", "SecretMissing")),
        status(SecretsAvailable=("False", "KeyMissing")),
    )

    assert [told.reason for told in news({}, missing)] == ["SecretMissing"]
    assert [told.reason for told in news(missing, wrong)] == ["KeyMissing"]
    assert news(wrong, status(SecretsAvailable=("True", "SecretsFound"))) == ()


def test_trouble_that_two_conditions_tell_of_is_one_event() -> None:
    lost = status(Accepted=("False", "GatewayNotFound"), Stalled=("True", "GatewayNotFound"))

    assert [told.reason for told in news({}, lost)] == ["GatewayNotFound"]


def test_the_token_that_is_about_to_be_made_is_no_trouble() -> None:
    assert news({}, status(SecretsAvailable=("False", "TokenPending"))) == ()


def test_a_rotation_is_told_once_and_its_stages_are_not() -> None:
    phases = [
        {},
        status(TokenRotated=("False", "RotationStaged")),
        status(TokenRotated=("True", "InOverlap")),
        status(TokenRotated=("True", "InOverlap")),
        status(TokenRotated=("True", "Rotated")),
        status(TokenRotated=("False", "RotationPending")),
        status(TokenRotated=("False", "TokenNotGenerated")),
    ]

    told = [each for before, after in pairwise(phases) for each in news(before, after)]

    assert [(each.warning, each.reason) for each in told] == [(False, "TokenRotated"), (True, "TokenNotGenerated")]


def test_an_event_names_its_object_and_fits_the_api() -> None:
    event = event_manifest(GATEWAY, META, News(True, "R", "é" * 2000), "2026-01-01T00:00:00.000000Z", "abc")

    assert event["metadata"] == {"namespace": "ns", "name": "a.abc"}
    assert event["regarding"]["uid"] == "u"
    assert event["type"] == "Warning"
    assert len(event["note"].encode()) <= MAX_NOTE
