from collections.abc import Mapping
from typing import Any

import pytest

from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import Problem
from tenantry_operator.kube.apply import NameTaken, Writer
from tenantry_operator.kube.cache import Cache
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import ApiError, TooManyRequestsError, UnavailableError, from_status
from tenantry_operator.kube.fights import Fights
from tenantry_operator.kube.kinds import HTTP_ROUTE, INGRESS, OPTIONAL_KINDS, SERVICE_MONITOR, Kind, kind_of
from tenantry_operator.reconcile.converge import Setbacks
from tenantry_operator.reconcile.extras import Extras
from tenantry_operator.reconcile.optional import OptionalKinds, Wiring
from tenantry_operator.resources.desired import EXTRAS
from tests.unit.tenantry_operator.objects import gateway, observation

KEY = ("team-a", "assistants-gateway")
SUBJECT = gateway(
    {
        "exposure": {"httpRoute": {"parentRefs": [{"name": "public"}]}, "ingress": {"hosts": ["a.example"]}},
        "monitoring": {"serviceMonitor": {}},
    }
)
WANTED = [extra for build in EXTRAS if (extra := build(SUBJECT)) is not None]


class Nobody(Client):
    """Is never asked."""

    def __init__(self) -> None:
        pass


class Applied(Writer):
    """Takes note of what is applied, and fails where a test says so."""

    def __init__(self, failures: Mapping[Kind, Exception]) -> None:
        self.fights = Fights(lambda: 0.0)
        self.failures = failures
        self.kinds: list[Kind] = []

    async def apply(self, manifest: Mapping[str, Any], *_: Any) -> bool:
        kind = kind_of(manifest)
        self.kinds.append(kind)
        if kind in self.failures:
            raise self.failures[kind]
        return True


class Readable(OptionalKinds):
    """Every kind is served and listed, but for some."""

    unserved: frozenset[Kind] = frozenset()
    unknown: frozenset[Kind] = frozenset()
    refused: Mapping[Kind, ApiError] = {}

    def is_served(self, kind: Kind) -> bool:
        return kind not in self.unserved

    def is_known(self, kind: Kind, namespace: str) -> bool:
        return namespace == "team-a" and kind not in self.unserved | self.unknown | self.refused.keys()

    def refusal(self, kind: Kind, namespace: str) -> Any:
        return self.refused.get(kind) if namespace == "team-a" else None


def extras(**failures: Exception) -> Extras:
    kinds = {kind.name: kind for kind in OPTIONAL_KINDS}
    writer = Applied({kinds[name]: error for name, error in failures.items()})
    caches = {kind: Cache(kind, lambda _: None, lambda *_: None) for kind in OPTIONAL_KINDS}
    wiring = Wiring(Nobody(), caches, lambda *_: [], lambda _: None, lambda: 0.0)
    return Extras(writer, Readable(wiring))


def applied(subject: Extras) -> list[Kind]:
    assert isinstance(subject.writer, Applied)
    return subject.writer.kinds


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NameTaken(HTTP_ROUTE, KEY, "was not made by this operator"), reasons.NAME_CONFLICT),
        (from_status(422, {"message": "no"}), reasons.APPLY_FAILED),
        (from_status(500, {"message": "webhook is away"}), reasons.APPLY_FAILED),
        (from_status(405, {"message": "terminating"}), reasons.APPLY_FAILED),
        (from_status(404, {"message": "gone"}), None),
    ],
)
async def test_what_fails_for_one_kind_holds_up_no_other(error: Exception, reason: str | None) -> None:
    subject, main = extras(HTTPRoute=error), Setbacks()

    problems = await subject.converge(SUBJECT, WANTED, main)

    assert applied(subject) == [HTTP_ROUTE, INGRESS, SERVICE_MONITOR]
    assert {kind: problem.reason for kind, problem in problems.items()} == ({"HTTPRoute": reason} if reason else {})
    assert main.problem is None
    assert main.retry


@pytest.mark.parametrize("error", [UnavailableError(0, "Away", "no answer"), TooManyRequestsError(429, "Slow", "wait")])
async def test_an_api_server_that_is_away_or_asks_to_wait_ends_the_attempt(error: ApiError) -> None:
    with pytest.raises(type(error)):
        await extras(HTTPRoute=error).converge(SUBJECT, WANTED, Setbacks())


async def test_what_is_absent_or_cannot_be_read_is_not_written() -> None:
    subject = extras()
    assert isinstance(subject.kinds, Readable)
    subject.kinds.unserved = frozenset({HTTP_ROUTE})
    subject.kinds.refused = {INGRESS: from_status(403, {"message": "no"})}

    problems = await subject.converge(SUBJECT, WANTED, Setbacks())

    assert applied(subject) == [SERVICE_MONITOR]
    assert problems.keys() == {"Ingress"}
    assert subject.observe(observation(SUBJECT), problems).missing_apis == {"HTTPRoute"}


async def test_nothing_is_said_of_a_kind_that_cannot_be_read_and_nobody_wants() -> None:
    subject = extras()
    assert isinstance(subject.kinds, Readable)
    subject.kinds.refused = {INGRESS: from_status(403, {"message": "no"})}

    assert await subject.converge(gateway(), (), Setbacks()) == {}


async def test_the_service_of_somebody_else_is_not_exposed() -> None:
    subject = extras()

    await subject.converge(SUBJECT, WANTED, Setbacks(Problem(reasons.NAME_CONFLICT, "Service")))
    assert applied(subject) == []

    await subject.converge(SUBJECT, WANTED, Setbacks(Problem(reasons.APPLY_FAILED, "quota")))
    assert len(applied(subject)) == 3


async def test_a_fight_over_an_optional_object_is_a_problem_of_that_feature() -> None:
    subject = extras()
    for _ in range(5):
        subject.writer.fights.corrected(SUBJECT.key, (HTTP_ROUTE, KEY[1]))

    problems = await subject.converge(SUBJECT, WANTED, Setbacks())

    assert problems["HTTPRoute"].reason == reasons.CONFLICTING_MANAGER
    assert problems.keys() == {"HTTPRoute"}
