"""Makes the cluster hold what a Gateway should have, and turns what stands in the way into a problem for its status."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry_operator.api.v1alpha1.common import GROUP
from tenantry_operator.api.v1alpha1.gateway import KIND, Gateway
from tenantry_operator.api.v1alpha1.storage import CLAIM_SUFFIX
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.observation import Problem, StorageClassView
from tenantry_operator.kube.apply import ChangedUnderneath, NameTaken, NotYetGone, Writer, check_owner
from tenantry_operator.kube.cache import Cache
from tenantry_operator.kube.errors import ForbiddenError, InvalidError, NotFoundError
from tenantry_operator.kube.fights import Fight
from tenantry_operator.kube.kinds import DEPLOYMENT, OPTIONAL_KINDS, PERSISTENT_VOLUME_CLAIM, SECRET, Key, Kind, kind_of
from tenantry_operator.kube.ownership import Owner
from tenantry_operator.kube.prune import prune, surplus
from tenantry_operator.kube.secrets import KnownSecret, Secrets
from tenantry_operator.reconcile.claims import Claims
from tenantry_operator.resources.audit_key import audit_owners, audit_secret_name, build_audit_secret
from tenantry_operator.resources.desired import Desired
from tenantry_operator.resources.manifest import Manifest
from tenantry_operator.resources.metadata import FIELD_MANAGER, GATEWAY_LABEL, MANAGED_BY_LABEL
from tenantry_operator.resources.persistent_volume_claim import OWNERS
from tenantry_operator.resources.secret import build_token_secret


@dataclass(slots=True)
class Setbacks:
    """What kept a Gateway's objects from being as they should be. Only the first counts."""

    problem: Problem | None = None
    """For the status."""
    growth_refused: Problem | None = None
    """Why the volume could not be made larger: that keeps nothing else from being done."""
    retry: bool = False
    """Whether to try again later though nothing may be seen to change."""

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Note what a piece of work inside runs into. Errors that only a pause can heal pass through."""
        try:
            yield
        except NameTaken as error:
            self.note(reasons.NAME_CONFLICT, _name_taken(error))
        except NotYetGone as error:
            # Its deletion is watched, but what somebody stripped of its labels is not.
            self.note(reasons.WAITING_FOR_DELETION, f"{error}.")
        except ChangedUnderneath:
            self.retry = True
        except ForbiddenError as error:
            if not error.namespace_is_terminating:
                self.note_forbidden(error)
        except InvalidError as error:
            self.note(reasons.APPLY_FAILED, error.message)
        except NotFoundError:
            # The namespace, or what was written to, has just gone: its events follow.
            self.retry = True

    def note_forbidden(self, error: ForbiddenError) -> None:
        """A 403 from role-based access control, a quota or an admission policy."""
        if error.permission is None:
            self.note(reasons.APPLY_FAILED, error.message)
            return
        message = (
            f"The operator may not {error.permission}: {error.message}. "
            "Fix: grant it this permission; helm upgrade with the same values restores the operator's roles."
        )
        self.note(reasons.PERMISSION_DENIED, message)

    def note_fight(self, kind: Kind, key: Key, fight: Fight) -> None:
        """Somebody else changes an object again and again. When to look again is up to the fight."""
        self.problem = self.problem or Problem(reasons.CONFLICTING_MANAGER, _conflict(kind, key, fight.opponent))

    def note(self, reason: str, message: str) -> None:
        """A problem that only a later attempt can find solved."""
        self.retry = True
        self.problem = self.problem or Problem(reason, message)


def _name_taken(error: NameTaken) -> str:
    namespace, name = error.key
    resource = error.kind.plural
    use = ""
    if error.kind is PERSISTENT_VOLUME_CLAIM:
        mine = f"{GATEWAY_LABEL}={name.removesuffix(CLAIM_SUFFIX)} {MANAGED_BY_LABEL}={FIELD_MANAGER}"
        use = f". To use it as this Gateway's volume instead: kubectl -n {namespace} label pvc {name} {mine}"
    return (
        f"{error}, and is not taken over. Fix: rename the Gateway, or remove the object if nobody needs it: "
        f"kubectl -n {namespace} get {resource} {name} -o yaml; kubectl -n {namespace} delete {resource} {name}{use}"
    )


def _conflict(kind: Kind, key: Key, opponent: str) -> str:
    namespace, name = key
    who = f" ({opponent.rstrip('.')})" if opponent else ""
    return (
        f"{kind.name} {namespace}/{name} is changed or deleted again and again by somebody else{who}, and is put right "
        "ever more rarely. Fix: make the other manager leave it alone, and set what it wants on the Gateway; see: "
        f"kubectl -n {namespace} get {kind.plural} {name} -o yaml --show-managed-fields"
    )


def owner_of(gateway: Gateway) -> Owner:
    """The Gateway as the owner of its objects."""
    return Owner(gateway.meta.name, gateway.meta.uid, f"{GROUP}/{KIND}", FIELD_MANAGER)


@dataclass(frozen=True, slots=True)
class Converger:
    """Applies and prunes."""

    writer: Writer
    caches: Mapping[Kind, Cache]
    """Of the applied kinds."""
    secrets: Secrets
    new_token: Callable[[], str]
    storage_classes: Callable[[], Mapping[str, StorageClassView] | None]
    """By name; None where they cannot be seen."""

    @property
    def claims(self) -> Claims:
        """What looks after the volume."""
        return Claims(self.writer, self.caches[PERSISTENT_VOLUME_CLAIM], self.storage_classes)

    async def converge(self, gateway: Gateway, wanted: Desired, setbacks: Setbacks) -> bool:
        """Bring everything to what is wanted; stops at the first thing that cannot be done.

        Returns whether the Deployment was written: then its controllers begin to work.
        """
        owner = owner_of(gateway)
        rollout = False
        with setbacks.caught():
            await self._token(gateway, wanted, owner)
            await self._audit_key(gateway, owner)
            for manifest in wanted.manifests:
                written = await self._apply(manifest, owner)
                rollout = rollout or (written and kind_of(manifest) is DEPLOYMENT)
            await prune(self.writer, surplus(self._prunable(), gateway.key, owner, _names(gateway, wanted)))
        await self._grow(wanted, owner, setbacks)
        return rollout

    async def _apply(self, manifest: Manifest, owner: Owner) -> bool:
        keep = self.claims.keep if kind_of(manifest) is PERSISTENT_VOLUME_CLAIM else self.writer.apply
        return await keep(manifest, owner)

    async def _grow(self, wanted: Desired, owner: Owner, setbacks: Setbacks) -> None:
        """Ask for a larger volume where one is wanted; what the API server says to it stops nothing."""
        for claim in (each for each in wanted.manifests if kind_of(each) is PERSISTENT_VOLUME_CLAIM):
            with setbacks.caught():
                setbacks.growth_refused = await self.claims.grow(claim, owner)
        setbacks.retry = setbacks.retry or setbacks.growth_refused is not None

    def note_fights(self, gateway: Gateway, setbacks: Setbacks, after: float | None) -> float | None:
        """Say who changes the Gateway's objects again and again. Returns when to look again: ``after``, or before.

        Of optional objects, their own condition says so.
        """
        fights = self.writer.fights
        for (kind, name), fight in fights.going_on(gateway.key):
            if kind not in OPTIONAL_KINDS:
                setbacks.note_fight(kind, (gateway.meta.namespace, name), fight)
        dues = (after, fights.next_look(gateway.key))
        return min((due for due in dues if due is not None), default=None)

    async def read_secrets(self, gateway: Gateway, setbacks: Setbacks) -> dict[str, KnownSecret]:
        """What is known of each Secret that the Gateway refers to, by name."""
        names = dict.fromkeys(use.name for use in gateway.secret_uses)
        self.secrets.want(gateway.key, (*names, audit_secret_name(gateway)))
        known = {}
        with setbacks.caught():
            for name in names:
                known[name] = await self.secrets.read((gateway.meta.namespace, name))
        return known

    async def _token(self, gateway: Gateway, wanted: Desired, owner: Owner) -> None:
        """Create the token Secret unless it is there. It is never written again: its token must not change."""
        if wanted.token_secret is None:
            return
        known = await self.secrets.read((gateway.meta.namespace, wanted.token_secret))
        if known.record is None:
            await self.writer.create_secret(build_token_secret(gateway, self.new_token()), owner)
        else:
            check_owner(SECRET, known.record, owner)

    async def _audit_key(self, gateway: Gateway, owner: Owner) -> None:
        """Create the audit key's Secret unless it is there; it goes and stays with the volume."""
        key = (gateway.meta.namespace, audit_secret_name(gateway))
        record = self.secrets.cache.get(key)
        if record is None:
            await self.writer.create_secret(build_audit_secret(gateway, self.new_token()), owner)
            return
        check_owner(SECRET, record, owner)
        owners = audit_owners(gateway)
        if (record.owner is None) != (owners is None):
            await self.writer.change_secret(key, record.version, owner, lambda _live: {"metadata": {OWNERS: owners}})

    def _prunable(self) -> Iterable[Cache]:
        """All but claims: those hold what nobody can make again."""
        kinds = (cache for kind, cache in self.caches.items() if kind is not PERSISTENT_VOLUME_CLAIM)
        return (*kinds, self.secrets.cache)


def _names(gateway: Gateway, wanted: Desired) -> set[tuple[Kind, str]]:
    """What must not be pruned: everything applied, and every Secret referred to."""
    applied = {(kind_of(manifest), manifest["metadata"]["name"]) for manifest in wanted.manifests}
    return applied | {(SECRET, use.name) for use in gateway.secret_uses} | {(SECRET, audit_secret_name(gateway))}
