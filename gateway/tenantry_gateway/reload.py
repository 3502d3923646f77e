"""Keeps the snapshot in force up to date with the files: the configuration and the directory of secrets.

Polling by content: Kubernetes swaps a symbolic link, editors rename, people write in place, and reading a few
kilobytes four times a second costs less than telling these apart. What is read is validated before it replaces
anything; sessions are not touched.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from tenantry_config.document import DEFAULT_PORT, GatewaySection
from tenantry_config.errors import ConfigError, MissingVariable
from tenantry_config.load import Resolved, load_config
from tenantry_gateway.audit.event import AuditEvent, Outcome
from tenantry_gateway.identity.local import is_loopback
from tenantry_gateway.logs import Redactor, set_level
from tenantry_gateway.settings import Settings
from tenantry_gateway.snapshot import Snapshot, build_snapshot
from tenantry_gateway.state import GatewayState
from tenantry_gateway.variables import Variables, read_secrets

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25
_WHERE_ELSE: Final = "Write one there, or name another: tenantry-gateway run --config FILE, or CLAWDBOT_CONFIG_PATH"
DEFAULT_BIND: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the files held. `data` is None, and `problem` says why, where config.yaml cannot be read."""

    data: bytes | None
    secrets: Mapping[str, str] = field(repr=False)
    problem: str = ""


def read_inputs(settings: Settings, previous: Mapping[str, str]) -> Inputs:
    """The files as they are now; secrets of `previous` whose file is gone stay."""
    secrets = read_secrets(settings.secrets_dir, previous)
    try:
        return Inputs(settings.config_path.read_bytes(), secrets)
    except OSError as error:
        problem = f"{settings.config_path} cannot be read: {error.strerror}. {_WHERE_ELSE}"
        return Inputs(None, secrets, problem)


def check_files(settings: Settings) -> str:
    """The configHash of a valid configuration; raises ConfigError for any other."""
    return load_snapshot(settings).config_hash


def load_snapshot(settings: Settings) -> Snapshot:
    """The snapshot of the files as they are; raises ConfigError."""
    return _snapshot(settings, read_inputs(settings, {}))


def listen_address(settings: Settings, section: GatewaySection) -> tuple[str, int]:
    """Where to listen: the command line, else the configuration, else loopback."""
    port = section.port if settings.port is None else settings.port
    return settings.bind or section.bind or DEFAULT_BIND, port


def probe_address(settings: Settings) -> tuple[str, int]:
    """Where to listen before the configuration is in force; raises ConfigError."""
    inputs = read_inputs(settings, {})
    return listen_address(settings, _listening_section(inputs))


class Reloader:
    """Puts configurations into force in `state`."""

    def __init__(
        self, settings: Settings, state: GatewayState, redactor: Redactor, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._state = state
        self._redactor = redactor
        self._now = now
        self._inputs: Inputs | None = None
        self._data: bytes | None = None
        """The document in force."""
        self._looking = asyncio.Lock()
        state.reload = self.poll

    async def start(self) -> tuple[str, int]:
        """Load for the first time and return where to listen.

        A missing secret is waited for where there is a directory of secrets; any other fault raises ConfigError.
        """
        inputs = self._inputs = await asyncio.to_thread(read_inputs, self._settings, {})
        try:
            snapshot = await self._build(inputs)
        except MissingVariable as error:
            if not self._settings.secrets_dir.is_dir():
                raise
            self._state.waiting = str(error)
            logger.warning("waiting for a secret", extra={"reason": str(error)})
            return listen_address(self._settings, _listening_section(inputs))
        self._accept(snapshot, inputs)
        return listen_address(self._settings, snapshot.config.gateway)

    async def watch(self) -> None:
        """Poll until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.poll()
            except Exception:
                logger.exception("the configuration could not be looked at")

    async def poll(self) -> None:
        """Load what changed since the last time, if it is valid."""
        async with self._looking:
            await self._poll()

    async def _poll(self) -> None:
        previous = self._inputs
        inputs = await asyncio.to_thread(read_inputs, self._settings, previous.secrets if previous else {})
        if inputs == previous:
            return
        self._inputs = inputs
        try:
            snapshot = await self._build(inputs)
        except ConfigError as error:
            self._refuse(error)
            await self._renew_secrets(inputs)
            return
        self._accept(snapshot, inputs)

    async def _renew_secrets(self, inputs: Inputs) -> None:
        """Use new secrets with the document in force while the one on disk is not valid: a rotation does not wait."""
        if self._state.snapshot is None or self._data == inputs.data:
            return
        with suppress(ConfigError):
            self._state.snapshot = await self._build(replace(inputs, data=self._data))

    async def _build(self, inputs: Inputs) -> Snapshot:
        """The snapshot of `inputs`, in a thread: a large document takes a second."""
        self._redactor.learn(inputs.secrets.values())
        return await asyncio.to_thread(_snapshot, self._settings, inputs)

    def _accept(self, snapshot: Snapshot, inputs: Inputs) -> None:
        previous, self._state.snapshot = self._state.snapshot, snapshot
        self._data = inputs.data
        self._state.config_error = None
        self._redactor.learn(snapshot.secrets())
        set_level(self._settings.log_level or snapshot.config.gateway.log_level)
        self._state.metrics.config_loaded(self._now())
        logger.info("configuration in force", extra={"config_hash": snapshot.config_hash})
        self._tell("success", snapshot.config_hash)
        if previous is not None:
            self._warn_of_restart(previous.config.gateway, snapshot.config.gateway)

    def _tell(self, outcome: Outcome, target: str | None) -> None:
        self._state.directory.writer.note(AuditEvent("config.change", outcome, target=target))

    def _warn_of_restart(self, old: GatewaySection, new: GatewaySection) -> None:
        if listen_address(self._settings, old) != listen_address(self._settings, new):
            logger.warning("gateway.port or gateway.bind changed: this takes effect at the next start")

    def _refuse(self, error: ConfigError) -> None:
        """Keep what is in force and say why."""
        self._state.metrics.config_refused()
        self._state.config_error = str(error)
        if self._state.snapshot is None:
            self._state.waiting = str(error)
        self._tell("failure", None)
        kept = "the earlier one stays in force" if self._state.snapshot else "there is no earlier one"
        logger.error("the configuration is not valid: %s", kept, extra={"reason": str(error)})


def _listening_section(inputs: Inputs) -> GatewaySection:
    """Port and address of a document that still lacks variables; raises ConfigError where it has another fault."""
    variables = Variables(inputs.secrets, {})
    stand_in = Resolved("missing", secret=True)
    text = (inputs.data or b"").decode(errors="replace")
    try:
        return load_config(text, lambda name: variables.resolve(name) or stand_in).gateway
    except MissingVariable:
        return GatewaySection(port=DEFAULT_PORT)


def _snapshot(settings: Settings, inputs: Inputs) -> Snapshot:
    """The snapshot of `inputs`; raises ConfigError, also for listening beyond loopback without a token."""
    if inputs.data is None:
        raise ConfigError("", inputs.problem)
    snapshot = build_snapshot(inputs.data, Variables(inputs.secrets, settings.environment))
    bind, _ = listen_address(settings, snapshot.config.gateway)
    if not snapshot.tokens and not is_loopback(bind):
        raise MissingVariable("gateway.auth.token", "GATEWAY_TOKEN", f"it is needed to listen on {bind}")
    return snapshot
