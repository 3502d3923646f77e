"""When to touch a gateway pod, and when to ask it what it serves. Pure: time is an argument.

The kubelet refreshes a pod's ConfigMap and Secret volumes when the pod changes, else after up to a minute and a half.
So each live pod gets an annotation (its value: the stamp of configuration and Secrets) when one of them changes, and
once more after two seconds if the kubelet itself had not heard of the change by then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from tenantry_operator.conditions.observation import PodView
from tenantry_operator.kube.observe import PodAnswer

SECOND_TOUCH = 2.0
"""Seconds after the first touch."""
FIRST_ASK = 0.25
MAX_ASK = 30.0
"""Seconds between questions to a pod that does not serve what is wanted yet: first, and at most."""


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every pod should report."""

    stamp: Stamp
    config_hash: str
    token_version: str = ""
    """Of a staged token, while a rotation waits for it; else empty, and nobody is asked."""


@dataclass(slots=True)
class _Pod:
    """What is remembered of one pod."""

    born_with: Stamp
    """What was wanted when it was first seen: a new pod mounts what is there."""
    serves: str | None = None
    token_version: str | None = None
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
        known = ((pod.name, self.pods[pod.uid].serves) for pod in live_pods(pods) if pod.uid in self.pods)
        return {name: serves for name, serves in known if serves is not None}

    def without_token(self, pods: Iterable[PodView], version: str) -> tuple[str, ...]:
        """Names of the pods that may serve clients and have not reported this version of the tokens.

        Those that are being deleted count: until its endpoints have followed, a Service still sends clients there.
        """
        known = {uid for uid, pod in self.pods.items() if pod.token_version == version}
        return tuple(pod.name for pod in pods if pod.has_files and pod.uid not in known)


def live_pods(pods: Iterable[PodView]) -> tuple[PodView, ...]:
    """Pods that are there to stay."""
    return tuple(pod for pod in pods if not pod.deleting)


def follow(memory: PodMemory, pods: Sequence[PodView], wanted: Wanted) -> None:
    """Begin and end the memory of pods, with all there are, going ones too."""
    present = {pod.uid for pod in pods}
    for uid in memory.pods.keys() - present:
        del memory.pods[uid]
    for uid in present:
        memory.pods.setdefault(uid, _Pod(born_with=wanted.stamp))


def to_ask(memory: PodMemory, pods: Sequence[PodView], wanted: Wanted) -> tuple[PodView, ...]:
    """Pods that can be asked and are not known to serve what is wanted."""
    return tuple(pod for pod in pods if _is_behind(memory.pods[pod.uid], pod, wanted))


def heard(memory: PodMemory, pod: PodView, answer: PodAnswer, wanted: Wanted) -> None:
    """Remember a pod's answer."""
    known = memory.pods[pod.uid]
    known.serves = answer.config_hash or known.serves
    known.token_version = answer.token_version or known.token_version
    known.asked = known.asked + 1 if _is_behind(known, pod, wanted) else 0


def to_touch(memory: PodMemory, pods: Sequence[PodView], wanted: Wanted, now: float) -> tuple[tuple[PodView, str], ...]:
    """Pods to touch now, each with the annotation's value; they are remembered as touched."""
    touches = []
    for pod in pods:
        known = memory.pods[pod.uid]
        if _first_touch_due(known, pod, wanted):
            secrets_differ = _stamp_of(known, pod).secrets != wanted.stamp.secrets
            known.touches, known.secrets_too = 1, secrets_differ or _lacks_token(known, wanted)
        elif _second_touch_due(known, wanted, now):
            known.touches = 2
        else:
            continue
        known.touched, known.touched_at, known.asked = wanted.stamp, now, 0
        value = str(wanted.stamp)
        value = value if known.touches == 1 and pod.refresh != value else f"{value}.{known.touches}"
        touches.append((pod, value))
    return tuple(touches)


def next_look(memory: PodMemory, pods: Sequence[PodView], wanted: Wanted, now: float) -> float | None:
    """Seconds until a pod should be asked or touched again; None if nothing is due."""
    waits = []
    for pod in pods:
        known = memory.pods[pod.uid]
        if _is_behind(known, pod, wanted):
            waits.append(min(MAX_ASK, FIRST_ASK * 1.5 ** max(known.asked - 1, 0)))
        if known.touches == 1 and known.touched == wanted.stamp and known.secrets_too:
            waits.append(max(0.0, known.touched_at + SECOND_TOUCH - now))
    return min(waits, default=None)


def _is_behind(known: _Pod, pod: PodView, wanted: Wanted) -> bool:
    """Whether a pod can be asked, and has not said that it serves what is wanted. Tokens matter before it is ready."""
    if not pod.ip:
        return False
    return (pod.ready and known.serves != wanted.config_hash) or _lacks_token(known, wanted)


def _lacks_token(known: _Pod, wanted: Wanted) -> bool:
    return bool(wanted.token_version) and known.token_version != wanted.token_version


def _stamp_of(known: _Pod, pod: PodView) -> Stamp:
    """What a pod was last touched for, or born with."""
    return Stamp.parse(pod.refresh) if pod.refresh else known.born_with


def _first_touch_due(known: _Pod, pod: PodView, wanted: Wanted) -> bool:
    if known.touched == wanted.stamp:
        return False
    if _stamp_of(known, pod) != wanted.stamp or _lacks_token(known, wanted):
        return True
    return known.serves is not None and known.serves != wanted.config_hash


def _second_touch_due(known: _Pod, wanted: Wanted, now: float) -> bool:
    if known.touches != 1 or known.touched != wanted.stamp or now < known.touched_at + SECOND_TOUCH:
        return False
    return known.secrets_too or (known.serves is not None and known.serves != wanted.config_hash)
