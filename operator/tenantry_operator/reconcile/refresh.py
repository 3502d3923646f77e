"""When to touch a gateway pod, and when to ask it what it serves. Pure: time is an argument.

The kubelet refreshes a pod's ConfigMap and Secret volumes when the pod changes, else after up to a minute and a half.
So each live pod gets an annotation (its value: the stamp of configuration and Secrets) when one of them changes, and
once more after two seconds if the kubelet itself had not heard of the change by then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from tenantry_operator.conditions.observation import PodView

SECOND_TOUCH = 2.0
"""Seconds after the first touch."""
FIRST_ASK = 0.25
MAX_ASK = 30.0
"""Seconds between questions to a pod that does not serve the wanted configuration yet: first, and at most."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What pods should have: the configuration and the Secrets, as short digests."""

    config: str
    secrets: str

    @classmethod
    def of(cls, config_hash: str, secrets: Iterable[tuple[str, int]]) -> "Stamp":
        """From the configuration's hash and each Secret's name and resourceVersion (0: absent)."""
        text = "\n".join(f"{name} {version}" for name, version in sorted(secrets))
        return cls(config_hash[:12], sha256(text.encode()).hexdigest()[:12])

    @classmethod
    def parse(cls, annotation: str) -> "Stamp":
        """The stamp in an annotation's value."""
        config, _, secrets = annotation.partition(".")[0].partition("-")
        return cls(config, secrets)

    def __str__(self) -> str:
        return f"{self.config}-{self.secrets}"


@dataclass(slots=True)
class _Pod:
    """What is remembered of one pod."""

    born_with: Stamp
    """What was wanted when it was first seen: a new pod mounts what is there."""
    serves: str | None = None
    asked: int = 0
    touched: Stamp | None = None
    touched_at: float = 0.0
    touches: int = 0
    secrets_too: bool = False
    """Whether the touch was about Secrets, which no question can confirm."""


@dataclass(slots=True)
class PodMemory:
    """What is remembered of one Gateway's pods."""

    pods: dict[str, _Pod] = field(default_factory=dict)
    """By uid."""

    def served(self, pods: Iterable[PodView]) -> dict[str, str]:
        """The configuration hash that each pod has reported, by the pod's name."""
        known = ((pod.name, self.pods[pod.uid].serves) for pod in pods if pod.uid in self.pods)
        return {name: serves for name, serves in known if serves is not None}


def live_pods(pods: Iterable[PodView]) -> tuple[PodView, ...]:
    """Pods that are there to stay."""
    return tuple(pod for pod in pods if not pod.deleting)


def to_ask(memory: PodMemory, pods: Sequence[PodView], wanted: Stamp, config_hash: str) -> tuple[PodView, ...]:
    """Ready pods that are not known to serve the wanted configuration. Also begins and ends their memory."""
    present = {pod.uid: pod for pod in pods}
    for uid in memory.pods.keys() - present.keys():
        del memory.pods[uid]
    for uid in present:
        memory.pods.setdefault(uid, _Pod(born_with=wanted))
    return tuple(pod for pod in pods if pod.ready and pod.ip and memory.pods[pod.uid].serves != config_hash)


def heard(memory: PodMemory, pod: PodView, answer: str | None, config_hash: str) -> None:
    """Remember a pod's answer."""
    known = memory.pods[pod.uid]
    known.serves = answer if answer is not None else known.serves
    known.asked = 0 if answer == config_hash else known.asked + 1


def to_touch(
    memory: PodMemory, pods: Sequence[PodView], wanted: Stamp, config_hash: str, now: float
) -> tuple[tuple[PodView, str], ...]:
    """Pods to touch now, each with the annotation's value; they are remembered as touched."""
    touches = []
    for pod in pods:
        known = memory.pods[pod.uid]
        if _first_touch_due(known, pod, wanted, config_hash):
            has = Stamp.parse(pod.refresh) if pod.refresh else known.born_with
            known.touches, known.secrets_too = 1, has.secrets != wanted.secrets
        elif _second_touch_due(known, wanted, config_hash, now):
            known.touches = 2
        else:
            continue
        known.touched, known.touched_at, known.asked = wanted, now, 0
        value = str(wanted) if known.touches == 1 and pod.refresh != str(wanted) else f"{wanted}.{known.touches}"
        touches.append((pod, value))
    return tuple(touches)


def next_look(memory: PodMemory, pods: Sequence[PodView], wanted: Stamp, config_hash: str, now: float) -> float | None:
    """Seconds until a pod should be asked or touched again; None if nothing is due."""
    waits = []
    for pod in pods:
        known = memory.pods[pod.uid]
        if pod.ready and pod.ip and known.serves != config_hash:
            waits.append(min(MAX_ASK, FIRST_ASK * 1.5 ** max(known.asked - 1, 0)))
        if known.touches == 1 and known.touched == wanted and known.secrets_too:
            waits.append(max(0.0, known.touched_at + SECOND_TOUCH - now))
    return min(waits, default=None)


def _first_touch_due(known: _Pod, pod: PodView, wanted: Stamp, config_hash: str) -> bool:
    if known.touched == wanted:
        return False
    has = Stamp.parse(pod.refresh) if pod.refresh else known.born_with
    return has != wanted or (known.serves is not None and known.serves != config_hash)


def _second_touch_due(known: _Pod, wanted: Stamp, config_hash: str, now: float) -> bool:
    if known.touches != 1 or known.touched != wanted or now < known.touched_at + SECOND_TOUCH:
        return False
    return known.secrets_too or (known.serves is not None and known.serves != config_hash)
