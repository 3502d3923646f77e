"""The command line: `tenantry-gateway run`, `config validate|get|set`, `audit verify` and `doctor`.

`clawdbot` is an alias, and `clawdbot gateway run …`, as in the enterprise guide, is `tenantry-gateway run …`.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tenantry_config.document import GatewaySection
from tenantry_config.errors import ConfigError
from tenantry_config.version import __version__
from tenantry_gateway.allocator import keep_one_heap
from tenantry_gateway.commands.audit import verify_audit
from tenantry_gateway.commands.config import EX_CONFIG, add_config_commands, run_config
from tenantry_gateway.commands.doctor import doctor
from tenantry_gateway.logs import Redactor, configure_logging
from tenantry_gateway.server import serve
from tenantry_gateway.settings import Settings, read_settings

_MAX_PORT: Final = 65535

logger = logging.getLogger("tenantry_gateway")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["gateway"]:
        given = given[1:]
    parsed = _parser().parse_args(given)
    if parsed.command == "run":
        return _run(parsed)
    if parsed.command == "config":
        return run_config(parsed, lambda: _settings(parsed.config))
    return _look(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tenantry-gateway", description="A gateway to Claude agents.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="serve until SIGTERM")
    run.add_argument("--bind", type=_bind, help="the address to listen on (default: gateway.bind, else 127.0.0.1)")
    run.add_argument("--port", type=_port, help="the port to listen on, 0 for any (default: gateway.port, else 18789)")
    audit = commands.add_parser("audit", help="the audit log")
    verify = audit.add_subparsers(dest="action", required=True).add_parser(
        "verify", help="say whether the audit log is as it was written"
    )
    verify.add_argument(
        "--head", help="a head that the gateway's log named (audit_head): find out what was cut off since"
    )
    check = commands.add_parser("doctor", help="look over everything that a gateway needs")
    for command in (run, verify, check, *add_config_commands(commands)):
        command.add_argument("--config", type=Path, help="default: $CLAWDBOT_CONFIG_PATH, else ~/.clawdbot/config.yaml")
    return parser


def _bind(text: str) -> str:
    try:
        GatewaySection(bind=text)
    except ValueError:
        raise argparse.ArgumentTypeError("must be an IP address or localhost") from None
    return text


def _port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {_MAX_PORT}")
    return int(text)


def _run(parsed: argparse.Namespace) -> int:
    keep_one_heap()
    redactor = Redactor()
    configure_logging(redactor)
    fault = _serve(parsed, redactor)
    if fault is None:
        return 0
    logger.error("cannot start: %s", fault)
    return EX_CONFIG


def _serve(parsed: argparse.Namespace, redactor: Redactor) -> ConfigError | None:
    """Serve to the end; what kept the gateway from starting, if anything did."""
    try:
        serve(_settings(parsed.config, parsed.bind, parsed.port), redactor)
    except ConfigError as error:
        return error
    return None


def _look(parsed: argparse.Namespace) -> int:
    try:
        settings = _settings(parsed.config)
    except ConfigError as error:
        print(f"invalid: {error}", file=sys.stderr)
        return EX_CONFIG
    return verify_audit(settings, parsed.head) if parsed.command == "audit" else doctor(settings)


def _settings(config: Path | None, bind: str | None = None, port: int | None = None) -> Settings:
    return read_settings(os.environ, Path.home(), config=config, bind=bind, port=port)


if __name__ == "__main__":
    sys.exit(main())
