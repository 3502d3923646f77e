"""What is wrong with gateways, going by what was seen of them; pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tenantry_cli.cluster import GATEWAY_LABEL, LEASE, Gateway
from tenantry_cli.console import harmless
from tenantry_cli.kubectl import Manifest

ABNORMAL = frozenset({"Reconciling", "Stalled", "RolloutPending", "Conflicted"})
"""Conditions that are bad news when True; all others are when False."""
PASSING = frozenset({"RotationStaged", "RotationPending"})
"""Reasons of False conditions that mean no harm."""
SUMMARIES = ("Ready", "Stalled", "Reconciling")
REMEDY = re.compile(r"\s*\b(?:Fix|See): (.+)$", re.DOTALL)
BAD_WAITS = frozenset(
    {"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "CreateContainerConfigError"}
    | {"CreateContainerError", "RunContainerError", "ErrImageNeverPull"}
)
GRACE = timedelta(seconds=60)
"""By how much this machine's clock may differ from the cluster's."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, and the next command or step."""

    what: str
    message: str
    next: str = ""


@dataclass
class Tenant:
    """One Gateway, and everything that is wrong with it."""

    gateway: Gateway
    troubles: list[Trouble] = field(default_factory=list)
    bindings: int = 0

    @property
    def suspended(self) -> bool:
        """Whether it has no pods on purpose."""
        return bool(self.gateway.condition("Ready").get("reason") == "Suspended")

    @property
    def state(self) -> str:
        """A word or two for it."""
        ready = self.gateway.condition("Ready").get("status")
        if self.suspended:
            return "Suspended"
        return "Ready" if ready == "True" else "Unknown" if not self.gateway.status.get("conditions") else "Not ready"

    @property
    def well(self) -> bool:
        """Whether nobody needs to do anything."""
        return not self.troubles and (self.suspended or self.state == "Ready")

    @property
    def summary(self) -> str:
        """The rest of the line of a Gateway that is well."""
        status = self.gateway.status
        pods = f"{status.get('readyReplicas', 0)}/{status.get('replicas', 0)} pods"
        agents, bindings = len(self.gateway.spec.get("agents", {})), status.get("bindings", self.bindings)
        counts = f"{agents} agent{'' if agents == 1 else 's'}, {bindings} binding{'' if bindings == 1 else 's'}"
        return ", ".join(filter(None, (pods, counts, str(status.get("endpoint", "")))))


def split_remedy(message: str) -> tuple[str, str]:
    """What is wrong, and what to do, out of a condition's message."""
    found = REMEDY.search(message)
    return (harmless(message[: found.start()]), harmless(found[1])) if found else (harmless(message), "")


def judge(gateway: Gateway, bindings: Sequence[Manifest], pods: Sequence[Manifest]) -> Tenant:
    """Everything that is wrong with one Gateway, its own AgentBindings and its pods."""
    tenant = Tenant(gateway, bindings=len(bindings))
    tenant.troubles += _unseen(gateway)
    tenant.troubles += _conditions(gateway)
    starting = gateway.condition("Reconciling").get("status") == "True"
    for binding in bindings:
        tenant.troubles += judge_binding(binding, starting=starting)
    for pod in pods:
        tenant.troubles += judge_pod(pod)
    return tenant


def _unseen(gateway: Gateway) -> Iterator[Trouble]:
    generation, observed = gateway.manifest["metadata"].get("generation"), gateway.status.get("observedGeneration")
    look = f"kubectl tenantry logs {gateway.name} -n {gateway.namespace} --operator"
    if observed is None or observed < 0:
        yield Trouble(
            "no status", "The operator has not looked at it yet: does one run that serves this namespace?", look
        )
    elif generation is not None and observed < generation:
        yield Trouble("old status", "The operator has not seen the latest change yet: what follows may be old.", look)


