"""StorageReady: whether the gateway has the volume that it asks for, and what keeps it from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tenantry_operator.api.v1alpha1.gateway import child_name
from tenantry_operator.api.v1alpha1.quantity import amount, canonical
from tenantry_operator.api.v1alpha1.storage import claim_name
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, listed
from tenantry_operator.conditions.observation import ClaimView, Observation, StorageClassView

MAKE_DEFAULT = (
    "kubectl patch storageclass NAME -p "
    """'{"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}}'"""
)
LOOK = "kubectl get storageclass"
PASSING = frozenset({reasons.CLAIM_MISSING, reasons.WAITING_FOR_FIRST_CONSUMER})
"""Part of every start: nothing to tell in other conditions."""


def storage_ready(seen: Observation) -> Finding:
    """True if the claim has its volume, of the size that is asked for; else the first thing in the way."""
    claim = seen.claim
    if claim is None:
        return Finding("False", reasons.CLAIM_MISSING, f"{_name(seen)} has not been created yet.")
    findings = (check(seen, claim) for check in CHECKS)
    return next(filter(None, findings), None) or _bound(seen, claim)


def storage_in_the_way(seen: Observation) -> Finding | None:
    """What of the storage keeps pods from running, or means that the state is gone."""
    found = storage_ready(seen)
    available = seen.deployment is not None and seen.deployment.available > 0
    if found.status == "True" or found.reason in PASSING or (available and found.reason != reasons.VOLUME_LOST):
        return None
    bound = seen.claim is not None and seen.claim.phase == "Bound" and not seen.claim.deleting
    return None if bound else found


def storage_unfinished(seen: Observation) -> Finding | None:
    """What of the storage is not as it was asked for, whether or not pods run."""
    found = storage_ready(seen)
    return None if found.status == "True" or found.reason in PASSING else found


def expandable(claim: ClaimView, classes: Mapping[str, StorageClassView] | None) -> bool:
    """Whether the claim's volume may grow, as far as can be known."""
    if classes is None:
        return True
    found = classes.get(claim.storage_class or "")
    return found is not None and found.expandable


Check = Callable[[Observation, ClaimView], Finding | None]


def _deleting(seen: Observation, claim: ClaimView) -> Finding | None:
    if not claim.deleting:
        return None
    keep = (
        f"To keep what is on it, first: kubectl patch pv {claim.volume} "
        """-p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'. """
    )
    message = (
        f"{_name(seen)} is being deleted, and goes when no pod uses it any more; a new, empty one takes its place. "
        f"{keep if claim.volume else ''}To let it go now: {_kubectl(seen, 'rollout restart deployment')}"
    )
    return Finding("False", reasons.WAITING_FOR_DELETION, message)


def _lost(seen: Observation, claim: ClaimView) -> Finding | None:
    if claim.phase != "Lost":
        return None
    message = (
        f"{_name(seen)} has lost its volume: PersistentVolume {claim.volume} does not exist any more. Fix: restore "
        "that object if its data still exist, or start with an empty volume: "
        f"{_kubectl(seen, 'delete pvc', claim=True)}, then {_kubectl(seen, 'rollout restart deployment')}"
    )
    return Finding("False", reasons.VOLUME_LOST, message)


def _without_class(seen: Observation, claim: ClaimView) -> Finding | None:
    """No class was named, and the cluster had no default one when the claim was made."""
    classes = seen.storage_classes
    if claim.phase == "Bound" or claim.storage_class is not None:
        return None
    if classes is not None and any(each.default for each in classes.values()):
        return None  # Kubernetes gives it to the claim in a moment.
    found = f" (there are: {_classes(classes)})" if classes is not None else f" (see: {LOOK})"
    message = (
        f"{_name(seen)} has no volume: spec.storage names no StorageClass, and the cluster has no default one{found}. "
        f"Fix: make one the default, and the claim gets it: {MAKE_DEFAULT}"
    )
    return Finding("False", reasons.NO_DEFAULT_STORAGE_CLASS, message)


