"""TokenRotated: how the generated token stands, where a rotation is configured, was asked for or has happened.

Its messages hold times of what has happened or is due, which do not change while nothing happens.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tenantry_operator.api.v1alpha1.common import ROTATE_ANNOTATION, seconds
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding
from tenantry_operator.conditions.observation import Observation, TokenView


def token_rotated(seen: Observation) -> Finding | None:
    """None where nobody has asked for a rotation."""
    gateway, token = seen.gateway, seen.token
    if gateway.spec.auth.token_secret_ref is not None:
        return _not_generated(seen) if gateway.meta.rotate_token else None
    asked = gateway.meta.rotate_token or gateway.spec.auth.rotation
    if token is None or not (asked or token.phase or token.rotated_at):
        return None
    match token.phase:
        case "Staged":
            return _staged()
        case "Overlap":
            return _pending(seen, token) or _in_overlap(seen, token)
        case "":
            return _pending(seen, token) or _at_rest(seen, token)


def last_request(seen: Observation) -> str | None:
    """Value of the Gateway's annotation that was served last; while a token is staged, it is not served yet."""
    before = seen.gateway.status.get("lastTokenRotation")
    if seen.token is None or seen.token.phase == "Staged":
        return before
    return seen.token.request or None


def _not_generated(seen: Observation) -> Finding:
    namespace, name = seen.gateway.key
    message = (
        f"The annotation {ROTATE_ANNOTATION} asks for a rotation, but the operator never changes a Secret that "
        "spec.auth.tokenSecretRef names. Fix: change the token in it yourself "
        f"(pods follow without a restart), and: kubectl -n {namespace} annotate tgw {name} {ROTATE_ANNOTATION}-"
    )
    return Finding("False", reasons.TOKEN_NOT_GENERATED, message)


def _staged() -> Finding:
    message = (
        "Pods are being given the next token. It takes the token's place when every one of them accepts it, or after "
        "three minutes."
    )
    return Finding("False", reasons.ROTATION_STAGED, message)


def _pending(seen: Observation, token: TokenView) -> Finding | None:
    """A request that waits: only two tokens are accepted at a time."""
    if seen.gateway.rotation_request in {"", token.request}:
        return None
    if token.phase != "Overlap":
        return Finding("False", reasons.ROTATION_PENDING, "The rotation that was asked for is about to begin.")
    namespace, _ = seen.gateway.key
    secret = seen.gateway.token_secret_name
    patch = """-p '{"data":{"previous-token":null}}'"""
    message = (
        f"The rotation that was asked for begins at {_end(seen, token)}, when the token before the present one is no "
        f"longer accepted. To withdraw that at once: kubectl -n {namespace} patch secret {secret} {patch}"
    )
    return Finding("False", reasons.ROTATION_PENDING, message)


def _in_overlap(seen: Observation, token: TokenView) -> Finding:
    message = f"The token was rotated at {_text(token.rotated_at)}; the previous one is accepted until "
    return Finding("True", reasons.IN_OVERLAP, f"{message}{_end(seen, token)}.{_unconfirmed(seen, token)}")


def _at_rest(seen: Observation, token: TokenView) -> Finding:
    rotation = seen.gateway.spec.auth.rotation
    last = token.rotated_at or token.created
    due = f" The next rotation is at {_later(last, rotation.interval)}." if rotation and rotation.interval else ""
    if token.rotated_at is None:
        return Finding("True", reasons.NOT_DUE, f"The token was generated at {_text(last)}.{due}")
    message = f"The token was rotated at {_text(last)}.{due}{_unconfirmed(seen, token)}"
    return Finding("True", reasons.ROTATED, message)


def _unconfirmed(seen: Observation, token: TokenView) -> str:
    if not token.unconfirmed:
        return ""
    namespace, name = seen.gateway.key
    return (
        f" Not confirmed by {token.unconfirmed} within three minutes: what these pods do not know yet, they refuse. "
        f"See: kubectl -n {namespace} get pods -l tenantry.dev/gateway={name}"
    )


def _end(seen: Observation, token: TokenView) -> str:
    return _later(token.rotated_at, seen.gateway.spec.auth.overlap)


def _later(moment: datetime | None, duration: str) -> str:
    return _text(moment and moment + timedelta(seconds=seconds(duration)))


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else "an unknown time"
