"""Asks the real API server what it would do, by dry run: only ``store`` stores anything, and each warning is kept."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tenantry_operator.kube.client import APPLY_PATCH, Client, apply_body
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.kinds import POD, Kind, key_of, kind_of
from tenantry_operator.kube.transport import Request, json_object
from tenantry_operator.metrics import Metrics
from tenantry_operator.resources.metadata import FIELD_MANAGER

Manifest = dict[str, Any]
DRY = {"dryRun": "All"}
OPERATOR = {"fieldManager": FIELD_MANAGER, "force": "true"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server would make of an object, or why it refuses it."""

    status: int
    body: Manifest
    warnings: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        """Whether it would be stored."""
        return self.status < 300

    @property
    def message(self) -> str:
        """What the API server says where it refuses."""
        return str(self.body.get("message", ""))


class DryRun:
    """A connection that is kept open, with every permission."""

    def __init__(self, kubeconfig: Path) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(self._connect(kubeconfig))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    def apply(self, kind: Kind, manifest: Mapping[str, Any], manager: str = FIELD_MANAGER) -> Answer:
        """Server-side apply, as the operator does it."""
        params = {**OPERATOR, **DRY, "fieldManager": manager}
        return self._send(kind, "PATCH", kind.path(*key_of(manifest)), params, manifest, APPLY_PATCH)

    def store(self, manifest: Mapping[str, Any]) -> Answer:
        """Server-side apply, as the operator does it and in earnest."""
        kind = kind_of(manifest)
        return self._send(kind, "PATCH", kind.path(*key_of(manifest)), OPERATOR, manifest, APPLY_PATCH)

    def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Answer:
        """Create, as a controller does it."""
        return self._send(kind, "POST", kind.path(key_of(manifest)[0]), DRY, manifest, "application/json")

    def pod(self, deployment: Mapping[str, Any]) -> Answer:
        """Create a pod of a Deployment's template."""
        template = deployment["spec"]["template"]
        meta = {"name": "probe", "namespace": deployment["metadata"]["namespace"], **template["metadata"]}
        return self.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})

    def _send(
        self, kind: Kind, method: str, path: str, params: Mapping[str, str], body: Mapping[str, Any], content_type: str
    ) -> Answer:
        strict = {"fieldValidation": "Strict", **params}
        request = Request("test", kind.plural, method, path, strict, apply_body(body), content_type=content_type)
        return self._runner.run(self._answer(request))

    async def _answer(self, request: Request) -> Answer:
        async with self._client.transport.open(request, any_status=True) as response:
            warnings = tuple(response.headers.getall("Warning", ()))
            return Answer(response.status, json_object(await response.read()), warnings)

    async def _connect(self, kubeconfig: Path) -> Client:
        credentials = await load_credentials(kubeconfig)
        return Client(credentials, Metrics(), manager=FIELD_MANAGER, rand=lambda: 0.0)
