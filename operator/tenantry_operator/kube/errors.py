"""What the API server refuses, as types.

Source of codes and reasons: k8s.io/apimachinery `metav1.StatusReason`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenantry_operator.errors import TenantryError


@dataclass(eq=False)
class ApiError(TenantryError):
    """An answer of the API server that is not a success, or no answer at all (``code`` 0)."""

    code: int
    reason: str
    message: str
    request: str = ""
    """Verb and path, for logs: ``PATCH /api/v1/namespaces/a/configmaps/b``."""
    causes: tuple[str, ...] = ()
    """``details.causes[].reason``."""
    retry_after: float | None = field(default=None)
    """Seconds that the server asked to wait."""

    def __str__(self) -> str:
        where = f"{self.request}: " if self.request else ""
        return f"{where}{self.code or 'no answer'} {self.reason}: {self.message}"


class NotFoundError(ApiError):
    """404: the object, the kind or the namespace does not exist."""


class ConflictError(ApiError):
    """409: the object changed underneath, or a precondition (uid, resourceVersion) does not hold."""


class AlreadyExistsError(ApiError):
    """409 on a create: the name is taken."""


class GoneError(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""


class InvalidError(ApiError):
    """400 or 422: the object cannot be stored as it is; sending it again does not help."""


class UnauthorizedError(ApiError):
    """401: credentials missing or expired."""


class TooManyRequestsError(ApiError):
    """429: wait ``retry_after`` seconds."""


class UnavailableError(ApiError):
    """5xx, a broken connection or a time-out: the same request may succeed later."""


class TimedOutError(UnavailableError):
    """No answer in time: whoever asks has waited long enough already."""


class SilentWatchError(TimedOutError):
    """A watch that was opened well has sent nothing for long: neither an event nor a bookmark."""


_RBAC = re.compile(r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"')


class ForbiddenError(ApiError):
    """403: a missing permission, a quota, an admission policy, or a namespace that is going away."""

    @property
    def permission(self) -> str | None:
        """The RBAC permission that is missing, e.g. ``create deployments.apps``; None if RBAC is not the cause."""
        found = _RBAC.search(self.message)
        if not found:
            return None
        group = found["group"]
        return f"{found['verb']} {found['resource']}" + (f".{group}" if group else "")

    @property
    def namespace_is_terminating(self) -> bool:
        """The namespace is being deleted: nothing can be created in it, and nothing needs to be."""
        return "NamespaceTerminating" in self.causes


_BY_CODE: Mapping[int, type[ApiError]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: TooManyRequestsError,
}


def from_status(code: int, status: Mapping[str, Any], request: str = "", retry_after: float | None = None) -> ApiError:
    """The error that a ``metav1.Status`` describes; an empty mapping where the body was something else."""
    details = status.get("details") or {}
    reason = status.get("reason") or ""
    kind = _BY_CODE.get(code) or (UnavailableError if code >= 500 else ApiError)
    if kind is ConflictError and reason == "AlreadyExists":
        kind = AlreadyExistsError
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = float(details["retryAfterSeconds"])
    return kind(
        code=code,
        reason=reason or "Unknown",
        message=status.get("message") or "no message",
        request=request,
        causes=tuple(cause.get("reason", "") for cause in details.get("causes") or ()),
        retry_after=retry_after,
    )
