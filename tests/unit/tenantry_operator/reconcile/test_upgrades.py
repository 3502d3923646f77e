from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import DeploymentView
from tenantry_operator.kube.kinds import Key
from tenantry_operator.reconcile.upgrades import Upgrades
from tenantry_operator.resources.image import Defaults
from tests.unit.tenantry_operator.objects import deployment_view, gateway, pod_view

OLD, NEW = Defaults("gateway:1"), Defaults("gateway:2")
ROLLED_OUT = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
UNDER_WAY = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
TOO_LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


class Fleet:
    """Gateways and their Deployments, as their controllers would move them."""

    def __init__(self, size: int, limit: int, current: Defaults = NEW) -> None:
        self.gateways = {(f"team-{number}", "assistants"): self._gateway(number) for number in range(size)}
        self.live: dict[Key, DeploymentView] = dict.fromkeys(self.gateways, view(OLD))
        self.limit = limit
        self.woken: list[Key] = []
        self.upgrades = self.operator(current)

    def operator(self, current: Defaults) -> Upgrades:
        """A process of the operator, which knows nothing but what is in the cluster."""
        return Upgrades(current, self.limit, self.live.items, self.woken.append)

    def look(self, key: Key) -> None:
        """What a reconcile does."""
        defaults = self.upgrades.defaults_for(self.gateways[key], self.live[key])
        if image(self.live[key]) != defaults.image:
            self.live[key] = view(defaults, under_way=True)
        self.live[key] = replace(self.live[key], image_defaults=str(defaults))
        self.upgrades.observe(key, self.live[key], ())

    def look_at_all(self) -> None:
        for key in self.gateways:
            self.look(key)
        while self.woken:
            self.look(self.woken.pop(0))

    def come_up(self, key: Key) -> None:
        self.live[key] = replace(view(NEW), image_defaults=self.live[key].image_defaults)
        self.look(key)

    def fail(self, key: Key) -> None:
        self.live[key] = replace(self.live[key], conditions=(TOO_LATE,))
        self.look(key)

    def rolling(self) -> list[Key]:
        return [key for key, live in self.live.items() if image(live) == NEW.image and not live.available]

    def upgraded(self) -> list[Key]:
        return [key for key, live in self.live.items() if image(live) == NEW.image and live.available]

    def _gateway(self, number: int) -> Gateway:
        subject = gateway()
        return Gateway(replace(subject.meta, namespace=f"team-{number}"), subject.spec, {})


def image(live: DeploymentView) -> str | None:
    defaults = Defaults.parse(live.image_defaults)
    return defaults.image if defaults else None


def view(defaults: Defaults, *, under_way: bool = False, **more: Any) -> DeploymentView:
    condition: Mapping[str, str] = UNDER_WAY if under_way else ROLLED_OUT
    ready = 0 if under_way else 1
    return deployment_view(ready=ready, conditions=(condition,), image_defaults=str(defaults), **more)


def test_the_first_gateway_goes_alone_and_then_as_many_as_allowed() -> None:
    fleet = Fleet(8, limit=3)

    fleet.look_at_all()
    assert len(fleet.rolling()) == 1

    fleet.come_up(fleet.rolling()[0])
    fleet.look_at_all()
    assert len(fleet.rolling()) == 3


def test_one_that_is_done_wakes_the_next() -> None:
    fleet = Fleet(4, limit=2)
    fleet.look_at_all()

    fleet.come_up(fleet.rolling()[0])

    assert len(set(fleet.woken) - set(fleet.upgraded())) == 2


def test_one_that_is_done_no_longer_says_that_it_is_being_restarted() -> None:
    fleet = Fleet(4, limit=2)
    fleet.look_at_all()
    first = fleet.rolling()[0]
    assert Defaults.parse(fleet.live[first].image_defaults) == replace(NEW, restarting=True)

    fleet.come_up(first)
    fleet.look_at_all()

    assert Defaults.parse(fleet.live[first].image_defaults) == NEW


def test_a_waiting_gateway_keeps_the_defaults_that_its_pods_have() -> None:
    fleet = Fleet(2, limit=5)
    fleet.look_at_all()
    waiting = next(key for key in fleet.gateways if fleet.upgrades.is_waiting(key))

    assert fleet.upgrades.defaults_for(fleet.gateways[waiting], fleet.live[waiting]) == OLD


def test_after_a_failure_no_other_begins_until_it_has_come_up() -> None:
    fleet = Fleet(5, limit=3)
    fleet.look_at_all()
    first = fleet.rolling()[0]
    fleet.come_up(first)
    fleet.look_at_all()
    failing = fleet.rolling()[0]
    fleet.fail(failing)

    for key in [key for key in fleet.rolling() if key != failing]:
        fleet.come_up(key)
    fleet.look_at_all()
    assert fleet.rolling() == [failing]

    fleet.come_up(failing)
    fleet.look_at_all()
    assert len(fleet.rolling()) == 1


def test_pods_that_cannot_pull_the_image_are_a_failure_at_once() -> None:
    fleet = Fleet(3, limit=3)
    fleet.look_at_all()
    failing = fleet.rolling()[0]

    fleet.upgrades.observe(failing, fleet.live[failing], (pod_view(ready=False, problem="ErrImagePull: not found"),))
    fleet.upgrades.forget(next(key for key in fleet.gateways if key != failing))

    assert fleet.woken == []


