"""The cluster's StorageClasses, which a claim's condition is told from and a claim's growth depends on."""

from collections.abc import Callable, Mapping

from tenantry_operator.conditions.observation import ClaimView, StorageClassView
from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.kinds import STORAGE_CLASS, Json, Key
from tenantry_operator.reconcile.storage_views import storage_class_view

UNLABELLED = Labels("", "")


class StorageClasses:
    """What is known of them; ``changed`` is told which Gateways may have waited for a change."""

    def __init__(self, claims: Cache, changed: Callable[[Key], None]) -> None:
        self.cache = Cache(STORAGE_CLASS, _record, self._on_change)
        self._claims = claims
        self._changed = changed

    def views(self) -> Mapping[str, StorageClassView]:
        """The classes by name."""
        return {record.view.name: record.view for record in self.cache if isinstance(record.view, StorageClassView)}

    def _on_change(self, old: Record | None, new: Record | None) -> None:
        """Any class may have become the default; a bound claim cares for its own, which may let it grow now."""
        names = {record.key[1] for record in (old, new) if record is not None}
        for claim in self._claims:
            view = claim.view
            if isinstance(view, ClaimView) and (view.phase != "Bound" or view.storage_class in names):
                self._changed((claim.key[0], claim.gateway))


def _record(live: Json) -> Record:
    return record_of(live, UNLABELLED, view=storage_class_view(live))
