"""Logs: one line of JSON an event, with the guide's levels, and no secret in any of them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

from pythonjsonlogger.json import JsonFormatter

from tenantry_config.document import LogLevel

_LEVELS: Final[dict[LogLevel, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES: Final = {logging.WARNING: "warn", logging.CRITICAL: "error"}
_QUIET: Final = {"anthropic": logging.INFO, "httpx2": logging.WARNING, "aiohttp.access": logging.CRITICAL}
"""Libraries whose lines hold what is said, or queries: they stay at these levels at least."""
_MASK: Final = "[redacted]"
_MAX_SECRETS: Final = 64


class Redactor:
    """Masks known secrets in what is logged. Values that were in force once stay masked."""

    def __init__(self) -> None:
        self._secrets: dict[str, None] = {}

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these from now on."""
        for secret in filter(None, secrets):
            self._secrets.pop(secret, None)
            self._secrets[secret] = None
        while len(self._secrets) > _MAX_SECRETS:
            del self._secrets[next(iter(self._secrets))]

    def redact(self, value: Any) -> Any:
        """`value` with every known secret in its strings masked."""
        if isinstance(value, str):
            for secret in sorted(self._secrets, key=len, reverse=True):
                value = value.replace(secret, _MASK)
            return value
        if isinstance(value, Mapping):
            return {key: self.redact(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact(item) for item in value]
        return value


class LineFormatter(JsonFormatter):
    """`{"time": …, "level": …, "logger": …, "message": …, …}`, redacted."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(["message"])
        self._redactor = redactor

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put time, level and logger first."""
        log_data["time"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["level"] = _NAMES.get(record.levelno, record.levelname.lower())
        log_data["logger"] = record.name
        super().add_fields(log_data, record, message_dict)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Mask before the values become JSON, so that no secret, whatever it looks like, spoils the line."""
        return {key: self._redactor.redact(value) for key, value in log_data.items()}


def configure_logging(redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send everything, warnings of libraries too, to `stream` (default: standard error) as JSON."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(redactor))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def set_level(level: LogLevel) -> None:
    """Log from `level` up; libraries that would write messages' content stay quieter."""
    number = _LEVELS[level]
    logging.getLogger().setLevel(number)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(number, least))


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last words of a process that dies, as a line like any other."""
    logging.getLogger("tenantry_gateway").critical("stopped by an error", exc_info=(kind, error, trace))
