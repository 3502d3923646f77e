from tenantry_operator.conditions.observation import DeploymentView
from tenantry_operator.reconcile.rollout import PATIENCE, Rollouts

KEY = ("ns", "a")


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def view(observed: int, replicas: int) -> DeploymentView:
    return DeploymentView(2, observed, replicas, updated=0, ready=0, available=0)


def test_a_deployment_that_was_not_just_changed_is_told_at_once() -> None:
    rollouts = Rollouts(Clock())

    assert rollouts.pause(KEY, None) is None
    assert rollouts.pause(KEY, view(2, 0)) is None


def test_one_that_somebody_else_has_changed_is_told_once_its_controllers_have_seen_it() -> None:
    rollouts = Rollouts(Clock())

    assert rollouts.pause(KEY, view(1, 1)) == PATIENCE
    assert rollouts.pause(KEY, view(2, 1)) is None
    assert rollouts.pause(KEY, view(1, 1)) == PATIENCE, "the next change"


def test_one_that_no_controller_looks_at_is_told_once_patience_ends() -> None:
    clock = Clock()
    rollouts = Rollouts(clock)
    rollouts.pause(KEY, view(1, 1))
    clock.now += PATIENCE

    assert rollouts.pause(KEY, view(1, 1)) is None
    assert rollouts.pause(KEY, view(1, 1)) is None, "at each look, from then on"


def test_a_deployment_just_written_is_told_once_its_controllers_have_begun() -> None:
    rollouts = Rollouts(Clock())
    rollouts.begun(KEY)

    assert rollouts.pause(KEY, None) == PATIENCE
    assert rollouts.pause(KEY, view(1, 1)) == PATIENCE
    assert rollouts.pause(KEY, view(2, 0)) == PATIENCE
    assert rollouts.pause(KEY, view(2, 1)) is None
    assert rollouts.pause(KEY, view(2, 0)) is None


def test_patience_ends() -> None:
    clock = Clock()
    rollouts = Rollouts(clock)
    rollouts.begun(KEY)
    clock.now += PATIENCE

    assert rollouts.pause(KEY, view(1, 0)) is None


def test_a_gateway_that_is_gone_is_forgotten() -> None:
    rollouts = Rollouts(Clock())
    rollouts.begun(KEY)
    rollouts.forget(KEY)

    assert rollouts.pause(KEY, None) is None
