"""A Gateway whose generated token is rotated, as the tests ask for it and see it."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Manifest, condition, eventually, gateway

ROTATE = "tenantry.dev/rotate-token"
PHASE = "tenantry.dev/rotation-phase"


@dataclass
class Tenant:
    """A Gateway called ``a`` and the Secret with its token."""

    kubectl: Kubectl
    namespace: str

    def apply(self, **spec: Any) -> "Tenant":
        self.kubectl.apply(gateway("a", self.namespace, **spec))
        eventually(lambda: self.secret() and self.condition("Ready"))
        return self

    def ask(self, value: str) -> None:
        self.kubectl.run("-n", self.namespace, "annotate", "--overwrite", "tgw", "a", f"{ROTATE}={value}")

    def secret(self) -> Manifest:
        return self.kubectl.get("secret", "a-token", self.namespace)

    def patch_secret(self, patch: Manifest) -> None:
        self.kubectl.run("-n", self.namespace, "patch", "secret", "a-token", "--type=merge", "-p", json.dumps(patch))

    def tokens(self) -> dict[str, str]:
        return {key: base64.b64decode(value).decode() for key, value in self.secret()["data"].items()}

    def phase(self) -> str | None:
        found: str | None = self.secret()["metadata"].get("annotations", {}).get(PHASE)
        return found

    def condition(self, kind: str = "TokenRotated") -> Manifest | None:
        return condition(self.kubectl.get("tgw", "a", self.namespace), kind)

    def says(self, reason: str) -> Manifest:
        """The condition TokenRotated once it has a reason."""
        return eventually(lambda: found if (found := self.condition()) and found["reason"] == reason else None)

    def reaches(self, phase: str | None) -> dict[str, str]:
        """The tokens once the rotation is in a phase."""
        return eventually(lambda: self.tokens() if self.phase() == phase else None)

    def age(self, annotation: str, seconds: float) -> None:
        """Let something that the Secret records have happened some time ago."""
        past = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.patch_secret({"metadata": {"annotations": {f"tenantry.dev/{annotation}": past}}})
