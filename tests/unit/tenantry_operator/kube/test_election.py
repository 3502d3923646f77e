import pytest

from tenantry_operator.kube.election import Attempt, Claim, Election, Terms

TERMS = Terms(lease=15.0, renew=10.0, retry=2.0)


def claim(version: int, holder: str, transitions: int = 0, duration: float = 15.0) -> Claim:
    return Claim(version, holder, duration, transitions)


def election(me: str = "me") -> Election:
    return Election(me, TERMS)


def leading(now: float = 100.0) -> Election:
    """Holds version 1 of the Lease, taken at ``now``."""
    found = election()
    found.saw(None, now)
    found.granted(found.begin(now), claim(1, "me"), now)
    assert found.may_act(now)
    return found


def test_nothing_is_written_before_anything_is_known() -> None:
    assert election().due() is None


def test_where_there_is_no_lease_it_is_created_at_once() -> None:
    found = election()
    found.saw(None, 100.0)

    due = found.due()
    assert due is not None
    assert due <= 100.0
    assert found.begin(100.0) == Attempt(replaces=None, takes_over=True, transitions=0, started=100.0)


def test_a_released_lease_is_taken_at_once() -> None:
    found = election()
    found.saw(claim(7, "", transitions=3), 100.0)

    assert found.due() == 100.0
    assert found.begin(100.0) == Attempt(replaces=7, takes_over=True, transitions=4, started=100.0)


def test_anothers_lease_is_waited_out_from_when_it_was_last_seen_to_change() -> None:
    found = election()
    found.saw(claim(7, "other"), 100.0)
    found.saw(claim(7, "other"), 109.0)  # The same again, as a list shows it: no sign of life.
    assert found.due() == 115.0

    found.saw(claim(8, "other"), 110.0)
    assert found.due() == 125.0


def test_a_holder_that_asks_for_a_longer_wait_gets_it_and_one_that_asks_for_a_shorter_does_not() -> None:
    for asked, due in ((60.0, 160.0), (1.0, 115.0)):
        found = election()
        found.saw(claim(7, "other", duration=asked), 100.0)
        assert found.due() == due


def test_the_term_runs_from_the_start_of_the_renewal_and_not_from_its_answer() -> None:
    found = election()
    found.saw(None, 100.0)

    found.granted(found.begin(100.0), claim(1, "me"), 104.0)

    assert found.may_act(109.9)
    assert not found.may_act(110.0)


def test_a_renewal_that_is_answered_after_the_term_does_not_count() -> None:
    found = leading(100.0)
    renewal = found.begin(109.0)

    found.granted(renewal, claim(2, "me"), 110.5)

    assert not found.may_act(110.5)
    assert found.lost(110.5) == "it could not be renewed for 10 s"


def test_an_acquisition_that_is_answered_too_late_is_only_a_reason_to_renew() -> None:
    found = election()
    found.saw(None, 100.0)

    found.granted(found.begin(100.0), claim(1, "me"), 111.0)

    assert not found.may_act(111.0)
    assert found.lost(111.0) is None
    assert found.due() == 102.0
    renewal = found.begin(111.0)
    assert not renewal.takes_over
    found.granted(renewal, claim(2, "me"), 111.1)
    assert found.may_act(111.1)


def test_our_own_write_whose_answer_was_lost_is_known_from_the_watch_and_extends_nothing() -> None:
    found = leading(100.0)
    found.begin(102.0)
    found.saw(claim(2, "me"), 102.1)

    assert not found.may_act(110.0)
    assert found.begin(104.0).replaces == 2


def test_the_lease_is_renewed_every_two_seconds() -> None:
    found = leading(100.0)
    assert found.due() == 102.0
    found.granted(found.begin(102.0), claim(2, "me"), 102.1)
    assert found.due() == 104.0
    assert found.begin(104.0) == Attempt(replaces=2, takes_over=False, transitions=0, started=104.0)


@pytest.mark.parametrize(("holder", "named"), [("other", "other"), ("", "nobody")])
def test_a_holder_that_sees_the_lease_in_other_hands_has_lost_it_at_once(holder: str, named: str) -> None:
    found = leading(100.0)

    found.saw(claim(2, holder), 101.0)

    assert not found.may_act(101.0)
    assert found.lost(101.0) == f"it is held by {named}"
    assert found.due() is None


def test_what_a_watch_shows_late_changes_nothing() -> None:
    found = election()
    found.saw(claim(7, "other"), 100.0)
    found.granted(found.begin(115.0), claim(8, "me"), 115.1)

    found.saw(claim(7, "other"), 115.2)

    assert found.may_act(115.2)


def test_a_lease_that_changed_hands_before_our_grant_was_heard_is_not_ours() -> None:
    found = election()
    found.saw(None, 100.0)
    attempt = found.begin(100.0)
    found.saw(claim(2, "other"), 100.2)

    found.granted(attempt, claim(1, "me"), 100.3)

    assert not found.may_act(100.3)


def test_a_deleted_lease_is_no_released_one_its_holder_may_still_act() -> None:
    found = election()
    found.saw(claim(7, "other", transitions=2), 100.0)

    found.saw(None, 101.0)

    assert found.due() == 115.0
    assert found.begin(115.0) == Attempt(replaces=None, takes_over=True, transitions=3, started=115.0)


def test_a_holder_whose_lease_was_deleted_makes_it_again() -> None:
    found = leading(100.0)
    found.saw(None, 101.0)

    assert found.may_act(101.0)
    assert found.due() == 102.0
    assert found.begin(102.0).replaces is None


def test_who_resigns_acts_no_more_and_releases_what_is_stored() -> None:
    found = leading(100.0)
    late = found.begin(102.0)

    assert found.resign() == Attempt(replaces=1, takes_over=False, transitions=0)

    found.granted(late, claim(2, "me"), 102.1)
    assert not found.may_act(102.1)
    assert found.due() is None
    assert found.lost(200.0) is None


def test_who_never_led_releases_nothing() -> None:
    found = election()
    found.saw(claim(7, "other"), 100.0)

    assert found.resign() is None
