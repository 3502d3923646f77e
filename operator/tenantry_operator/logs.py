"""Logging: one JSON object a line, with the tenant that a message is about."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

_tenant: ContextVar[str] = ContextVar("tenant", default="")
_reconcile: ContextVar[str] = ContextVar("reconcile", default="")

QUIET_LOGGERS = ("kopf", "aiohttp.access")
"""They report every event and every probe: only their warnings are news."""
KOPF_EXTRAS = ("settings", "k8s_ref", "k8s_skip")
"""What kopf attaches to its records for itself; some of it cannot be written as JSON."""


@contextmanager
def about(tenant: str, reconcile: str) -> Iterator[None]:
    """Mark every message logged inside with a tenant (``namespace/name``) and the reconcile's id."""
    tokens = _tenant.set(tenant), _reconcile.set(reconcile)
    try:
        yield
    finally:
        _tenant.reset(tokens[0])
        _reconcile.reset(tokens[1])


class _Formatter(JsonFormatter):
    """Dates as the gateway has them: ISO 8601, UTC, milliseconds."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - its name
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


class _AddTenant(logging.Filter):
    """Puts the tenant and the reconcile's id into each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        if tenant := _tenant.get():
            record.tenant = tenant
            record.reconcile = _reconcile.get()
        return True


def configure_logging(level: str, style: str, stream: TextIO | None = None) -> None:
    """Log to ``stream``, or standard error: ``style`` is ``json`` or ``text``."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.addFilter(_AddTenant())
    if style == "json":
        renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        reserved = [*RESERVED_ATTRS, *KOPF_EXTRAS]
        handler.setFormatter(_Formatter(fields, rename_fields=renamed, reserved_attrs=reserved))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
