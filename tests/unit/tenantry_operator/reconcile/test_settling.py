from typing import Any

import pytest

from tenantry_operator.conditions.reasons import WANTING
from tenantry_operator.reconcile.settling import (
    CROWD_LOOKS,
    CROWD_PAUSE,
    CROWD_SECONDS,
    FLEET_SECONDS,
    MANY,
    Settling,
    passes_by,
)

KEY = ("team-a", "assistants")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_news_waits_from_when_it_was_first_there() -> None:
    clock = Clock()
    settling = Settling(10.0, clock)

    assert settling.pause(KEY) == 10.0
    clock.now += 4
    assert settling.pause(KEY) == 6.0
    clock.now += 7
    assert settling.pause(KEY) == 0.0


def test_what_was_told_begins_to_wait_anew() -> None:
    clock = Clock()
    settling = Settling(10.0, clock)
    settling.pause(KEY)
    clock.now += 9

    settling.over(KEY)

    assert settling.pause(KEY) == 10.0


def test_what_goes_without_a_word_is_forgotten() -> None:
    settling = Settling(10.0, Clock())
    settling.pause(KEY)
    settling.pause(("team-b", "helpdesk"))
    for number in range(MANY):
        settling.over(team(number), moving=True)

    settling.sweep(lambda key: key == KEY)

    assert len(settling) == 1
    settling.over(KEY)
    assert settling.pause(("team-b", "helpdesk")) == 10.0


def test_without_patience_nothing_waits() -> None:
    assert Settling(0.0, Clock()).pause(KEY) == 0.0


def test_in_a_crowd_news_waits_for_its_end_but_not_for_ever() -> None:
    clock, crowd = Clock(), True
    settling = Settling(10.0, clock, lambda: crowd)
    assert settling.pause(KEY) == CROWD_PAUSE
    clock.now += 20
    assert settling.pause(KEY) == CROWD_PAUSE

    crowd = False
    assert settling.pause(KEY) == 0.0
    crowd = True
    clock.now += CROWD_SECONDS
    assert settling.pause(KEY) == 0.0
    assert Settling(0.0, clock, lambda: crowd).pause(KEY) == 0.0


def test_the_more_news_waits_the_rarer_each_is_looked_at() -> None:
    settling = Settling(10.0, Clock(), lambda: True)
    for number in range(20 * CROWD_LOOKS):
        settling.pause((f"team-{number}", "assistants"))
    assert settling.pause(KEY) == pytest.approx(20, rel=0.01)


def team(number: int) -> tuple[str, str]:
    return f"team-{number}", "assistants"


def fleet_that_starts(clock: Clock) -> Settling:
    """All objects are made, and of each team it was told that more is to come; team 0 has come to its end."""
    settling = Settling(10.0, clock)
    for number in range(MANY + 10):
        settling.over(team(number), moving=True)
    settling.over(team(0))
    return settling


def test_while_a_fleet_starts_a_step_waits_as_long_as_others_come_to_their_end() -> None:
    clock = Clock()
    settling = fleet_that_starts(clock)
    last = team(MANY + 9)
    for number in range(1, MANY + 9):
        assert settling.pause(last) == CROWD_PAUSE
        clock.now += 20
        settling.over(team(number))
    settling.over(last)
    settling.pause(KEY)
    clock.now += 10
    assert settling.pause(KEY) == 0.0


def test_first_words_wait_for_a_fleet_too_though_nothing_was_told_of_it() -> None:
    clock = Clock()
    settling = Settling(30.0, clock)
    for number in range(MANY + 2):
        settling.pause(team(number))
    settling.over(team(0))
    clock.now += 29
    settling.over(team(1))
    clock.now += 2
    assert settling.pause(team(2)) == CROWD_PAUSE


def test_a_fleet_that_is_stuck_is_told_of() -> None:
    clock = Clock()
    settling = fleet_that_starts(clock)
    for number in range(1, MANY + 10):
        settling.pause(team(number))
    clock.now += FLEET_SECONDS
    for number in range(1, MANY + 10):
        assert settling.pause(team(number)) == 0.0
        settling.over(team(number), moving=True)


def test_a_step_does_not_wait_for_a_fleet_for_ever() -> None:
    clock = Clock()
    settling = fleet_that_starts(clock)
    settling.pause(team(5))
    clock.now += CROWD_SECONDS
    settling.over(team(1))
    assert settling.pause(team(5)) == 0.0


def test_what_a_fleets_start_has_not_brought_about_waits_for_no_others() -> None:
    clock = Clock()
    settling = fleet_that_starts(clock)
    assert settling.pause(team(5), alone=True) == 10.0
    clock.now += 10
    assert settling.pause(team(5), alone=True) == 0.0


def test_few_that_start_are_no_fleet() -> None:
    clock = Clock()
    settling = Settling(10.0, clock)
    for number in range(MANY - 1):
        settling.over(team(number), moving=True)
    settling.over(team(0))
    assert settling.pause(KEY) == 10.0


def test_news_that_could_not_be_told_when_it_was_due_does_not_wait_again() -> None:
    clock = Clock()
    settling = Settling(10.0, clock)
    settling.pause(KEY)
    clock.now += 10
    assert settling.pause(KEY) == 0.0
    assert settling.pause(KEY) == 0.0


def status(generation: int = 1, **conditions: str) -> dict[str, Any]:
    return {
        "observedGeneration": generation,
        "conditions": [{"type": kind, "status": value} for kind, value in conditions.items()],
    }


MOVING = status(Ready="False", Reconciling="True")


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, MOVING),
        (MOVING, status(Ready="True")),
        (MOVING, status(Ready="False", Stalled="True")),
        (MOVING, status(Ready="False", Reconciling="True", Stalled="True")),
        (status(Ready="False", Stalled="True"), MOVING),
        (status(Ready="True"), MOVING),
        (MOVING, status(2, Ready="False", Reconciling="True")),
    ],
)
def test_a_first_word_an_end_a_fault_and_a_new_generation_are_told_at_once(
    told: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert not passes_by(told, wanted)


def test_in_a_crowd_even_the_first_word_waits_unless_something_is_wrong() -> None:
    for told in ({}, {"observedGeneration": -1}):
        assert passes_by(told, MOVING, crowded=True)
        assert not passes_by(told, MOVING)
        assert not passes_by(told, status(Ready="False", Stalled="True"), crowded=True)
        assert not passes_by(told, status(Ready="True"), crowded=True)
    assert not passes_by(status(Ready="True"), MOVING, crowded=True)


def test_one_more_step_of_what_moves_passes_by() -> None:
    assert passes_by(MOVING, status(Ready="Unknown", Reconciling="True"))


@pytest.mark.parametrize("reason", sorted(WANTING))
def test_what_somebody_has_to_provide_is_told_at_once_and_so_is_what_they_did_about_it(reason: str) -> None:
    wanting = status(Ready="False", Reconciling="True")
    wanting["conditions"].append({"type": "SecretsAvailable", "status": "False", "reason": reason})
    assert not passes_by(MOVING, wanting)
    assert not passes_by(wanting, wanting)
    assert not passes_by(wanting, MOVING)
