"""DeploymentAvailable: whether the gateway's pods run, and what keeps them from it.

Messages hold nothing that changes while nothing happens: no back-off times, no names of pods that were never made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tenantry_operator.api.v1alpha1.gateway import child_name
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, first_finding, shortened
from tenantry_operator.conditions.observation import DeploymentView, Observation, PodView

STARTING = frozenset({"ContainerCreating", "PodInitializing"})
IMAGE_PROBLEMS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})
CRASHES = frozenset({"CrashLoopBackOff", "Error", "OOMKilled"})
MAX_DETAIL = 512


REFUSALS: Sequence[tuple[str, str]] = (
    (
        "exceeded quota",
        "Fix: lower spec.resources or spec.replicas, or have the quota raised: kubectl -n {namespace} describe quota",
    ),
    (
        "failed quota",
        "Fix: name what the quota asks for in spec.resources: kubectl -n {namespace} describe quota",
    ),
    ("no PriorityClass", "Fix: correct spec.priorityClassName; what is there: kubectl get priorityclasses"),
    ("RuntimeClass", "Fix: correct spec.runtimeClassName; what is there: kubectl get runtimeclasses"),
    (
        "per Container",
        "Fix: change spec.resources to what the namespace allows: kubectl -n {namespace} describe limitranges",
    ),
    (
        "per Pod",
        "Fix: change spec.resources to what the namespace allows: kubectl -n {namespace} describe limitranges",
    ),
    ("violates PodSecurity", "Fix: see the labels of the namespace: kubectl get namespace {namespace} --show-labels"),
)
"""What Kubernetes says where it refuses a pod, and what helps."""


def deployment_available(seen: Observation) -> Finding:
    """True if all pods are available and of the latest revision; else the first thing that keeps them from it."""
    otherwise = _progressing(seen, _pods_ready(seen))
    return first_finding(CHECKS, seen, otherwise)


def is_rolled_out(deployment: DeploymentView) -> bool:
    """Whether every pod is of the latest template, and available.

    The reason of the condition Progressing says so too, but for a moment after a change it speaks of the last one.
    """
    every = deployment.wanted == deployment.replicas == deployment.updated
    return every and _enough(deployment) and deployment.observed_generation >= deployment.generation


def was_rolled_out(deployment: DeploymentView) -> bool:
    """Whether pods of the latest template have been available once, whatever has become of them since.

    Until the first pod of a new template is made, the condition speaks of the template before.
    """
    latest = deployment.wanted == deployment.replicas == deployment.updated
    latest = latest and deployment.observed_generation >= deployment.generation
    has_been = latest and _condition(deployment, "Progressing").get("reason") == "NewReplicaSetAvailable"
    return has_been or is_rolled_out(deployment)


def rollout_has_failed(deployment: DeploymentView, pods: Iterable[PodView]) -> bool:
    """Whether pods of the latest template cannot start: their image cannot be pulled, they crash, or time is up."""
    late = _condition(deployment, "Progressing").get("reason") == reasons.PROGRESS_DEADLINE_EXCEEDED
    if late and not is_rolled_out(deployment):
        return True
    problems = {(pod.problem or "").partition(": ")[0] for pod in pods if not pod.ready and not pod.deleting}
    return not problems.isdisjoint(IMAGE_PROBLEMS | CRASHES)


def _missing(seen: Observation) -> Finding | None:
    if seen.deployment is not None:
        return None
    return Finding("False", reasons.DEPLOYMENT_MISSING, f"Deployment {_name(seen)} has not been created yet.")


def _unobserved(seen: Observation) -> Finding | None:
    deployment = seen.deployment
    if deployment is None or deployment.observed_generation >= deployment.generation:
        return None
    return _progressing(seen, "its latest change has not been processed yet")


def has_no_pods(seen: Observation) -> bool:
    """Whether there are no pods, as a suspended Gateway wants it; not while some are still ending."""
    deployment = seen.deployment
    return deployment is not None and deployment.wanted == deployment.replicas == 0 and not seen.pods


def _suspended(seen: Observation) -> Finding | None:
    if seen.gateway.replicas > 0:
        return None
    if not has_no_pods(seen):
        return Finding("False", reasons.SUSPENDED, "The gateway is suspended: its pods are ending.")
    namespace, name = seen.gateway.key
    field, value = ("suspended", "false") if seen.gateway.spec.suspended else ("replicas", "1")
    message = (
        f"The gateway is suspended (spec.{field}): it has no pods, and everything else is kept. To resume: "
        f"""kubectl -n {namespace} patch tgw {name} --type merge -p '{{"spec":{{"{field}":{value}}}}}'"""
    )
    return Finding("False", reasons.SUSPENDED, message)


def _complete(seen: Observation) -> Finding | None:
    deployment = seen.deployment
    if deployment is None or not _enough(deployment) or deployment.replicas > deployment.updated:
        return None
    if deployment.available >= deployment.wanted:
        return Finding("True", reasons.AVAILABLE, f"Deployment {_name(seen)} is available.")
    if _pod_problem(seen) or deployment.replicas < deployment.wanted:
        return None
    message = f"Deployment {_name(seen)} is available: {deployment.available} of {deployment.wanted} pods serves"
    return Finding("True", reasons.AVAILABLE, f"{message}, the others stand by.")


def _enough(deployment: DeploymentView) -> bool:
    """Whether as many pods are available as can be: of several one serves, and the others stand by, not ready."""
    return deployment.wanted > 0 and deployment.available >= 1


def _pods_refused(seen: Observation) -> Finding | None:
    """A quota or an admission policy keeps pods from being made. The name of the pod refused is random: left out."""
    failure = _condition(seen.deployment, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    detail = re.sub(r'pods "[^"]*"', "pods", str(failure.get("message", "")))
    message = f"Deployment {_name(seen)} cannot create its pods: {shortened(detail, MAX_DETAIL)}"
    fix = next((fix for mark, fix in REFUSALS if mark in detail), "See: kubectl -n {namespace} get events")
    return Finding("False", reasons.REPLICA_FAILURE, f"{message}. {fix.format(namespace=seen.gateway.meta.namespace)}")


def _past_deadline(seen: Observation) -> Finding | None:
    progressing = _condition(seen.deployment, "Progressing")
    if progressing.get("reason") != reasons.PROGRESS_DEADLINE_EXCEEDED:
        return None
    detail = _pod_problem(seen) or f"{_pods_ready(seen)}. See: {_kubectl(seen, 'describe')}"
    message = f"Deployment {_name(seen)} did not become ready in time: {detail}"
    return Finding("False", reasons.PROGRESS_DEADLINE_EXCEEDED, message)


def _pod_in_trouble(seen: Observation) -> Finding | None:
    problem = _pod_problem(seen)
    return _progressing(seen, problem) if problem else None


CHECKS: Sequence[Callable[[Observation], Finding | None]] = (
    _missing,
    _unobserved,
    _suspended,
    _complete,
    _pods_refused,
    _past_deadline,
    _pod_in_trouble,
)


def _progressing(seen: Observation, detail: str) -> Finding:
    return Finding("False", reasons.DEPLOYMENT_PROGRESSING, f"Deployment {_name(seen)}: {detail}")


def _pods_ready(seen: Observation) -> str:
    deployment = seen.deployment
    if deployment is None or not deployment.replicas:
        return "it has no pods yet"
    return f"{deployment.ready} of {deployment.wanted} pods are ready"


def _pod_problem(seen: Observation) -> str | None:
    """The first problem of a pod that should run, by the pod's name."""
    pods = sorted((pod for pod in seen.pods if not pod.ready and not pod.deleting), key=lambda pod: pod.name)
    return next(filter(None, (_explained(seen, pod) for pod in pods)), None)


