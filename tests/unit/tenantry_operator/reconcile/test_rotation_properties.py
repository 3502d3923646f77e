"""Rotations under every interleaving of operators, crashes and pods: nobody who has a valid token is refused.

Two operators race for one Secret, each with what it read last; either may be killed and started again at any moment.
Pods load the Secret when their kubelet gets to it, at the latest after the time that the operator waits.
"""

import base64
import itertools
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from tenantry_operator.reconcile.rotation import Act, Asked, Step, Stopwatches, next_step
from tenantry_operator.reconcile.views import token_view
from tenantry_operator.resources import secret
from tests.unit.tenantry_operator.objects import gateway

KEY = ("ns", "a")
OVERLAP = 600.0
KUBELET = 150.0
"""Seconds within which a pod has loaded a change for certain: the kubelet's period, its cache, and some more."""
START = datetime(2026, 5, 1, tzinfo=UTC)


class Server:
    """The API server's part: one Secret, changed by merge patches upon its resourceVersion."""

    def __init__(self) -> None:
        self.live: dict[str, Any] = secret.build_token_secret(gateway(), "token-0")
        self.live["metadata"] |= {"creationTimestamp": "2026-05-01T00:00:00Z", "resourceVersion": "1"}
        self.writes = 0

    def read(self) -> dict[str, Any]:
        live = deepcopy(self.live)
        fields: dict[str, Any] = {f"f:{key}": {} for key in live["data"]}
        live["metadata"]["managedFields"] = [{"manager": "tenantry-operator", "fieldsV1": {"f:data": fields}}]
        return live

    def patch(self, version: str, patch: dict[str, Any]) -> bool:
        if version != self.live["metadata"]["resourceVersion"]:
            return False
        for part, changes in (
            (self.live["data"], patch.get("data", {})),
            (self.live["metadata"].setdefault("annotations", {}), patch.get("metadata", {}).get("annotations", {})),
        ):
            for key, value in changes.items():
                if value is None:
                    part.pop(key, None)
                else:
                    part[key] = value
        self.writes += 1
        self.live["metadata"]["resourceVersion"] = str(int(version) + 1)
        return True

    def value(self, key: str) -> str | None:
        encoded = self.live["data"].get(key)
        return base64.b64decode(encoded).decode() if encoded else None


class Pod:
    """A pod of the gateway: what it has loaded, and since when that is out of date."""

    def __init__(self, server: Server) -> None:
        self.load(server)

    def load(self, server: Server) -> None:
        self.accepts = {server.value(secret.TOKEN_KEY), server.value(secret.PREVIOUS_KEY)} - {None}
        self.version = server.value(secret.VERSION_KEY)
        self.seen = server.writes
        self.late = 0.0


class Operator:
    """An operator's process: what it has read of the Secret and heard of pods, and its clocks."""

    def __init__(self, machine: "Rotations") -> None:
        self.machine = machine
        self.known = machine.server.read()
        self.confirmed: dict[Pod, str | None] = {}
        self.watches = Stopwatches(lambda: machine.wall, lambda: machine.monotonic)

    def act(self, request: str) -> None:
        machine, token = self.machine, token_view(self.known)
        waiting = [
            str(index)
            for index, pod in enumerate(machine.pods)
            if token.version == "" or self.confirmed.get(pod) != token.version
        ]
        step = next_step(token, Asked(request, None, OVERLAP), self.watches.lasted(KEY, token), waiting)
        patch = self._patch(step, token.phase, request)
        if patch is not None:
            before = machine.server.value(secret.TOKEN_KEY)
            if machine.server.patch(self.known["metadata"]["resourceVersion"], patch):
                machine.replaced(before, step.act, request)
            self.known = machine.server.read()

    def _patch(self, step: Step, phase: str, request: str) -> dict[str, Any] | None:
        machine = self.machine
        match step.act:
            case Act.NOTHING:
                return None
            case Act.GENERATE:
                return secret.with_token(machine.new_token())
            case Act.STAGE:
                return secret.staged(machine.new_token(), f"v-{machine.new_token()}", request, machine.wall)
            case Act.PROMOTE:
                return secret.promoted(self.known, step.unconfirmed, machine.wall)
            case Act.FINISH:
                return secret.finished()
            case Act.RESTART_CLOCK:
                return secret.restarted_clock(phase, machine.wall)


class Rotations(RuleBasedStateMachine):
    """Everything that can happen, in any order."""

    operators = Bundle("operators")

    @initialize(target=operators, pods=st.integers(0, 3))
    def start(self, pods: int) -> Any:
        self.server = Server()
        self.wall, self.monotonic = START, 0.0
        self.names = itertools.count(1)
        self.requests = itertools.count(1)
        self.request = ""
        self.served: list[str] = []
        self.valid_until: dict[str, float] = {}
        self.pods = [Pod(self.server) for _ in range(pods)]
        return multiple(Operator(self), Operator(self))

    def new_token(self) -> str:
        return f"token-{next(self.names)}"

    def replaced(self, before: str | None, act: Act, request: str) -> None:
        """Keep book of what clients may use, and of the requests served."""
        if act is Act.STAGE:
            self.served.append(request)
        if act is Act.PROMOTE and before is not None:
            self.valid_until[before] = self.monotonic + OVERLAP

    @rule()
    def ask_for_a_rotation(self) -> None:
        self.request = str(next(self.requests))

    @rule(operator=operators)
    def an_operator_looks_at_what_it_knows(self, operator: Operator) -> None:
        operator.act(self.request)

    @rule(operator=operators)
    def an_operator_s_watch_catches_up(self, operator: Operator) -> None:
        operator.known = self.server.read()

    @rule(operator=operators)
    def an_operator_asks_the_pods(self, operator: Operator) -> None:
        operator.confirmed = {pod: pod.version for pod in self.pods}

    @rule(target=operators, operator=consumes(operators))
    def an_operator_is_killed_and_starts_again(self, operator: Operator) -> Operator:
        return Operator(operator.machine)

    @rule(index=st.integers(0, 2))
    def a_kubelet_refreshes_a_pod(self, index: int) -> None:
        if index < len(self.pods):
            self.pods[index].load(self.server)

    @rule(index=st.integers(0, 2))
    def a_pod_is_replaced(self, index: int) -> None:
        if index < len(self.pods):
            self.pods[index] = Pod(self.server)

    @rule(seconds=st.sampled_from([1.0, 20.0, KUBELET - 10, OVERLAP - 20, OVERLAP]))
    def time_passes(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += timedelta(seconds=seconds)
        for pod in self.pods:
            if pod.seen != self.server.writes:
                pod.late += seconds
            if pod.late >= KUBELET:
                pod.load(self.server)

    @invariant()
    def the_token_in_the_secret_is_accepted_by_every_pod(self) -> None:
        token = self.server.value(secret.TOKEN_KEY)
        assert token is not None
        assert all(token in pod.accepts for pod in self.pods)

    @invariant()
    def a_token_is_accepted_by_every_pod_until_its_overlap_ends(self) -> None:
        valid = {token for token, until in self.valid_until.items() if self.monotonic < until}
        assert all(valid <= pod.accepts for pod in self.pods)

    @invariant()
    def no_request_is_served_twice(self) -> None:
        assert len(self.served) == len(set(self.served))


Rotations.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestRotations = Rotations.TestCase
