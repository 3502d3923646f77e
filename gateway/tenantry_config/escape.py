"""How foreign text goes into the document without being substituted there."""

from __future__ import annotations

from tenantry_config.names import SUBSTITUTION


def escape_substitutions(value: str) -> str:
    """`value` such that loading it gives `value` again, whatever `${NAME}` it holds.

    Every `${NAME}` gets one more `$`; loading takes one away. Lower-case templates stay as they are.
    """
    return SUBSTITUTION.sub(r"$\g<0>", value)
