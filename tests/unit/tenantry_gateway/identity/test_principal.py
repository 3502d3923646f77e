"""Who may speak as whom, and what that proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_config.document import RbacConfig, Role
from tenantry_gateway.errors import PermissionDenied
from tenantry_gateway.identity.principal import Principal, Sender, has_role, lowest, sender_of, shared_principal

ROLES: tuple[Role, ...] = ("viewer", "user", "operator", "admin")


@pytest.mark.parametrize(
    ("rbac", "role"),
    [
        (RbacConfig(), "user"),
        (RbacConfig(default_role="admin"), "user"),
        (RbacConfig(enabled=True), "user"),
        (RbacConfig(enabled=True, default_role="viewer"), "viewer"),
        (RbacConfig(enabled=True, assignments={"token:shared": "operator"}), "operator"),
        (RbacConfig(enabled=False, assignments={"token:shared": "operator"}), "user"),
    ],
)
def test_the_shared_token_has_its_assignment_else_the_default_role(rbac: RbacConfig, role: Role) -> None:
    principal = shared_principal(rbac)

    assert (principal.id, principal.role) == ("token:shared", role)


@given(st.none() | st.text(min_size=1))
def test_what_the_shared_token_says_of_its_senders_is_never_verified(named: str | None) -> None:
    sender = sender_of(shared_principal(RbacConfig()), named)

    assert sender == Sender(named or "token:shared", verified=False)


def test_a_person_is_verified_as_themselves_alone() -> None:
    person = Principal("alice", "user", may_name_others=False, personal=True)

    assert sender_of(person, None) == Sender("alice", verified=True)
    assert sender_of(person, "alice") == Sender("alice", verified=True)
    with pytest.raises(PermissionDenied, match="alice"):
        sender_of(person, "bob")


def test_a_person_who_may_name_others_verifies_none_of_them() -> None:
    operator = Principal("olga", "operator", may_name_others=True, personal=True)

    assert sender_of(operator, "bob") == Sender("bob", verified=False)


@given(st.sampled_from(ROLES), st.sampled_from(ROLES))
def test_roles_include_those_below_them(role: Role, needed: Role) -> None:
    assert has_role(role, needed) == (ROLES.index(role) >= ROLES.index(needed))


@given(st.sampled_from(ROLES), st.lists(st.sampled_from(ROLES)))
def test_the_lowest_role_is_that_of_the_least_powerful_speaker(role: Role, others: list[Role]) -> None:
    assert lowest(role, others) == min([role, *others], key=ROLES.index)
