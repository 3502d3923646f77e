"""Answers of the Anthropic API as the gateway passes them on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from tenantry_gateway.errors import GatewayError, UpstreamError

PASSED: Final = ("content-type", "retry-after", "anthropic-organization-id")
_LIMITS: Final = "anthropic-ratelimit-"
REFUSED: Final = frozenset({401, 403})


def passed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of the API's answer that are the client's business."""
    passed = {}
    for name, value in headers.items():
        known = name.lower()
        if known in PASSED or known.startswith(_LIMITS):
            passed[name] = value
        elif known == "request-id":
            passed["upstream-request-id"] = value
    return passed


def refusal(status: int, body: bytes, headers: Mapping[str, str]) -> GatewayError | None:
    """The error for an answer that refuses the gateway's own key: not the client's fault. None for any other."""
    if status not in REFUSED:
        return None
    return UpstreamError(
        f"the Anthropic API refused this gateway's API key (ANTHROPIC_API_KEY): {_said(body)}",
        upstream_request_id=headers.get("request-id"),
    )


def _said(body: bytes) -> str:
    try:
        message = orjson.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return "no message"
    return str(message)[:500]
