"""What the commands look up in a cluster, and what these things are called there."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from tenantry_cli.console import harmless
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl, Manifest, NoSuchKind, NotFound

GATEWAYS = "gateways.tenantry.dev"
BINDINGS = "agentbindings.tenantry.dev"
GATEWAY_LABEL = "tenantry.dev/gateway"
CONTAINER = "gateway"
OPERATOR_NAMESPACE = "tenantry-system"
OPERATOR_LABEL = "app.kubernetes.io/name=tenantry-operator"
LEASE = "tenantry-operator"
NOT_INSTALLED = "this cluster does not know Tenantry's kinds"
INSTALL = "have the operator installed (see docs/install.md)"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A live Gateway."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The team's namespace."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def spec(self) -> Manifest:
        """What was asked for, defaults included."""
        return dict(self.manifest.get("spec", {}))

    @property
    def status(self) -> Manifest:
        """What the operator has written; empty before it has looked."""
        return dict(self.manifest.get("status", {}))

    @property
    def service(self) -> str:
        """The Service's name."""
        return f"{self.name}-gateway"

    @property
    def port(self) -> int:
        """The Service's port."""
        return int(self.spec.get("port", 18789))

    @property
    def own_token(self) -> bool:
        """Whether the token is in a Secret of the user's own."""
        return "tokenSecretRef" in self.spec.get("auth", {})

    @property
    def token_place(self) -> tuple[str, str]:
        """Name of the Secret that has the token, and the key in it."""
        reference = self.spec.get("auth", {}).get("tokenSecretRef")
        if reference:
            return str(reference["name"]), str(reference.get("key") or "token")
        return str(self.status.get("tokenSecretName") or f"{self.name}-token"), "token"

    def condition(self, kind: str) -> dict[str, Any]:
        """A condition, empty where there is none."""
        found = self.status.get("conditions", ())
        return next((one for one in found if one["type"] == kind), {})


def find_gateway(kubectl: Kubectl, name: str | None) -> Gateway:
    """The Gateway of that name, or the namespace's only one.

    Raises:
        CliError: where there is none or, without a name, more than one.
    """
    try:
        if name:
            return Gateway(kubectl.get(GATEWAYS, name))
        found = [Gateway(one) for one in kubectl.items(GATEWAYS)]
    except NoSuchKind as error:
        raise CliError(f"{NOT_INSTALLED}: {INSTALL}") from error
    except NotFound as error:
        where = kubectl.default_namespace()
        raise CliError(
            f"there is no Gateway {name} in namespace {where}. What is there: kubectl -n {where} get tgw"
        ) from error
    if len(found) == 1:
        return found[0]
    where = kubectl.default_namespace()
    if not found:
        raise CliError(f"there is no Gateway in namespace {where}. To make one: kubectl tenantry init -n {where}")
    names = ", ".join(sorted(one.name for one in found))
    raise CliError(f"namespace {where} has more than one Gateway; name one of: {names}")


def demand_ready_pod(gateway: Gateway) -> None:
    """Raise CliError, which says why, for a gateway that nobody can talk to."""
    if gateway.status.get("readyReplicas"):
        return
    why = harmless(str(gateway.condition("Ready").get("message", "the operator has not looked at it yet")))
    see = f"See: kubectl tenantry status {gateway.name} -n {gateway.namespace}"
    raise CliError(f"{gateway.namespace}/{gateway.name} has no ready pod: {why} {see}")


def read_token(kubectl: Kubectl, gateway: Gateway) -> str:
    """The gateway's token.

    Raises:
        CliError: where the Secret or its key is missing, or may not be read.
    """
    secret, key = gateway.token_place
    try:
        found = kubectl.get("secret", secret, namespace=gateway.namespace)
    except NotFound as error:
        raise CliError(
            f"Secret {gateway.namespace}/{secret} does not exist. See: kubectl tenantry status {gateway.name} "
            f"-n {gateway.namespace}"
        ) from error
    encoded = found.get("data", {}).get(key)
    if not encoded:
        raise CliError(f"Secret {gateway.namespace}/{secret} has no key {key}, or nothing in it")
    try:
        return base64.b64decode(encoded).decode().strip()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise CliError(f"key {key} of Secret {gateway.namespace}/{secret} is no text") from error