def test_a_failed_gateway_that_is_deleted_no_longer_holds_up_others() -> None:
    fleet = Fleet(3, limit=3)
    fleet.look_at_all()
    failing = fleet.rolling()[0]
    fleet.upgrades.observe(failing, fleet.live[failing], (pod_view(ready=False, problem="ErrImagePull: not found"),))

    fleet.upgrades.forget(failing)

    assert fleet.woken != []


def test_a_gateway_without_available_pods_has_nothing_to_lose() -> None:
    fleet = Fleet(3, limit=1)
    fleet.look_at_all()
    down = next(key for key in fleet.gateways if fleet.upgrades.is_waiting(key))
    fleet.live[down] = deployment_view(ready=0, image_defaults=str(OLD))

    assert fleet.upgrades.defaults_for(fleet.gateways[down], fleet.live[down]) == NEW


def test_a_gateway_that_names_its_image_waits_for_nobody() -> None:
    pinned = gateway({"image": {"repository": "own/gateway", "tag": "7", "pullPolicy": "Always"}})
    fleet = Fleet(3, limit=1)
    fleet.look_at_all()

    assert fleet.upgrades.defaults_for(pinned, view(OLD)) == NEW
    assert not fleet.upgrades.is_waiting(pinned.key)


def test_a_restarted_operator_counts_what_the_last_one_began() -> None:
    fleet = Fleet(6, limit=2)
    fleet.look_at_all()
    fleet.come_up(fleet.rolling()[0])
    fleet.look_at_all()
    under_way = fleet.rolling()

    fleet.upgrades = fleet.operator(NEW)
    fleet.look_at_all()

    assert fleet.rolling() == under_way


@pytest.mark.parametrize(
    "counts",
    [{"replicas": 1, "updated": 0, "available": 1}, {"replicas": 0, "updated": 0}, {"observed_generation": 0}],
)
def test_a_restart_just_after_a_change_takes_it_for_under_way(counts: dict[str, Any]) -> None:
    """The Deployment's conditions are of the template before, until the first pod of the new one is made."""
    fleet = Fleet(4, limit=2)
    first = "team-0", "assistants"
    fleet.live[first] = view(replace(NEW, restarting=True), **counts)

    fleet.look_at_all()

    assert [key for key, live in fleet.live.items() if image(live) == NEW.image] == [first]


def test_gateways_that_have_never_come_up_hold_up_nobody_also_after_a_restart() -> None:
    """Neither a new one, nor one that the new image was given to because it was down anyway."""
    fleet = Fleet(6, limit=2)
    newcomer, down, worse = (key for key, _ in zip(fleet.live, range(3), strict=False))
    fleet.live[newcomer] = deployment_view(ready=0, conditions=(UNDER_WAY,), image_defaults=str(NEW))
    fleet.live[down] = deployment_view(ready=0, conditions=(UNDER_WAY,), image_defaults=str(OLD))
    fleet.live[worse] = deployment_view(ready=0, conditions=(TOO_LATE,), image_defaults=str(OLD))
    never = {newcomer, down, worse}
    fleet.look_at_all()
    assert len(set(fleet.rolling()) - never) == 1

    fleet.upgrades = fleet.operator(NEW)
    fleet.look_at_all()
    assert len(set(fleet.rolling()) - never) == 1
    for _ in range(3):
        fleet.come_up(min(set(fleet.rolling()) - never))
        fleet.look_at_all()

    assert len(fleet.upgraded()) == 3


def test_a_gateway_that_is_suspended_half_way_makes_room() -> None:
    fleet = Fleet(3, limit=1)
    fleet.look_at_all()
    key = fleet.rolling()[0]
    fleet.live[key] = replace(fleet.live[key], wanted=0)

    fleet.upgrades.observe(key, fleet.live[key], ())

    assert fleet.woken != []


def test_a_deployment_whose_controller_still_speaks_of_the_last_rollout_is_not_done() -> None:
    fleet = Fleet(2, limit=1)
    fleet.look_at_all()
    key = fleet.rolling()[0]

    fleet.upgrades.observe(key, view(NEW, updated=0), ())

    assert fleet.woken == []


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["look", "up", "fail", "restart", "gone"]), st.integers(0, 7)), max_size=60),
)
def test_never_more_than_allowed_are_down_and_none_begins_after_a_failure(
    limit: int, steps: list[tuple[str, int]]
) -> None:
    fleet = Fleet(8, limit)
    failed: set[Key] = set()
    for step, number in steps:
        key = f"team-{number}", "assistants"
        before = set(fleet.rolling())
        if step == "look":
            fleet.look(key)
        elif step == "up" and key in before:
            failed.discard(key)
            fleet.come_up(key)
        elif step == "fail" and key in before:
            failed.add(key)
            fleet.fail(key)
        elif step == "restart":
            fleet.upgrades = fleet.operator(NEW)
        began = set(fleet.rolling()) - before
        assert len(fleet.rolling()) <= limit
        assert not (began and failed)
        assert fleet.upgraded() or len(fleet.rolling()) <= 1