def _class_is_missing(seen: Observation, claim: ClaimView) -> Finding | None:
    classes, name = seen.storage_classes, claim.storage_class
    if claim.phase == "Bound" or not name or classes is None or name in classes:
        return None
    message = (
        f'{_name(seen)} has no volume: StorageClass "{name}" does not exist (there are: {_classes(classes)}). Fix: '
        "create it; or delete the Gateway and this claim, and create the Gateway again with another "
        "spec.storage.storageClassName"
    )
    return Finding("False", reasons.STORAGE_CLASS_MISSING, message)


def _waits_for_pod(seen: Observation, claim: ClaimView) -> Finding | None:
    found = _class_of(seen, claim)
    if claim.phase == "Bound" or claim.scheduled or found is None or not found.waits:
        return None
    message = (
        f'{_name(seen)} gets its volume when a pod of the gateway is scheduled, as StorageClass "{found.name}" says.'
    )
    return Finding("False", reasons.WAITING_FOR_FIRST_CONSUMER, message)


def _pending(seen: Observation, claim: ClaimView) -> Finding | None:
    if claim.phase == "Bound":
        return None
    found, see = _class_of(seen, claim), _kubectl(seen, "describe pvc", claim=True)
    wanted = f"of {claim.requested}, {'/'.join(claim.access_modes)}"
    if claim.storage_class == "":
        why = f"it has no StorageClass, so somebody has to make a PersistentVolume {wanted} without one"
    elif found is not None and not found.provisioned:
        why = (
            f'StorageClass "{found.name}" makes no volumes, so somebody has to make a PersistentVolume {wanted} for it'
        )
    else:
        why = f'StorageClass "{claim.storage_class}" has not made one' if claim.storage_class else "nobody has made one"
        why += f". If there is no such class, this says so: {LOOK}" if seen.storage_classes is None else ""
    message = f"{_name(seen)} has no volume yet: {why}. See: {see}"
    return Finding("False", reasons.VOLUME_PENDING, message)


def _cannot_grow(seen: Observation, claim: ClaimView) -> Finding | None:
    """The class does not let it, or the driver has given up."""
    if not _lacks(seen, claim) or seen.growth_refused is not None or expandable(claim, seen.storage_classes):
        return None
    name = claim.storage_class
    missing = seen.storage_classes is not None and name not in seen.storage_classes
    why = f'StorageClass "{name}" {"does not exist any more" if missing else "does not let its volumes grow"}'
    return _not_expandable(seen, claim, why if name else "a volume without StorageClass does not grow")


def _growth_refused(seen: Observation, claim: ClaimView) -> Finding | None:
    refused = seen.growth_refused
    if refused is None:
        return None
    if refused.reason == reasons.VOLUME_NOT_EXPANDABLE:
        return _not_expandable(seen, claim, f'StorageClass "{claim.storage_class}" does not let its volumes grow')
    message = f"{_name(seen)} has {_has(claim)} and cannot grow to {_wants(seen)}: {refused.message}"
    return Finding("False", refused.reason, message)


def _growing(seen: Observation, claim: ClaimView) -> Finding | None:
    """Told from sizes, which change once, not from conditions, which come and go on the way."""
    lacks, has = _lacks(seen, claim), amount(claim.capacity or claim.requested)
    if not lacks and amount(claim.requested) <= has:
        return None
    see = f"See: {_kubectl(seen, 'describe pvc', claim=True)}"
    if claim.infeasible and amount(seen.gateway.spec.storage.size) <= has:
        return None  # More was asked for once, or by somebody else; this Gateway has what it wants.
    if claim.infeasible:
        return _not_expandable(seen, claim, f"its storage driver cannot do it ({claim.resizing}). {see}")
    target = _wants(seen) if lacks else claim.requested
    match claim.resizing:
        case "FileSystemResizePending":
            how = "the volume has grown, its file system follows while a pod uses it. If it does not within minutes: "
            how += _kubectl(seen, "rollout restart deployment")
        case "ControllerResizeError" | "NodeResizeError":
            how = f"it has failed so far, and is tried again ({claim.resizing}). {see}"
        case _:
            how = f"the storage driver is at it. {see}"
    return Finding("False", reasons.VOLUME_GROWING, f"{_name(seen)} grows from {_has(claim)} to {target}: {how}")


