"""Where text goes: rich on a terminal, plain stable lines into a pipe or file."""

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

INVISIBLE = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


@cache
def console() -> "Console":
    """Standard output. A pipe gets whole lines, however long: they are for programs."""
    from rich.console import Console

    plain = not sys.stdout.isatty()
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=plain, no_color=True if plain else None)


def say(text: str) -> None:
    """Tell the user something that is no part of the output."""
    print(text, file=sys.stderr, flush=True)


def harmless(text: str) -> str:
    """Text of others without what would steer the terminal; lines and tabs stay."""
    return text.translate(INVISIBLE)
