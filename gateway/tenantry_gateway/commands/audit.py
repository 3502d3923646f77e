"""`tenantry-gateway audit verify`."""

from __future__ import annotations

import sys

from tenantry_config.errors import ConfigError
from tenantry_gateway.audit.files import audit_files, verify
from tenantry_gateway.audit.key import VARIABLE, existing_key
from tenantry_gateway.commands.config import EX_CONFIG
from tenantry_gateway.settings import Settings
from tenantry_gateway.variables import Variables, read_secrets


def verify_audit(settings: Settings, head: str | None) -> int:
    """Check the whole audit log; the exit code is 1 where it is not as it was written."""
    try:
        key = audit_key_of(settings)
    except ConfigError as error:
        print(f"cannot verify: {error}", file=sys.stderr)
        return EX_CONFIG
    if not audit_files(settings.state_dir):
        print(f"cannot verify: there is no audit log in {settings.state_dir}", file=sys.stderr)
        return EX_CONFIG
    verdict = verify(settings.state_dir, key, head)
    if verdict.fault is not None:
        print(f"NOT as it was written: {verdict.fault} ({verdict.lines} lines before it are)", file=sys.stderr)
        return 1
    print(f"as it was written: {verdict.lines} lines, head {verdict.head}")
    return 0


def audit_key_of(settings: Settings) -> bytes:
    """The key that the log was written with; raises ConfigError."""
    variables = Variables(read_secrets(settings.secrets_dir, {}), settings.environment)
    return existing_key(settings.state_dir, variables.value(VARIABLE))
