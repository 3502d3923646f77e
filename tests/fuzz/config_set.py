"""`config set`: the key has the value afterwards and nothing else has changed, or the edit is refused and says why.

Input: the document, the key and the value, with NULs between them.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import SecretStr

from tenantry_config.fields import find, kind_of
from tenantry_config.key import Location, parse_key
from tenantry_config.load import ConfigError, check_config
from tenantry_config.parse import parse_yaml
from tenantry_gateway.config_edit import edited, read_value
from tests.fuzz.targets import pieces

TOKENS: Final = (
    *(b"gateway", b"port", b"agents.main.model", b"agents.main.system", b"bindings[0]", b"bindings[0].agentId", b"[1]"),
    *(b"rbac.assignments", b'."a@b.c"', b"gateway.auth.token", b"trustedProxies[0]", b"${PORT}", b"{model: m}", b"[]"),
    *(
        b"{}",
        b"null",
        b"yes",
        b"0o7",
        b"1_0",
        b"# comment",
        b"\n",
        b"\n\n",
        b"  ",
        b"- ",
        b"|\n ",
        b">-\n ",
        b"'",
        b'"',
    ),
    *(
        b"&a ",
        b"*a",
        b"<<: *a",
        b"---\n",
        b"...\n",
        b"%YAML 1.1\n",
        b"\xef\xbb\xbf",
        b"\t",
        b"\r\n",
        b"\xe2\x80\xa8",
        b"\0",
    ),
)
_LONG: Final = 12
"""Characters from which on a secret in a message is no coincidence."""


def fuzz(data: bytes) -> None:
    """One edit."""
    try:
        text, key, value = (piece.decode() for piece in pieces(data, 3))
    except UnicodeDecodeError:
        return
    try:
        location = parse_key(key)
    except ConfigError as error:
        assert error.message
        return
    try:
        wanted = read_value(value, location)
        result = edited(text, location, wanted)
    except ConfigError as error:
        assert error.message
        assert not _is_secret(location) or len(value) < _LONG or value in text + key or value not in str(error)
        return
    check_config(result)
    document = parse_yaml(result)
    assert repr(find(document, location)) == repr(wanted)
    before, after = _leaves(parse_yaml(text), ()), _leaves(document, ())
    assert _elsewhere(before, location) == _elsewhere(after, location)
    assert repr(parse_yaml(edited(result, location, wanted))) == repr(document)


def _is_secret(location: Location) -> bool:
    try:
        return kind_of(location) is SecretStr
    except ConfigError:
        return False


def _leaves(node: Any, place: Location) -> dict[Location, str]:
    """Each single value of a document, as text that shows its type."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = {} if isinstance(node, dict | list) and node else {place: repr(node)}
    for part, child in children:
        found |= _leaves(child, (*place, part))
    return found


def _elsewhere(leaves: dict[Location, str], location: Location) -> dict[Location, str]:
    """Those neither at `location` or below it, nor the empty ones on the way to it."""
    return {
        place: value
        for place, value in leaves.items()
        if place[: len(location)] != location and place != location[: len(place)]
    }


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
