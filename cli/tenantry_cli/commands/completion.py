"""Scripts for shells, and the words that kubectl's own completion asks for."""

from collections.abc import Sequence

import typer
from typer._completion_classes import BashComplete
from typer._completion_shared import get_completion_script
from typer.main import get_command

from tenantry_cli.console import harmless

PROGRAM = "kubectl-tenantry"


def run(shell: str, variable: str) -> None:
    """Print the script that completes `kubectl-tenantry` in a shell."""
    print(get_completion_script(prog_name=PROGRAM, complete_var=variable, shell=shell))


def offers(app: typer.Typer, words: Sequence[str]) -> list[str]:
    """What the last of the words can become, each with its help after a tab."""
    *done, last = words or ("",)
    items = BashComplete(get_command(app), {}, PROGRAM, "").get_completions(list(done), last)
    return [
        harmless(f"{item.value}\t{(item.help or '').splitlines()[0]}" if item.help else item.value) for item in items
    ]
