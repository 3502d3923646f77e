"""One page of a list. Its objects are parsed one by one.

Parsed as a whole, a page of 200 Deployments takes 10 MB. What stays of each object would then be put between things
that go at once, and the process would keep the room of most of them for good.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import orjson

from tenantry_operator.kube.errors import UnavailableError
from tenantry_operator.kube.kinds import Json


class _Meta(msgspec.Struct):
    """``metadata`` of a list."""

    resource_version: str = msgspec.field(name="resourceVersion")
    more: str | None = msgspec.field(name="continue", default=None)


class _List(msgspec.Struct):
    """A list whose items are found and not parsed."""

    metadata: _Meta
    items: list[msgspec.Raw] | None = None


_DECODER = msgspec.json.Decoder(_List)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. ``version`` is the resourceVersion of the whole list, the same on every page."""

    items: Iterator[Json]
    """To be gone through once."""
    version: str
    more: str
    """What to ask for the next page with; empty on the last one."""


def parse_page(body: bytes | bytearray, asked: str) -> Page:
    """The page that a body holds; ``asked`` says in errors for what it is the answer.

    Raises:
        UnavailableError: if it is none, as the answer of a proxy may be; also while its items are gone through.
    """
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _broken(body, asked) from error
    if not found.metadata.resource_version.isdecimal():
        raise _broken(body, asked)
    return Page(_objects(found.items or (), asked), found.metadata.resource_version, found.metadata.more or "")


def _objects(items: Iterable[msgspec.Raw], asked: str) -> Iterator[Json]:
    for item in items:
        view = memoryview(item)
        try:
            parsed = orjson.loads(view)
        except orjson.JSONDecodeError as error:
            raise _broken(view, asked) from error
        if not isinstance(parsed, dict):
            raise _broken(view, asked)
        yield parsed


def _broken(body: bytes | bytearray | memoryview, asked: str) -> UnavailableError:
    return UnavailableError(0, "BrokenList", f"not a list of objects: {bytes(body[:80])!r}", asked)
