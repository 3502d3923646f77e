"""What a token needs next, step by step, and how long its phases last."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenantry_operator.conditions.observation import TokenView
from tenantry_operator.reconcile.rotation import AHEAD, PATIENCE, Act, Asked, Step, Stopwatches, next_step
from tests.unit.tenantry_operator.objects import gateway

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = ("ns", "a")


def token(**more: Any) -> TokenView:
    return TokenView(created=NOON, **more)


def staged(**more: Any) -> TokenView:
    return token(**{"phase": "Staged", "staged_at": NOON, "has_previous": True, "version": "v2", **more})


def overlap(**more: Any) -> TokenView:
    return token(**{"phase": "Overlap", "rotated_at": NOON, "has_previous": True, "version": "v2", **more})


def asked(request: str = "", interval: float | None = None, overlap: float = 3600) -> Asked:
    return Asked(request, interval, overlap)


@pytest.mark.parametrize(
    ("found", "wanted", "lasted", "waiting_for", "step"),
    [
        (token(), asked(), 1e9, (), Step()),
        (token(request="1"), asked("1"), 0, (), Step()),
        (token(request="1"), asked(""), 0, (), Step()),
        (token(), asked("1"), 0, (), Step(Act.STAGE)),
        (token(request="1"), asked("2"), 0, (), Step(Act.STAGE)),
        (token(), asked(interval=600), 599, (), Step(after=1)),
        (token(), asked(interval=600), 600, (), Step(Act.STAGE)),
        (token(), asked(interval=600), AHEAD, (), Step(Act.RESTART_CLOCK)),
        (token(), asked("1", interval=600), AHEAD, (), Step(Act.STAGE)),
        (token(), asked(), AHEAD, (), Step()),
        (token(has_token=False), asked("1"), 0, (), Step(Act.GENERATE)),
        (staged(), asked("1"), 0, ("p",), Step(after=PATIENCE)),
        (staged(), asked("1"), 0, (), Step(Act.PROMOTE)),
        (staged(), asked("1"), PATIENCE, ("p",), Step(Act.PROMOTE, unconfirmed=("p",))),
        (staged(), asked("1"), AHEAD, ("p",), Step(Act.RESTART_CLOCK)),
        (staged(), asked(), 0, (), Step(Act.PROMOTE)),
        (staged(has_previous=False), asked(), 0, (), Step(Act.STAGE)),
        (staged(version=""), asked(), 0, (), Step(Act.STAGE)),
        (staged(has_token=False), asked(), 0, ("p",), Step(Act.PROMOTE, unconfirmed=("p",))),
        (overlap(), asked("2"), 3599, (), Step(after=1)),
        (overlap(), asked("2"), 3600, (), Step(Act.FINISH)),
        (overlap(), asked(interval=600, overlap=60), 60, (), Step(Act.FINISH)),
        (overlap(), asked(), AHEAD, (), Step(Act.RESTART_CLOCK)),
        (overlap(has_previous=False), asked(), 0, (), Step(Act.FINISH)),
        (overlap(has_token=False), asked(), 0, (), Step(Act.GENERATE)),
    ],
)
def test_the_next_step(
    found: TokenView, wanted: Asked, lasted: float, waiting_for: tuple[str, ...], step: Step
) -> None:
    assert next_step(found, wanted, lasted, waiting_for) == step


def test_what_is_asked_for_comes_from_spec_and_annotation() -> None:
    plain, rotating = gateway(), gateway({"auth": {"rotation": {"interval": "1h30m", "overlap": "90s"}}})

    assert Asked.of(plain) == Asked("", None, 3600)
    assert Asked.of(rotating) == Asked("", 5400, 90)
    assert Asked.of(gateway({"auth": {"rotation": {"interval": "720h"}}})) == Asked("", 720 * 3600, 3600)


@dataclass
class Clocks:
    """A wall clock that can jump and one that cannot."""

    wall: datetime = NOON
    monotonic: float = 50.0

    def stopwatches(self) -> Stopwatches:
        return Stopwatches(lambda: self.wall, lambda: self.monotonic)

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.monotonic += seconds

    def jump(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)


@pytest.mark.parametrize("jump", [86400 * 365, -86400 * 365])
def test_a_jump_of_the_wall_clock_neither_ends_a_phase_early_nor_draws_it_out(jump: float) -> None:
    clocks = Clocks()
    watches = clocks.stopwatches()
    assert watches.lasted(SECRET, overlap()) == 0

    clocks.jump(jump)
    clocks.pass_by(10)

    assert watches.lasted(SECRET, overlap()) == 10


def test_a_new_process_goes_by_what_the_secret_records() -> None:
    clocks = Clocks()
    clocks.pass_by(100)

    assert clocks.stopwatches().lasted(SECRET, overlap()) == 100
    assert clocks.stopwatches().lasted(SECRET, staged()) == 100


def test_each_phase_and_each_secret_begins_anew() -> None:
    clocks = Clocks()
    watches = clocks.stopwatches()
    watches.lasted(SECRET, staged())
    clocks.pass_by(30)

    assert watches.lasted(SECRET, overlap(rotated_at=clocks.wall)) == 0
    assert watches.lasted(("ns", "b"), overlap()) == 30
    clocks.pass_by(5)
    assert watches.lasted(SECRET, overlap(rotated_at=clocks.wall - timedelta(seconds=1))) == 1


def test_a_clock_that_is_a_little_behind_waits_and_a_time_far_ahead_cannot_be_right() -> None:
    clocks = Clocks()
    clocks.jump(-30)
    assert clocks.stopwatches().lasted(SECRET, overlap()) == 0

    clocks.jump(-31)
    watches = clocks.stopwatches()
    assert watches.lasted(SECRET, overlap()) == AHEAD
    assert watches.lasted(SECRET, overlap(rotated_at=clocks.wall)) == 0
    assert watches.lasted(SECRET, overlap(rotated_at=None)) == AHEAD


def test_without_a_rotation_the_token_s_age_counts() -> None:
    clocks = Clocks()
    clocks.pass_by(7)

    assert clocks.stopwatches().lasted(SECRET, token()) == 7


def test_a_secret_that_is_forgotten_is_timed_by_what_it_records_again() -> None:
    clocks = Clocks()
    watches = clocks.stopwatches()
    watches.lasted(SECRET, overlap())
    clocks.jump(100)

    watches.forget(SECRET)

    assert watches.lasted(SECRET, overlap()) == 100
