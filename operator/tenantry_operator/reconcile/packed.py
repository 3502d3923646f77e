"""What is kept as JSON of thousands of objects that rarely change: a third of what the parsed one takes, and less."""

from collections.abc import ItemsView, Iterator, Mapping
from typing import Any

import orjson


def json_of(value: Any) -> bytes:
    """A value as JSON, in no more memory than it takes: orjson's own answers are 4 KiB at least."""
    return bytes(memoryview(orjson.dumps(value)))


class Packed(Mapping[str, Any]):
    """A mapping that is parsed whenever it is asked for; ``items`` gives everything at the cost of one look."""

    __slots__ = ("_json",)

    def __init__(self, plain: Mapping[str, Any]) -> None:
        self._json = json_of(plain)

    def __getitem__(self, key: str) -> Any:
        return self._plain()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain())

    def __len__(self) -> int:
        return len(self._plain())

    def items(self) -> ItemsView[str, Any]:
        """Everything that is in it."""
        return self._plain().items()

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = orjson.loads(self._json)
        return plain


NOTHING = Packed({})
"""Of an object that has no status yet."""


def pack(status: Mapping[str, Any] | None) -> Packed:
    """Pack what an object has under ``status``."""
    return Packed(status) if status else NOTHING
