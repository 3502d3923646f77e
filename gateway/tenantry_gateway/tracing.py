"""Traces, for whoever wants them: what the gateway's code calls, and that it costs nothing while they are off.

They are on where the environment names a collector, by OpenTelemetry's standard variables. Nothing of OpenTelemetry is
imported before that is known: it is an extra, `tenantry[tracing]`, and `tracing_otel` alone knows it.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Literal, Protocol

logger = logging.getLogger(__name__)

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
HEADERS: Final = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
EXTRA: Final = "pip install 'tenantry[tracing]'"
_IMPLEMENTATION: Final = "tenantry_gateway.tracing_otel"

Value = str | int | float | bool | Sequence[str]
Kind = Literal["server", "internal", "client"]


class Span(Protocol):
    """Something that takes time. Never is it told a message, a token or a sender."""

    def set(self, name: str, value: Value) -> None:
        """Say something about it."""
        ...

    def event(self, name: str) -> None:
        """Something happens in it now."""
        ...

    def fail(self, error_type: str) -> None:
        """It has failed; `error_type` is one of few."""
        ...


class Tracer(Protocol):
    """Makes spans, each within the one around it."""

    @property
    def on(self) -> bool:
        """Whether it is worth while to say anything."""
        ...

    def span(
        self, name: str, attributes: Mapping[str, Value], kind: Kind = "internal"
    ) -> AbstractContextManager[Span, bool | None]:
        """A span around a block. An error that leaves the block fails it, but not a server's: that has a status."""
        ...

    def adopted(self, headers: Mapping[str, str]) -> AbstractContextManager[None, bool | None]:
        """A block whose spans belong to the trace of whoever sent `headers`, if these name one."""
        ...

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        ...


class NoSpan:
    """A span that nobody wants."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def set(self, name: str, value: Value) -> None:
        """Nothing."""

    def event(self, name: str) -> None:
        """Nothing."""

    def fail(self, error_type: str) -> None:
        """Nothing."""


class _NotAdopted:
    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


NO_SPAN: Final = NoSpan()
_NOT_ADOPTED: Final = _NotAdopted()


class NoTracer:
    """Traces are off."""

    on: Final = False

    def span(self, name: str, attributes: Mapping[str, Value], kind: Kind = "internal") -> NoSpan:
        """Always the same."""
        del name, attributes, kind
        return NO_SPAN

    def adopted(self, headers: Mapping[str, str]) -> AbstractContextManager[None, bool | None]:
        """Always the same."""
        del headers
        return _NOT_ADOPTED

    async def close(self) -> None:
        """Nothing."""


OFF: Final[Tracer] = NoTracer()


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether a collector is named, and traces are not switched off."""

    def given(name: str) -> str:
        return environment.get(name, "").strip()

    if given("OTEL_SDK_DISABLED").lower() == "true" or given("OTEL_TRACES_EXPORTER").lower() == "none":
        return False
    return any(map(given, ENDPOINTS))


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Values of the headers that a collector is sent: they may be tokens, and the SDK names them in its warnings."""
    given = [environment[name] for name in HEADERS if environment.get(name)]
    pairs = [pair.partition("=")[2].strip() for text in given for pair in text.split(",")]
    return [*given, *filter(None, pairs)]


def start_tracing(environment: Mapping[str, str]) -> Tracer:
    """The tracer that `environment`, the process's own, asks for. Without what it takes, a warning and none."""
    if not wanted(environment):
        return OFF
    try:
        tracer: Tracer = importlib.import_module(_IMPLEMENTATION).start()
    except ModuleNotFoundError as error:
        logger.warning("traces are off: %s is not installed: %s", error.name, EXTRA)
        return OFF
    except Exception as error:  # noqa: BLE001 - whatever keeps traces from being sent does not keep the gateway
        logger.warning("traces are off: check the variables OTEL_*: %s", error)
        return OFF
    return tracer
