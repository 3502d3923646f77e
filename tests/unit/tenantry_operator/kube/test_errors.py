from typing import Any

import pytest

from tenantry_operator.kube import errors
from tenantry_operator.kube.errors import ForbiddenError, from_status

FORBIDDEN = (
    'deployments.apps "x" is forbidden: User "system:serviceaccount:s:o" cannot patch resource "deployments" in '
    'API group "apps" in the namespace "team-a"'
)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.InvalidError),
        (401, "Unauthorized", errors.UnauthorizedError),
        (403, "Forbidden", errors.ForbiddenError),
        (404, "NotFound", errors.NotFoundError),
        (409, "Conflict", errors.ConflictError),
        (409, "AlreadyExists", errors.AlreadyExistsError),
        (410, "Expired", errors.GoneError),
        (422, "Invalid", errors.InvalidError),
        (429, "TooManyRequests", errors.TooManyRequestsError),
        (500, "InternalError", errors.UnavailableError),
        (503, "", errors.UnavailableError),
        (418, "", errors.ApiError),
    ],
)
def test_each_answer_has_its_type(code: int, reason: str, kind: type[errors.ApiError]) -> None:
    assert type(from_status(code, {"reason": reason, "message": "m"})) is kind


def test_an_error_says_what_was_asked_and_what_was_answered() -> None:
    error = from_status(404, {"reason": "NotFound", "message": 'configmaps "x" not found'}, "GET /x")

    assert str(error) == 'GET /x: 404 NotFound: configmaps "x" not found'


def test_a_403_names_the_missing_permission() -> None:
    error = from_status(403, {"reason": "Forbidden", "message": FORBIDDEN})

    assert isinstance(error, ForbiddenError)
    assert error.permission == "patch deployments.apps"
    core = from_status(403, {"message": FORBIDDEN.replace('"apps"', '""').replace("deployments", "services")})
    assert isinstance(core, ForbiddenError)
    assert core.permission == "patch services"


def test_a_quota_is_no_missing_permission() -> None:
    error = from_status(403, {"reason": "Forbidden", "message": 'services "x" is forbidden: exceeded quota: q'})

    assert isinstance(error, ForbiddenError)
    assert error.permission is None


def test_a_namespace_that_is_going_away_is_recognised() -> None:
    details: dict[str, Any] = {"causes": [{"reason": "NamespaceTerminating"}]}
    error = from_status(403, {"reason": "Forbidden", "message": "m", "details": details})

    assert isinstance(error, ForbiddenError)
    assert error.namespace_is_terminating


def test_the_pause_that_the_server_asks_for_comes_from_header_or_body() -> None:
    assert from_status(429, {}, retry_after=3.0).retry_after == 3.0
    assert from_status(429, {"details": {"retryAfterSeconds": 2}}).retry_after == 2.0
    assert from_status(429, {}).retry_after is None
