"""Whose an object is: decided from its controller and, where somebody removed that, from our labels."""

from dataclasses import dataclass
from enum import Enum

from tenantry_operator.kube.cache import Record


class Ownership(Enum):
    """Whose an object is that has the name of one of ours."""

    OURS = "ours"
    PREVIOUS = "previous"
    """Of an earlier Gateway of the same name: the garbage collector is about to remove it."""
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Owner:
    """The Gateway that an object should belong to."""

    name: str
    uid: str
    kind: str
    """With its group, as ``Record.owner`` has it: Kubernetes' Gateway API has a kind Gateway too."""
    manager: str
    """Value of the managed-by label on everything of ours."""

    def owns(self, record: Record) -> Ownership:
        """Whose ``record`` is."""
        if record.owner is None:
            ours = record.managed_by == self.manager and record.gateway == self.name
            return Ownership.OURS if ours else Ownership.FOREIGN
        kind, uid = record.owner
        if kind != self.kind:
            return Ownership.FOREIGN
        return Ownership.OURS if uid == self.uid else Ownership.PREVIOUS
