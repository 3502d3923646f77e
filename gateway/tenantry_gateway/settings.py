"""What the process is told by its command line and environment; everything else is in the configuration.

Variables: CLAWDBOT_CONFIG_PATH, CLAWDBOT_STATE_DIR and LOG_LEVEL of the enterprise guide, TENANTRY_SECRETS_DIR
(default /run/secrets/tenantry), the directory with one file a secret, and TENANTRY_DRAIN_SECONDS (default 100), how
long requests in flight may go on after SIGTERM, TENANTRY_HEADER_SECONDS (default 30), how long a client may take to
send a request's headers, and TENANTRY_STANDBY (`true`: wait for a state directory in use).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args

from tenantry_config.document import LogLevel
from tenantry_config.errors import ConfigError

STATE_DIR: Final = Path("/var/lib/tenantry")
SECRETS_DIR: Final = Path("/run/secrets/tenantry")
DRAIN_SECONDS: Final = 100
HEADER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. `bind`, `port` and `log_level` are None where the configuration decides."""

    config_path: Path
    state_dir: Path
    secrets_dir: Path = SECRETS_DIR
    environment: Mapping[str, str] = field(default_factory=dict)
    bind: str | None = None
    port: int | None = None
    log_level: LogLevel | None = None
    drain_seconds: int = DRAIN_SECONDS
    standby: bool = False
    """Whether to wait for a state directory that another gateway uses, instead of giving up."""
    header_seconds: int = HEADER_SECONDS


def read_settings(
    environment: Mapping[str, str],
    home: Path,
    *,
    config: Path | None = None,
    bind: str | None = None,
    port: int | None = None,
) -> Settings:
    """Settings from the environment; the command line's `config`, `bind` and `port` come first.

    Raises ConfigError for a LOG_LEVEL that is none of the guide's, or for seconds that are no whole number.
    """
    given = environment.get("CLAWDBOT_STATE_DIR")
    own = Path(given or home / ".clawdbot")
    return Settings(
        config_path=config or Path(environment.get("CLAWDBOT_CONFIG_PATH") or own / "config.yaml"),
        state_dir=own if given else _writable(own),
        secrets_dir=Path(environment.get("TENANTRY_SECRETS_DIR") or SECRETS_DIR),
        environment=environment,
        bind=bind,
        port=port,
        log_level=_log_level(environment.get("LOG_LEVEL")),
        standby=environment.get("TENANTRY_STANDBY") == "true",
        drain_seconds=_seconds("TENANTRY_DRAIN_SECONDS", environment, DRAIN_SECONDS),
        header_seconds=_seconds("TENANTRY_HEADER_SECONDS", environment, HEADER_SECONDS),
    )


def _writable(own: Path) -> Path:
    """`own`, unless it is there and cannot be written: the enterprise guide's Deployment mounts a ConfigMap at it.

    Then it is the image's directory for state, if that is there.
    """
    read_only = own.is_dir() and not os.access(own, os.W_OK)
    return STATE_DIR if read_only and os.access(STATE_DIR, os.W_OK) else own


def _seconds(name: str, environment: Mapping[str, str], default: int) -> int:
    text = environment.get(name)
    if not text:
        return default
    if not re.fullmatch("[0-9]{1,5}", text):
        raise ConfigError(name, "must be a whole number of seconds")
    return int(text)


def _log_level(text: str | None) -> LogLevel | None:
    levels: tuple[LogLevel, ...] = get_args(LogLevel)
    if not text:
        return None
    for level in levels:
        if text.lower() == level:
            return level
    raise ConfigError("LOG_LEVEL", f"must be one of {', '.join(levels)}")