def _conditions(gateway: Gateway) -> Iterator[Trouble]:
    """What conditions say, each reason once: Ready, Stalled and Reconciling repeat those of others."""
    if gateway.condition("Ready").get("reason") == "Suspended":
        return
    conditions = gateway.status.get("conditions", ())
    causes = sorted((one for one in conditions if one["type"] not in SUMMARIES), key=lambda one: str(one["type"]))
    told: set[str] = set()
    for one in (*causes, *(gateway.condition(kind) for kind in SUMMARIES)):
        reason = str(one.get("reason", ""))
        if not one or not _is_bad(one) or reason in told or (told and one["type"] == "Reconciling"):
            continue
        told.add(reason)
        message, remedy = split_remedy(str(one.get("message", "")))
        look = f"kubectl -n {gateway.namespace} describe tgw {gateway.name}"
        yield Trouble(f"{one['type']}: {reason}", message, remedy or look)


def _is_bad(condition: Mapping[str, Any]) -> bool:
    if condition.get("reason") in PASSING:
        return False
    return str(condition["status"]) == ("True" if condition["type"] in ABNORMAL else "False")


def judge_binding(binding: Manifest, *, starting: bool = False) -> Iterator[Trouble]:
    """The first thing that is wrong with an AgentBinding. One of a Gateway that starts may have no status yet."""
    metadata = binding["metadata"]
    what = f"AgentBinding {metadata['name']}"
    found = {one["type"]: one for one in binding.get("status", {}).get("conditions", ())}
    look = f"kubectl -n {metadata['namespace']} describe tab {metadata['name']}"
    if not found and not starting:
        yield Trouble(what, "The operator has not looked at it yet.", look)
    for kind in ("Accepted", "Conflicted", "Programmed"):
        one = found.get(kind)
        if one and _is_bad(one) and one.get("reason") != "GatewaySuspended":
            message, remedy = split_remedy(str(one.get("message", "")))
            yield Trouble(f"{what}: {one.get('reason', kind)}", message, remedy or look)
            return


def judge_pod(pod: Manifest) -> Iterator[Trouble]:
    """Why a pod's containers do not run, as the kubelet tells it."""
    metadata = pod["metadata"]
    status = pod.get("status", {})
    where = f"kubectl -n {metadata['namespace']}"
    for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting = one.get("state", {}).get("waiting", {})
        ended = one.get("lastState", {}).get("terminated") or one.get("state", {}).get("terminated") or {}
        if waiting.get("reason") in BAD_WAITS:
            message = harmless(str(waiting.get("message") or waiting["reason"]))
            how = (
                f" It ended last with code {ended['exitCode']} ({ended.get('reason', '?')})."
                if "exitCode" in ended
                else ""
            )
            verb = (
                f"logs {metadata['name']} -c {one['name']} --previous" if ended else f"describe pod {metadata['name']}"
            )
            yield Trouble(f"pod {metadata['name']}: {waiting['reason']}", message + how, f"{where} {verb}")


def crashed_containers(pod: Manifest) -> Iterator[str]:
    """Containers that ended and are about to be started again: their last words are worth reading."""
    for one in pod.get("status", {}).get("containerStatuses", ()):
        if one.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff":
            yield str(one["name"])


def judge_operator(lease: Manifest | None, namespace: str, now: datetime) -> Iterator[Trouble]:
    """Whether an operator acts, going by its Lease; None where there is no Lease."""
    look = f"kubectl -n {namespace} get pods"
    if lease is None:
        message = (
            f"No operator has ever acted from namespace {namespace}. Where it runs elsewhere: --operator-namespace"
        )
        yield Trouble("operator", message, look)
        return
    spec = lease.get("spec", {})
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    if not holder:
        yield Trouble("operator", f"No operator acts: nobody holds the Lease {LEASE}.", look)
    elif renewed:
        since = now - datetime.fromisoformat(renewed)
        if since > timedelta(seconds=float(spec.get("leaseDurationSeconds") or 15)) + GRACE:
            minutes = int(since.total_seconds() // 60)
            message = f"No operator acts: {harmless(holder)} gave its last sign of life {minutes} min ago."
            yield Trouble("operator", message, look)


def gateway_of(binding: Manifest) -> tuple[str, str]:
    """Namespace and name of the Gateway that a binding is for."""
    reference = binding["spec"]["gatewayRef"]
    return reference.get("namespace") or binding["metadata"]["namespace"], reference["name"]


def gateway_of_pod(pod: Manifest) -> tuple[str, str]:
    """Namespace and name of the Gateway that a pod runs for."""
    return pod["metadata"]["namespace"], pod["metadata"].get("labels", {}).get(GATEWAY_LABEL, "")
