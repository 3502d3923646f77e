"""Principals and senders, and the rule between them: who may speak as whom, and what that proves.

A sender is verified only where the gateway itself knows who speaks. What an integration says about its users is a
claim: good enough to route by, never an identity. Source: DESIGN section 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from tenantry_config.document import RbacConfig, Role
from tenantry_config.names import SHARED_PRINCIPAL
from tenantry_gateway.errors import PermissionDenied

LOCAL_PRINCIPAL: Final = "local"
"""Whoever calls a gateway that has no token; it listens on loopback alone."""

_ASCENDING: Final[tuple[Role, ...]] = ("viewer", "user", "operator", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. `personal`: one person, whose own id is an identity."""

    id: str
    role: Role
    may_name_others: bool
    personal: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """As whom a message is spoken."""

    value: str
    verified: bool


def shared_principal(rbac: RbacConfig, name: str = SHARED_PRINCIPAL) -> Principal:
    """The holder of the shared token: an integration, which may name any sender and proves none."""
    return _integration(name, rbac.role_of(name))


@cache
def _integration(name: str, role: Role) -> Principal:
    """Few: each request is one of theirs."""
    return Principal(name, role, may_name_others=True, personal=False)


def sender_of(principal: Principal, named: str | None) -> Sender:
    """The sender of a message of `principal` that names `named` (None: nobody, so the caller speaks).

    Raises PermissionDenied where the caller may not speak for others.
    """
    if named is None or (principal.personal and named == principal.id):
        return Sender(principal.id, verified=principal.personal)
    if not principal.may_name_others:
        raise PermissionDenied(f'senderId must be "{principal.id}" or left out: naming others takes the role operator')
    return Sender(named, verified=False)


def has_role(role: Role, needed: Role) -> bool:
    """Whether `role` includes what `needed` may do."""
    return _ASCENDING.index(role) >= _ASCENDING.index(needed)


def lowest(role: Role, others: Iterable[Role]) -> Role:
    """The least powerful of `role` and `others`."""
    return min((role, *others), key=_ASCENDING.index)