CHECKS: Sequence[Check] = (
    _deleting,
    _lost,
    _without_class,
    _class_is_missing,
    _waits_for_pod,
    _pending,
    _cannot_grow,
    _growth_refused,
    _growing,
)


def _bound(seen: Observation, claim: ClaimView) -> Finding:
    """It has its volume; what was kept of a claim that was there before is said."""
    end = "goes with the Gateway" if claim.owned else "stays when the Gateway is deleted"
    message = f"{_name(seen)} has a volume of {_has(claim)}, which {end}."
    kept = _differences(seen, claim)
    if not kept:
        return Finding("True", reasons.BOUND, message)
    message += (
        f" It was kept as it was found, though spec.storage says otherwise: {'; '.join(kept)}. That cannot be changed "
        "on a claim. To have it otherwise, copy the state to a new Gateway"
    )
    return Finding("True", reasons.VOLUME_DIFFERS, message)


def _differences(seen: Observation, claim: ClaimView) -> list[str]:
    wanted, kept = seen.gateway.spec.storage, []
    size = min(claim.requested, _has(claim), key=amount)
    if amount(size) > amount(wanted.size):
        kept.append(f"size is {size}, not {_wants(seen)}")
    if wanted.storage_class_name is not None and wanted.storage_class_name != claim.storage_class:
        kept.append(f'storageClassName is "{claim.storage_class or ""}", not "{wanted.storage_class_name}"')
    if set(wanted.access_modes) != set(claim.access_modes):
        kept.append(f"accessModes are {'/'.join(claim.access_modes)}, not {'/'.join(wanted.access_modes)}")
    return kept


def _not_expandable(seen: Observation, claim: ClaimView, why: str) -> Finding:
    fix = f"Fix: set spec.storage.size back to {_has(claim)}, or copy the state to a new Gateway with a larger volume"
    if claim.storage_class and not claim.infeasible:
        patch = """-p '{"allowVolumeExpansion":true}'"""
        fix = (
            f"Fix, where its driver can do it: kubectl patch storageclass {claim.storage_class} {patch}. Else{fix[4:]}"
        )
    message = f"{_name(seen)} has {_has(claim)} and cannot grow to {_wants(seen)}: {why}. {fix}"
    return Finding("False", reasons.VOLUME_NOT_EXPANDABLE, message)


def _lacks(seen: Observation, claim: ClaimView) -> bool:
    return claim.lacks(seen.gateway.spec.storage.size)


def _has(claim: ClaimView) -> str:
    return claim.capacity or claim.requested


def _wants(seen: Observation) -> str:
    return canonical(seen.gateway.spec.storage.size)


def _class_of(seen: Observation, claim: ClaimView) -> StorageClassView | None:
    return (seen.storage_classes or {}).get(claim.storage_class or "")


def _classes(classes: Mapping[str, StorageClassView] | None) -> str:
    found = (f"{name} (default)" if each.default else name for name, each in sorted((classes or {}).items()))
    return listed(found) or "none"


def _name(seen: Observation) -> str:
    meta = seen.gateway.meta
    return f"PersistentVolumeClaim {meta.namespace}/{claim_name(meta.name)}"


def _kubectl(seen: Observation, command: str, *, claim: bool = False) -> str:
    meta = seen.gateway.meta
    target = f" {claim_name(meta.name)}" if claim else f"/{child_name(meta.name)}"
    return f"kubectl -n {meta.namespace} {command}{target}"
