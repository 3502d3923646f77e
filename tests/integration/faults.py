"""What can go wrong between a client and the API server: which requests a fault meets, and what becomes of them."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from aiohttp import web

WRITES: Final = ("create", "update", "patch", "apply", "delete", "deletecollection")
APPLY_PATCH = "application/apply-patch+yaml"
_PATH = re.compile(
    r"/(?:api/[^/]+|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>.+))?)?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about, in Kubernetes' terms; ``apply`` is a server-side apply."""

    verb: str
    resource: str
    """Plural, with the subresource: ``gateways/status``; empty for discovery and the like."""
    namespace: str = ""
    name: str = ""

    @classmethod
    def of(cls, method: str, path: str, query: Mapping[str, str], content_type: str, body: bytes) -> "Target":
        """Read a request as the API server does."""
        found = _PATH.fullmatch(path)
        if found is None:
            return cls("get", "", name=path)
        name = found["name"] or ""
        verb = _verb(method, query, content_type, one=bool(name))
        if verb == "create" and not name:
            name = str(json.loads(body)["metadata"].get("name", ""))
        resource = "/".join(filter(None, (found["resource"], found["subresource"])))
        return cls(verb, resource, found["namespace"] or "", name)

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name}"


def _verb(method: str, query: Mapping[str, str], content_type: str, *, one: bool) -> str:
    if method == "GET":
        if query.get("watch") in {"1", "true"}:
            return "watch"
        return "get" if one else "list"
    if method == "DELETE":
        return "delete" if one else "deletecollection"
    if method == "PATCH":
        return "apply" if content_type == APPLY_PATCH else "patch"
    return {"POST": "create", "PUT": "update"}.get(method, method.lower())


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests are meant: verbs, and regular expressions for the whole of the rest; empty means any."""

    verbs: tuple[str, ...] = ()
    resource: str = ""
    namespace: str = ""
    name: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the request must have; an empty value stands for any."""
    token: str = ""

    def fits(self, target: Target, query: Mapping[str, str], token: str) -> bool:
        """Whether a request is meant."""
        return (
            (not self.verbs or target.verb in self.verbs)
            and _is(self.resource, target.resource)
            and _is(self.namespace, target.namespace)
            and _is(self.name, target.name)
            and all(name in query and value in {"", query[name]} for name, value in self.query.items())
            and self.token in {"", token}
        )


def _is(pattern: str, text: str) -> bool:
    return not pattern or re.fullmatch(pattern, text) is not None


Edit = Callable[[bytes], Iterable[bytes]]
"""Turns one line of a watch (with its end) into those to send instead."""


def as_it_is(line: bytes) -> Iterable[bytes]:
    """Change nothing."""
    return (line,)


@dataclass(slots=True)
class Exchange:
    """One request on its way, in the hands of a fault."""

    request: web.Request
    target: Target
    body: bytes
    send_on: Callable[[Edit], Awaitable[web.StreamResponse]]
    over: asyncio.Event
    """Set when the fault is taken away."""

    async def forward(self, edit: Edit = as_it_is) -> web.StreamResponse:
        """The API server's answer, whole but not sent yet; a watch ends within, its lines sent through ``edit``."""
        return await self.send_on(edit)

    async def cut(self) -> NoReturn:
        """Break the connection."""
        if self.request.transport is not None:
            self.request.transport.abort()
        await asyncio.Event().wait()  # Until the server notices and cancels us.
        raise AssertionError("a cut connection has gone on")


Action = Callable[[Exchange], Awaitable[web.StreamResponse]]


@dataclass(eq=False, slots=True)
class Rule:
    """One fault: it lets the first ``skip`` requests that fit pass, and meets the next ``times`` (None: all)."""

    action: Action
    match: Match
    skip: int = 0
    times: int | None = None
    seen: int = 0
    """Requests that fit so far."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def met(self) -> int:
        """How many requests have met the fault."""
        after = max(0, self.seen - self.skip)
        return after if self.times is None else min(after, self.times)

    def takes(self, target: Target, query: Mapping[str, str], token: str) -> bool:
        """Whether this request meets the fault; counts it."""
        if not self.match.fits(target, query, token):
            return False
        before = self.met
        self.seen += 1
        return self.met > before


def answer(code: int, reason: str = "", message: str = "told to", *, retry_after: int | None = None) -> Action:
    """Answer with a ``metav1.Status`` without asking the API server."""
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    status |= {"code": code, "reason": reason, "message": message}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}

    async def act(_: Exchange) -> web.StreamResponse:
        return web.json_response(status, status=code, headers=headers)

    return act


async def dropped(exchange: Exchange) -> web.StreamResponse:
    """Break the connection; the API server hears nothing."""
    await exchange.cut()


async def lost(exchange: Exchange) -> web.StreamResponse:
    """Forward, and break the connection instead of answering: the request is done and nobody knows."""
    await exchange.forward()
    await exchange.cut()


async def unanswered(exchange: Exchange) -> web.StreamResponse:
    """Take the request and say nothing until the fault is taken away: a black hole."""
    await exchange.over.wait()
    await exchange.cut()


def then(hook: Callable[[], object], *, told: bool) -> Action:
    """Forward, then call ``hook``: before the API server's answer is delivered, or (``told``) after."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        response = await exchange.forward()
        if told:
            await response.prepare(exchange.request)
            await response.write_eof()
        await asyncio.to_thread(hook)
        if not told:
            await exchange.cut()
        return response

    return act


def without(*types: str, name: str = "") -> Action:
    """A watch in which events of some types (about one object) are missing."""

    def edit(line: bytes) -> Iterable[bytes]:
        event = json.loads(line)
        hit = event["type"] in types and name in {"", event["object"]["metadata"].get("name")}
        return () if hit else (line,)

    async def act(exchange: Exchange) -> web.StreamResponse:
        return await exchange.forward(edit)

    return act
