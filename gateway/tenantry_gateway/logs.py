"""Logs: one line of JSON an event, with the guide's levels, and no secret in any of them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

import orjson

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
_PLACELESS: Final[Mapping[str, Any]] = logging.makeLogRecord({}).__dict__
_OWN: Final = frozenset((*_PLACELESS, "message", "asctime", "taskName"))
"""What every record has, and no line repeats."""


class Redactor:
    """Masks known secrets in what is logged. Values that were in force once stay masked."""

    def __init__(self) -> None:
        self._secrets: dict[str, None] = {}
        self._needles: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these from now on."""
        for secret in filter(None, secrets):
            self._secrets.pop(secret, None)
            self._secrets[secret] = None
        while len(self._secrets) > _MAX_SECRETS:
            del self._secrets[next(iter(self._secrets))]
        self._needles = tuple({needle for secret in self._secrets for needle in (secret, *_escaped(secret))})

    def is_in(self, line: str) -> bool:
        """Whether a line of JSON may hold a known secret, as it is or escaped."""
        return any(needle in line for needle in self._needles)

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


def _escaped(secret: str) -> tuple[str, str]:
    """How JSON may write a secret."""
    return json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]


class Line(logging.LogRecord):
    """What a request logs, in the event loop: `fields`, and not where in the code it comes from.

    logging looks that up, and the thread and the process, for every record: as long as everything else takes.
    """

    def __init__(self, name: str, level: int, message: str, fields: Mapping[str, Any]) -> None:
        self.__dict__.update(_PLACELESS)
        self.__dict__.update(fields)
        self.name, self.levelno, self.levelname, self.msg = name, level, logging.getLevelName(level), message
        self.created = time.time()


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes what requests that end in one turn of the event loop log by one system call: each lets a thread in."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record and what waits; a request's own line waits for the end of the turn."""
        try:
            self._waiting.append(self.format(record))
            if not isinstance(record, Line):
                self.flush()
            elif len(self._waiting) == 1:
                asyncio.get_running_loop().call_soon(self.flush)
        except Exception:  # noqa: BLE001 - as in logging: a line that cannot be written ends nothing
            self.handleError(record)

    def flush(self) -> None:
        """Write what waits."""
        with self.lock or nullcontext():
            lines, self._waiting = self._waiting, []
            if lines:
                self.stream.write("".join(f"{line}\n" for line in lines))
            super().flush()


class LineFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …, …}`, redacted.

    Each request has a line, so this is written for speed: a line without a secret is made once and looked through once.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _NAMES.get(record.levelno, record.levelname.lower()),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in record.__dict__.items() if name not in _OWN}
        if record.exc_info:
            fields["exc_info"] = self.formatException(record.exc_info)
        line = _dump(fields)
        return _dump(self._redactor.redact(fields)) if self._redactor.is_in(line) else line


def _dump(fields: Mapping[str, Any]) -> str:
    """JSON; text that no UTF-8 can hold, and what is no JSON, as Python shows them."""
    try:
        return orjson.dumps(fields, default=repr).decode()
    except TypeError:
        return json.dumps(fields, default=repr)


def configure_logging(redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send everything, warnings of libraries too, to `stream` (default: standard error) as JSON."""
    handler = LineHandler(stream or sys.stderr)
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
