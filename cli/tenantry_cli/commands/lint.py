"""`lint`: read files, print findings."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from tenantry_cli.console import console, harmless, say
from tenantry_cli.errors import CliError, UsageError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.lint.documents import MAX_BYTES
from tenantry_cli.lint.files import Finding, Report, lint

STDIN = "-"
STYLES = {"error": "bold red", "note": "cyan"}


def run(kubectl: Kubectl, files: Sequence[str], *, output: str, server: bool) -> None:
    """Lint files; the exit code is 1 where one has an error."""
    texts = read(files)
    report = lint(texts, kubectl.namespace)
    if server and not report.errors:
        report.findings += [found for file, text in texts.items() for found in ask_server(kubectl, file, text)]
    if output == "json":
        summary = {"checked": report.checked, "skipped": report.skipped, "errors": len(report.errors)}
        print(json.dumps({**summary, "findings": [asdict(one) for one in report.findings]}, indent=2))
    else:
        _print(report, server)
    if report.errors:
        sys.exit(1)


def read(files: Sequence[str]) -> dict[str, str]:
    """File name → text. A folder stands for the YAML and JSON files in it and below."""
    found: dict[str, str] = {}
    for name in files:
        if name == STDIN:
            found["<stdin>"] = _text(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
            continue
        path = Path(name)
        inside = sorted(one for one in path.rglob("*") if one.suffix in {".yaml", ".yml", ".json"})
        if path.is_dir() and not inside:
            raise UsageError(f"{name} has no YAML or JSON file in it")
        for one in inside if path.is_dir() else [path]:
            try:
                with one.open("rb") as stream:
                    found[str(one)] = _text(stream.read(MAX_BYTES + 1), str(one))
            except OSError as error:
                raise CliError(f"{one}: {error.strerror}") from error
    return found


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES:
            return " " * len(data)  # Cut off within a character: what counts is that it is too large.
        raise CliError(f"{name}: not UTF-8 (byte {error.start})") from error


def ask_server(kubectl: Kubectl, file: str, text: str) -> list[Finding]:
    """What the cluster says to a dry run of a file."""
    try:
        kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=text)
    except CliError as error:
        return [Finding(file, 1, "error", f"the API server: {line}") for line in str(error).splitlines() if line]
    return []


def _print(report: Report, server: bool) -> None:
    out = console()
    for one in report.findings:
        line = Text.assemble(f"{one.file}:{one.line}: ", (one.severity, STYLES[one.severity]))
        line.append(f": {harmless(one.message)}")
        out.print(line, soft_wrap=True)
    errors = len(report.errors)
    verdict = f"{errors} error{'' if errors == 1 else 's'}" if errors else "no errors"
    skipped = f", {len(report.skipped)} of other kinds skipped" if report.skipped else ""
    plural = "" if report.checked == 1 else "s"
    asked = "offline and by the API server's dry run" if server and not report.errors else "offline"
    say(f"{report.checked} object{plural} checked {asked}{skipped}: {verdict}")
