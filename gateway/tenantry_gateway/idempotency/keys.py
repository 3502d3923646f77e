"""What is remembered of requests with a key: for 24 hours, also over the end of the process.

What is kept is where a key's turn belongs, before the turn is committed there: whether it was, and its answer, is then
found in its session. So nothing is kept twice, and a crash at any point leaves either a turn to repeat or none.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from tenantry_gateway.errors import InvalidRequest, KeyReused
from tenantry_gateway.storage.log_file import read_lines
from tenantry_gateway.storage.writer import Writer

logger = logging.getLogger(__name__)

HEADER: Final = "Idempotency-Key"
DIRECTORY: Final = "idempotency"
SECONDS: Final = 24 * 3600.0
MAX_KEYS: Final = 100_000
"""Kept in memory, about 1 KiB each; the oldest are forgotten early where more come within a day."""
_FILE_SECONDS: Final = 3600
_NAME: Final = re.compile(r"([0-9]{1,10})\.jsonl")
_KEY: Final = re.compile(r"[!-~]{1,255}")

T = TypeVar("T")


def check_key(text: str) -> str:
    """`text`, if it can be a key; raises InvalidRequest."""
    if not _KEY.fullmatch(text):
        raise InvalidRequest(f"{HEADER} must have 1 to 255 printable characters of ASCII, without spaces")
    return text


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request with a key: whose, where and which, as one hash; and what it asks, as another."""

    key: str
    body: str

    @classmethod
    def of(cls, principal: str, route: str, key: str, body: bytes) -> Attempt:
        """Keys of two principals or routes never meet."""
        parts = json.dumps([principal, route, key])
        return cls(hashlib.sha256(parts.encode()).hexdigest(), hashlib.sha256(body).hexdigest())


@dataclass(slots=True)
class Claim(Generic[T]):
    """A key that is taken. `id` and `place` are those of the first attempt: its turn's, and where that belongs."""

    body: str
    time: float
    id: str
    place: Mapping[str, Any]
    fresh: bool = True
    """Whether no attempt was made before."""
    started: asyncio.Task[None] | None = None
    running: asyncio.Task[T] | None = None

    async def kept(self) -> None:
        """Return once the claim cannot be lost; raises StorageFailed."""
        if self.started is not None:
            await asyncio.shield(self.started)


Work = Callable[[Claim[T]], Coroutine[Any, Any, T]]


class Keys(Generic[T]):
    """The keys of a state directory, or of a process where there is none."""

    def __init__(self, folder: Path | None, writer: Writer | None, now: Callable[[], float]) -> None:
        self._folder = folder / DIRECTORY if folder else None
        self._writer = writer
        self._now = now
        self._claims: dict[str, Claim[T]] = {}
        self._loaded: asyncio.Future[None] | None = None
        self._file: Path | None = None
        self._removing: set[asyncio.Task[None]] = set()

    async def answer(self, attempt: Attempt, new_id: str, place: Mapping[str, Any], work: Work[T]) -> tuple[T, bool]:
        """What `work` answers for the key's claim, and whether another attempt's work was joined.

        Attempts of the same key while it runs join it. Whoever leaves does not cancel it. Raises KeyReused for another
        body under the same key, and what `work` raises.
        """
        await self._load()
        self._forget()
        claim = self._claims.get(attempt.key)
        if claim is None:
            claim = self._claims[attempt.key] = Claim(attempt.body, self._now(), new_id, place)
            claim.started = self._keep(attempt.key, claim)
        elif claim.body != attempt.body:
            raise KeyReused(f"this {HEADER} was used for another request: use a new one")
        joined = claim.running is not None
        if claim.running is None:
            claim.running = asyncio.create_task(work(claim))
            claim.running.add_done_callback(partial(_ended, claim))
        return await asyncio.shield(claim.running), joined

    def _keep(self, key: str, claim: Claim[T]) -> asyncio.Task[None] | None:
        if self._writer is None or self._folder is None:
            return None
        fields = {"key": key, "body": claim.body, "time": claim.time, "id": claim.id, "place": dict(claim.place)}
        line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        started = asyncio.create_task(self._writer.write((), self._current(self._folder, self._writer), line))
        started.add_done_callback(_retrieve)
        return started

    def _current(self, folder: Path, writer: Writer) -> Path:
        """The file of this hour; those of which every key is too old go."""
        hour = int(self._now() // _FILE_SECONDS)
        path = folder / f"{hour}.jsonl"
        if path != self._file:
            self._file = path
            for old in _files(folder):
                if int(old.stem) < hour - SECONDS // _FILE_SECONDS - 1:
                    task = asyncio.create_task(writer.remove((), old))
                    self._removing.add(task)
                    task.add_done_callback(self._removing.discard)
                    task.add_done_callback(_retrieve)
        return path

    async def _load(self) -> None:
        """Read once what earlier processes have left."""
        if self._loaded is None:
            self._loaded = asyncio.ensure_future(asyncio.to_thread(self._read))
        await asyncio.shield(self._loaded)

    def _read(self) -> None:
        for path in _files(self._folder) if self._folder else ():
            for line in read_lines(path):
                try:
                    fields = json.loads(line)
                    claim: Claim[T] = Claim(fields["body"], fields["time"], fields["id"], fields["place"], fresh=False)
                except (ValueError, KeyError, TypeError):
                    logger.warning("a line of %s cannot be read", path)
                    continue
                if self._now() - claim.time <= SECONDS:
                    self._claims[fields["key"]] = claim

    def _forget(self) -> None:
        """Claims are in the order of their time."""
        limit = self._now() - SECONDS
        while self._claims:
            key = next(iter(self._claims))
            if self._claims[key].time >= limit and len(self._claims) < MAX_KEYS:
                return
            del self._claims[key]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=lambda path: int(path.stem))


def _ended(claim: Claim[T], task: asyncio.Task[T]) -> None:
    """Keep no answer: it is in its session. Another attempt finds it there, or tries again."""
    claim.running = None
    claim.fresh = False
    _retrieve(task)


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at an exception that perhaps nobody waits for."""
    if not task.cancelled():
        task.exception()
