"""What a generated token needs next. Pure: the clock is an argument, and the Secret holds all state.

A rotation goes from no phase over Staged to Overlap and back, each step one guarded write of the Secret; see
``resources.secret`` for what the phases are. Nothing here is remembered but how long a phase has lasted, so that an
operator that was killed, or is not alone, goes on from what the Secret says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from tenantry_operator.api.v1alpha1.common import seconds
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import TokenView
from tenantry_operator.kube.kinds import Key

PATIENCE = 180.0
"""Seconds after which a staged token becomes the token though a pod has not confirmed it: a kubelet that nobody touches
takes one and a half minutes to refresh a pod's files, two and a half in the worst case."""
SKEW = 60.0
"""Seconds by which a recorded time may lie ahead of our clock, since clocks differ."""
AHEAD = -1.0
"""How long a phase has lasted whose recorded time cannot be right."""


class Act(Enum):
    """What is done to the Secret."""

    NOTHING = "nothing"
    GENERATE = "generate a token, since somebody has removed it"
    STAGE = "stage a new token"
    PROMOTE = "make the staged token the token"
    FINISH = "end the overlap"
    RESTART_CLOCK = "let the phase begin now, since its recorded time cannot be right"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, or else in how many seconds something is due."""

    act: Act = Act.NOTHING
    after: float | None = None
    unconfirmed: tuple[str, ...] = ()
    """Pods that have not confirmed the token that is promoted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for; times in seconds."""

    request: str
    """Value of the annotation; empty for none."""
    interval: float | None
    overlap: float

    @classmethod
    def of(cls, gateway: Gateway) -> "Asked":
        """By a Gateway."""
        auth = gateway.spec.auth
        interval = auth.rotation.interval if auth.rotation else None
        return cls(gateway.rotation_request, seconds(interval) if interval else None, seconds(auth.overlap))


def next_step(token: TokenView, asked: Asked, lasted: float, waiting_for: Sequence[str]) -> Step:
    """What the token needs.

    Args:
        token: the Secret.
        asked: the Gateway.
        lasted: seconds since the phase began, or AHEAD; without a phase, since the last rotation.
        waiting_for: pods that have not confirmed the staged token.
    """
    match token.phase:
        case "Staged":
            return _staged(token, lasted, waiting_for)
        case "Overlap":
            return _overlap(token, asked, lasted)
        case "":
            return _at_rest(token, asked, lasted)


def _at_rest(token: TokenView, asked: Asked, lasted: float) -> Step:
    if not token.has_token:
        return Step(Act.GENERATE)
    if asked.request and asked.request != token.request:
        return Step(Act.STAGE)
    if asked.interval is None:
        return Step()
    if lasted == AHEAD:
        return Step(Act.RESTART_CLOCK)
    return Step(Act.STAGE) if lasted >= asked.interval else Step(after=asked.interval - lasted)


def _staged(token: TokenView, lasted: float, waiting_for: Sequence[str]) -> Step:
    if not token.has_previous or not token.version:
        return Step(Act.STAGE)  # Somebody has changed it: what pods confirm would be something else.
    if not token.has_token or not waiting_for:
        return Step(Act.PROMOTE, unconfirmed=tuple(waiting_for))
    if lasted == AHEAD:
        return Step(Act.RESTART_CLOCK)
    if lasted >= PATIENCE:
        return Step(Act.PROMOTE, unconfirmed=tuple(waiting_for))
    return Step(after=PATIENCE - lasted)


def _overlap(token: TokenView, asked: Asked, lasted: float) -> Step:
    if not token.has_token:
        return Step(Act.GENERATE)
    if not token.has_previous:
        return Step(Act.FINISH)  # Somebody has withdrawn the previous token early.
    if lasted == AHEAD:
        return Step(Act.RESTART_CLOCK)
    return Step(Act.FINISH) if lasted >= asked.overlap else Step(after=asked.overlap - lasted)


@dataclass(slots=True)
class Stopwatches:
    """How long each token's phase has lasted.

    The wall clock counts only when a phase is seen for the first time: from then on a monotonic clock does, so that
    a jump of the wall clock neither ends an overlap early nor draws it out.
    """

    now: Callable[[], datetime]
    clock: Callable[[], float]
    """Monotonic seconds."""
    _seen: dict[Key, tuple[object, float]] = field(default_factory=dict)
    """What was seen, and when on the monotonic clock it began."""

    def lasted(self, secret: Key, token: TokenView) -> float:
        """Seconds; AHEAD if the recorded time is missing, or so far ahead of our clock that it cannot be right."""
        what = token.created, token.phase, token.since
        known = self._seen.get(secret)
        if known is not None and known[0] == what:
            return self.clock() - known[1]
        age = (self.now() - token.since).total_seconds() if token.since else -SKEW - 1
        if age < -SKEW:
            self._seen.pop(secret, None)
            return AHEAD
        began = self.clock() - max(age, 0.0)
        self._seen[secret] = what, began
        return self.clock() - began

    def forget(self, secret: Key) -> None:
        """The Secret is gone, or nobody's any more."""
        self._seen.pop(secret, None)
