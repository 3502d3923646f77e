import pytest

from tenantry_operator.kube.apply import ChangedUnderneath, NameTaken, NotYetGone
from tenantry_operator.kube.errors import UnavailableError, from_status
from tenantry_operator.kube.kinds import CONFIG_MAP
from tenantry_operator.reconcile.converge import Setbacks

KEY = ("ns", "a-gateway")
FORBIDDEN = (
    'services "x" is forbidden: User "o" cannot create resource "services" in API group "" in the namespace "ns"'
)


def run_into(setbacks: Setbacks, error: Exception) -> None:
    with setbacks.caught():
        raise error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NameTaken(CONFIG_MAP, KEY, "was not made by this operator"), "NameConflict"),
        (NotYetGone(CONFIG_MAP, KEY, "is being deleted"), "WaitingForDeletion"),
        (from_status(403, {"message": FORBIDDEN}), "PermissionDenied"),
        (from_status(403, {"message": "exceeded quota"}), "ApplyFailed"),
        (from_status(422, {"message": "spec.x: too long"}), "ApplyFailed"),
        (ChangedUnderneath(CONFIG_MAP, KEY, "was replaced"), None),
        (from_status(404, {"message": "namespace not found"}), None),
    ],
)
def test_what_stands_in_the_way_becomes_a_problem_and_is_tried_again(error: Exception, reason: str | None) -> None:
    setbacks = Setbacks()

    run_into(setbacks, error)

    assert setbacks.retry
    assert (setbacks.problem.reason if setbacks.problem else None) == reason


def test_a_name_conflict_says_what_to_do() -> None:
    setbacks = Setbacks()

    run_into(setbacks, NameTaken(CONFIG_MAP, KEY, "was not made by this operator"))

    assert setbacks.problem is not None
    assert "kubectl -n ns get configmaps a-gateway" in setbacks.problem.message


def test_a_terminating_namespace_is_no_problem() -> None:
    setbacks = Setbacks()

    run_into(setbacks, from_status(403, {"details": {"causes": [{"reason": "NamespaceTerminating"}]}}))

    assert (setbacks.problem, setbacks.retry) == (None, False)


def test_only_the_first_problem_counts() -> None:
    setbacks = Setbacks()
    for message in ("first", "second"):
        run_into(setbacks, from_status(422, {"message": message}))

    assert setbacks.problem is not None
    assert setbacks.problem.message == "first"


def test_an_api_server_that_is_away_is_left_to_the_queue() -> None:
    with pytest.raises(UnavailableError), Setbacks().caught():
        raise UnavailableError(0, "ClientError", "refused")
