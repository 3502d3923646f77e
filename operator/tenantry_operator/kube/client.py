"""The verbs of the Kubernetes API that this operator uses. Requests are prepared here; ``transport`` sends them.

Measured on Kubernetes 1.37: an unforced field conflict aside, a server-side apply with ``resourceVersion: "1"`` creates
the object or fails with 409 where one of that name exists, since no stored object has that version; with ``uid`` it
fails with 409 where none exists and with 422 where another one has the name.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from tenantry_operator.kube.credentials import Credentials
from tenantry_operator.kube.errors import ApiError, SilentWatchError, UnavailableError, from_status
from tenantry_operator.kube.kinds import Json, Kind, key_of
from tenantry_operator.kube.page import Page, parse_page
from tenantry_operator.kube.transport import Request, Timeouts, Transport, json_object
from tenantry_operator.metrics import Metrics

PAGE = 200
"""Objects."""
PAGES_AT_ONCE = 2
"""At start a dozen kinds are listed at a time."""
POD_TIMEOUT = aiohttp.ClientTimeout(total=5)
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
NEVER_STORED_VERSION = "1"
_NOT_FOR_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR (``object`` is then a Status)."""

    type: str
    object: Json


class Client:
    """A connection to one API server."""

    def __init__(
        self,
        credentials: Credentials,
        metrics: Metrics,
        *,
        manager: str,
        rand: Callable[[], float],
        version: str = "dev",
        timeouts: Timeouts | None = None,
        fence: Callable[[], None] | None = None,
    ) -> None:
        self.manager = manager
        self._paging = asyncio.Semaphore(PAGES_AT_ONCE)
        self.transport = Transport(credentials, metrics, f"{manager}/{version}", rand, timeouts or Timeouts(), fence)

    @property
    def in_cluster(self) -> bool:
        """Whether pods can be reached at their own addresses."""
        return self.transport.credentials.in_cluster

    async def close(self) -> None:
        """Close every connection."""
        await self.transport.close()

    async def get(self, kind: Kind, namespace: str, name: str, *, limits: aiohttp.ClientTimeout | None = None) -> Json:
        """One object, as it is now; with ``limits`` one attempt within these.

        Raises:
            NotFoundError: if there is none.
        """
        return await self._send("get", kind.plural, "GET", kind.path(namespace, name), limits=limits)

    async def get_path(self, path: str) -> Json:
        """Any path that answers with JSON, such as discovery."""
        return await self._send("get", "discovery", "GET", path)

    async def list_pages(
        self,
        kind: Kind,
        *,
        selector: str = "",
        fields: str = "",
        namespace: str | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """A consistent list in pages; ``selector`` of labels, ``fields`` a field selector.

        Memory holds a few pages, however many lists go on.

        Raises:
            GoneError: if the list took so long that its continue token expired; start again.
            UnavailableError: also where the answer is no list.
        """
        params = {"limit": str(PAGE)} | _selectors(selector, fields)
        accept = f"{METADATA_LIST},application/json" if metadata_only else "application/json"
        more = ""
        while True:
            page_params = params | ({"continue": more} if more else {})
            request = Request("list", kind.plural, "GET", kind.path(namespace), page_params, accept=accept)
            async with self._paging:
                page = parse_page(await self.transport.fetch(request), str(request))
            yield page
            more = page.more
            del page
            if not more:
                return

    async def watch(
        self,
        kind: Kind,
        since: str,
        seconds: int,
        *,
        selector: str = "",
        fields: str = "",
        namespace: str | None = None,
        metadata_only: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Changes after resourceVersion ``since``; ends when the server ends it, after ``seconds`` at the latest.

        A last line that was cut off is dropped: the next watch sends its event again.

        Raises:
            ApiError: GoneError if ``since`` is too old, UnavailableError if the stream breaks, SilentWatchError if
                nothing comes for long.
        """
        params = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        request = Request(
            "watch",
            kind.plural,
            "GET",
            kind.path(namespace),
            params | _selectors(selector, fields),
            accept=f"{METADATA_OBJECT},application/json" if metadata_only else "application/json",
        )
        async with self.transport.open(request, self.transport.timeouts.of_watch) as response:
            try:
                async for line in lines(response.content.iter_any()):
                    parsed = json_object(line)
                    if "type" not in parsed or "object" not in parsed:
                        raise UnavailableError(0, "BrokenStream", f"not a watch event: {line[:80]!r}", str(request))
                    yield WatchEvent(parsed["type"], parsed["object"])
            except TimeoutError as error:
                raise SilentWatchError(0, "Silent", "neither an event nor a bookmark in time", str(request)) from error

    async def apply(
        self,
        kind: Kind,
        manifest: Mapping[str, Any],
        *,
        uid: str | None = None,
        create_only: bool = False,
        subresource: str | None = None,
        trial: bool = False,
    ) -> Json:
        """Server-side apply under our field manager, taking over the fields that it names.

        Args:
            kind: the manifest's kind.
            manifest: the fields that we decide, all of them: those applied before and not named now are removed.
            uid: apply to this very object only.
            create_only: apply only if no object of that name exists.
            subresource: ``status``, or None for the object itself.
            trial: change nothing, and take over nothing: see whether that would be needed.

        Raises:
            ConflictError: with ``create_only`` the name is taken; with ``uid`` the object is gone; with ``trial``
                others have fields that the manifest names, and the message says who and which.
            InvalidError: also where another object has taken the name of ``uid``.
        """
        namespace, name = key_of(manifest)
        guard = {"uid": uid} if uid else {"resourceVersion": NEVER_STORED_VERSION} if create_only else {}
        body = {**manifest, "metadata": {**manifest["metadata"], **guard}}
        return await self._send(
            "apply",
            _resource(kind, subresource),
            "PATCH",
            kind.path(namespace, name, subresource),
            {"fieldManager": self.manager, **({"dryRun": "All"} if trial else {"force": "true"})},
            body,
            content_type=APPLY_PATCH,
        )

    async def create(
        self, kind: Kind, manifest: Mapping[str, Any], *, limits: aiohttp.ClientTimeout | None = None
    ) -> Json:
        """Create an object; with ``limits`` one attempt within these.

        Raises:
            AlreadyExistsError: if the name is taken.
        """
        namespace, _ = key_of(manifest)
        return await self._send(
            "create",
            kind.plural,
            "POST",
            kind.path(namespace),
            {"fieldManager": self.manager},
            dict(manifest),
            limits=limits,
        )

    async def merge_patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        limits: aiohttp.ClientTimeout | None = None,
    ) -> Json:
        """Change some fields of an object; with ``limits`` one attempt within these.

        Raises:
            ConflictError: if the patch names a resourceVersion and the object has another one by now.
        """
        return await self._send(
            "patch",
            kind.plural,
            "PATCH",
            kind.path(namespace, name),
            {"fieldManager": self.manager},
            dict(patch),
            content_type=MERGE_PATCH,
            limits=limits,
        )

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete this very object; what it owns follows in the background.

        Raises:
            NotFoundError: if it is gone already.
            ConflictError: if another object has its name now.
        """
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._send("delete", kind.plural, "DELETE", kind.path(namespace, name), body=body)

    async def pod_json(self, namespace: str, pod: str, port: int, path: str) -> Json:
        """A pod's own JSON answer through the API server, whatever its status; ``{}`` if it gave none.

        Raises:
            ForbiddenError: without the permission ``get pods/proxy``.
        """
        url = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"
        request = Request("get", "pods/proxy", "GET", url, {})
        async with self.transport.open(request, POD_TIMEOUT, any_status=True) as response:
            body = await response.read()
        if response.status in {401, 403}:
            raise from_status(response.status, json_object(body), str(request))
        return json_object(body)

    async def _send(
        self,
        verb: str,
        resource: str,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        limits: aiohttp.ClientTimeout | None = None,
    ) -> Json:
        data = None
        if body is not None:
            data = apply_body(body) if content_type == APPLY_PATCH else orjson.dumps(body)
        request = Request(verb, resource, method, path, params or {}, data, content_type=content_type, accept=accept)
        if limits is not None:
            return await self.transport.send(request, limits, attempts=1)
        return await self.transport.send(request)


def _selectors(labels: str, fields: str) -> dict[str, str]:
    named = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in named.items() if value}


def error_of(event: WatchEvent) -> ApiError:
    """The error that a watch event of type ERROR carries."""
    return from_status(int(event.object.get("code") or 500), event.object, "watch")


def apply_body(manifest: Mapping[str, Any]) -> bytes:
    """JSON that stays what it is when it is read as YAML, as the API server reads every apply.

    YAML refuses some control characters, and takes others for line breaks, where JSON has them as they are.
    """
    plain = orjson.dumps(manifest)
    if b"\x7f" not in plain and plain.isascii():
        return plain
    return _NOT_FOR_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", plain.decode()).encode()


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Complete, non-empty lines of a stream that is cut anywhere; an unfinished last line is dropped."""
    rest = bytearray()
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first
        for other in others:
            if rest.strip():
                yield bytes(rest)
            rest = bytearray(other)


def _resource(kind: Kind, subresource: str | None) -> str:
    return f"{kind.plural}/{subresource}" if subresource else kind.plural