def _explained(seen: Observation, pod: PodView) -> str | None:
    reason, _, detail = (pod.problem or "").partition(": ")
    if not reason or reason in STARTING:
        return None
    if reason in IMAGE_PROBLEMS:
        image = seen.desired.image if seen.desired else "of its container"
        return (
            f"pod {pod.name} cannot pull the image {image}. Fix: correct spec.image, or name a Secret with the "
            "registry's credentials in spec.image.pullSecrets"
        )
    if reason in CRASHES:
        return f"the container of pod {pod.name} keeps ending ({reason}). See: {_kubectl(seen, 'logs')}"
    if reason == "Unschedulable":
        return (
            f"pod {pod.name} cannot be scheduled: {shortened(detail, MAX_DETAIL)} Fix: change {_placement(seen)}, or "
            "have nodes added or freed: kubectl describe nodes"
        )
    if reason == "CreateContainerConfigError":
        return f"pod {pod.name} lacks what spec.env refers to: {shortened(detail, MAX_DETAIL)}"
    return f"pod {pod.name}: {shortened(pod.problem or '', MAX_DETAIL)}"


def _placement(seen: Observation) -> str:
    """The fields by which the Gateway itself narrows where its pods may run."""
    spec = seen.gateway.spec
    said = {
        "nodeSelector": spec.node_selector,
        "affinity": spec.affinity,
        "topologySpreadConstraints": spec.topology_spread_constraints,
        "tolerations": spec.tolerations,
    }
    names = [name for name, value in said.items() if value] + ["resources.requests"]
    return f"spec.{' or '.join(names)}"


def _condition(deployment: DeploymentView | None, kind: str) -> Mapping[str, Any]:
    found = deployment.conditions if deployment else ()
    return next((condition for condition in found if condition.get("type") == kind), {})


def _name(seen: Observation) -> str:
    return f"{seen.gateway.meta.namespace}/{child_name(seen.gateway.meta.name)}"


def _kubectl(seen: Observation, verb: str) -> str:
    return f"kubectl -n {seen.gateway.meta.namespace} {verb} deployment/{child_name(seen.gateway.meta.name)}"
