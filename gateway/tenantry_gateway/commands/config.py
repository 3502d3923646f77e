"""`tenantry-gateway config validate|get|set`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tenantry_config.errors import ConfigError
from tenantry_gateway.reload import check_files
from tenantry_gateway.settings import Settings

if TYPE_CHECKING:
    from tenantry_gateway.config_file import ConfigFile

EX_CONFIG: Final = 78
"""sysexits.h: something in the configuration is wrong."""


def add_config_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> list[argparse.ArgumentParser]:
    """The parsers of `config …`; each of them takes the options that say where the file is."""
    config = commands.add_parser("config", help="the configuration file")
    actions = config.add_subparsers(dest="action", required=True)
    validate = actions.add_parser("validate", help="say whether the configuration is valid")
    read = actions.add_parser("get", help="print the configuration file, or the value of a key")
    read.add_argument("key", nargs="?", help="such as gateway.port, bindings[0].agentId; names with dots in quotes")
    read.add_argument("--show-secrets", action="store_true", help="print secrets instead of [redacted]")
    write = actions.add_parser("set", help="set a key of the configuration file, and keep its comments")
    write.add_argument("key", help="such as gateway.port, bindings[0].agentId; names with dots in quotes")
    write.add_argument("value", help="text, a number, true or false, or YAML such as '[10.0.0.0/8]'")
    return [validate, read, write]


def run_config(parsed: argparse.Namespace, settings: Callable[[], Settings]) -> int:
    """Run the command that was parsed; the exit code. What `settings` raises is reported like a fault of the file."""
    actions = {"validate": _validate, "get": _get, "set": _set}
    words = {"validate": "invalid", "get": "error", "set": "not set"}
    try:
        print(actions[parsed.action](settings(), parsed), end="")
    except ConfigError as error:
        print(f"{words[parsed.action]}: {error}", file=sys.stderr)
        return EX_CONFIG
    return 0


def _validate(settings: Settings, _: argparse.Namespace) -> str:
    return f"valid: {settings.config_path} (configHash {check_files(settings)})\n"


def _get(settings: Settings, parsed: argparse.Namespace) -> str:
    return _file(settings).get(parsed.key, show_secrets=parsed.show_secrets)


def _set(settings: Settings, parsed: argparse.Namespace) -> str:
    _file(settings).set(parsed.key, parsed.value)
    return f"set: {parsed.key} in {settings.config_path}\n"


def _file(settings: Settings) -> ConfigFile:
    from tenantry_gateway.config_file import ConfigFile  # noqa: PLC0415 - ruamel.yaml need not delay a gateway's start

    return ConfigFile(settings.config_path)
