"""Spares kopf the lists of our kinds: it is shown none of the objects, and the engine lists them in its place.

kopf lists a kind only to know where to watch from, and would work on each object as on an event: twenty thousand of
them at start, with a memory of each for good. The engine lists after kopf has been told where it is to watch from, so
that no change is missed between the two; also what was deleted while kopf did not watch is noticed so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp

from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY, Kind

NO_OBJECT = {"fieldSelector": "metadata.name=-"}
"""No object can have this name."""
ANSWERED = (HTTPStatus.OK, HTTPStatus.FORBIDDEN)
"""Of several namespaces, one that does not exist or may not be read is forbidden, and must not hold up the others: the
engine finds that out by a list of its own."""


@dataclass(frozen=True, slots=True)
class EmptyLists:
    """Client middleware of kopf's session."""

    listed: Callable[[Kind, str | None], None]
    """Told when kopf was answered the list of a kind in a namespace, or in all with None."""
    namespaces: Sequence[str] = ()
    """Where kopf looks; everywhere if empty."""
    _collections: dict[str, tuple[Kind, str | None]] = field(init=False, default_factory=dict)
    """By path."""

    def __post_init__(self) -> None:
        for kind in (GATEWAY, AGENT_BINDING):
            for namespace in self.namespaces or (None,):
                self._collections[kind.path(namespace)] = kind, namespace

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Ask for none of the objects."""
        # An API server may be behind a path of its own.
        asked = next((what for path, what in self._collections.items() if request.url.path.endswith(path)), None)
        if asked is None or request.method != "GET" or "watch" in request.url.query:
            return await handler(request)
        request.url = request.url.update_query(NO_OBJECT)
        response = await handler(request)
        if response.status in ANSWERED:
            self.listed(*asked)
        return response
