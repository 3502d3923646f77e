import itertools

import pytest

from tenantry_operator.kube.fights import AT_ONCE, FIRST_PAUSE, MAX_PAUSE, PEACE, Fights
from tenantry_operator.kube.kinds import CONFIG_MAP, SERVICE

GATEWAY = ("ns", "a")
CHILD = (CONFIG_MAP, "a-gateway")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fights(clock: Clock) -> Fights:
    return Fights(clock)


def test_the_first_corrections_are_made_at_once(fights: Fights) -> None:
    for _ in range(AT_ONCE - 1):
        fights.corrected(GATEWAY, CHILD)
        assert fights.wait(GATEWAY, CHILD) == 0
        assert list(fights.going_on(GATEWAY)) == []
        assert fights.next_look(GATEWAY) is None


def test_then_each_waits_twice_as_long_as_the_one_before_up_to_a_limit(fights: Fights, clock: Clock) -> None:
    for _ in range(AT_ONCE):
        fights.corrected(GATEWAY, CHILD)
    pauses = []
    for _ in range(15):
        pauses.append(fights.wait(GATEWAY, CHILD))
        assert fights.next_look(GATEWAY) == pauses[-1]
        clock.now += pauses[-1]
        assert fights.wait(GATEWAY, CHILD) == 0
        fights.corrected(GATEWAY, CHILD)

    assert pauses[0] == FIRST_PAUSE
    assert all(second == min(2 * first, MAX_PAUSE) for first, second in itertools.pairwise(pauses))
    assert pauses[-1] == MAX_PAUSE


def test_other_objects_are_put_right_at_once_meanwhile(fights: Fights) -> None:
    for _ in range(AT_ONCE):
        fights.corrected(GATEWAY, CHILD)

    assert fights.wait(GATEWAY, (SERVICE, "a-gateway")) == 0
    assert fights.wait(("ns", "b"), CHILD) == 0


def test_a_fight_is_over_when_the_object_was_left_alone_for_long_enough(fights: Fights, clock: Clock) -> None:
    for _ in range(AT_ONCE):
        fights.corrected(GATEWAY, CHILD)
    clock.now += FIRST_PAUSE
    assert [child for child, _ in fights.going_on(GATEWAY)] == [CHILD]
    left = fights.next_look(GATEWAY)
    assert left == PEACE - FIRST_PAUSE

    clock.now += left

    assert list(fights.going_on(GATEWAY)) == []
    assert fights.next_look(GATEWAY) is None
    fights.corrected(GATEWAY, CHILD)
    assert list(fights.going_on(GATEWAY)) == []


def test_now_and_then_a_correction_is_no_fight(fights: Fights, clock: Clock) -> None:
    for _ in range(50):
        assert fights.wait(GATEWAY, CHILD) == 0
        fights.corrected(GATEWAY, CHILD)
        assert list(fights.going_on(GATEWAY)) == []
        clock.now += PEACE


def test_nothing_is_kept_of_a_gateway_that_is_gone(fights: Fights) -> None:
    for _ in range(AT_ONCE):
        fights.corrected(GATEWAY, CHILD)
    fights.forget(GATEWAY)

    assert fights.wait(GATEWAY, CHILD) == 0
    assert fights.next_look(GATEWAY) is None


def test_the_opponent_is_named_when_a_fight_begins(fights: Fights) -> None:
    told = []
    for _ in range(AT_ONCE + 2):
        told.append(fights.begins(GATEWAY, CHILD))
        if told[-1]:
            fights.name(GATEWAY, CHILD, "somebody")
        fights.corrected(GATEWAY, CHILD)

    assert told.index(True) == AT_ONCE - 1
    assert told.count(True) == 1
    assert [fight.opponent for _, fight in fights.going_on(GATEWAY)] == ["somebody"]
