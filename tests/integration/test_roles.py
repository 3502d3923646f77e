"""Who may do what: each thing that somebody should be refused is tried, and each that they should be allowed."""

import json
from typing import Any

import pytest

from dev.kubectl import Kubectl, KubectlError
from tests.integration.operator_harness import binding, eventually, gateway

GATEWAY = "tgw/a"
BINDING = "tab/b"
LABEL = '{"metadata":{"labels":{"touched":"1"}}}'

READ = {f"get {GATEWAY}", f"get {BINDING}"}
ROUTE = {f"patch {BINDING}", "create tab", f"delete {BINDING}"}
CONFIGURE = {f"scale {GATEWAY}", f"patch {GATEWAY}", "create tgw", f"delete {GATEWAY}"}
STATE = {f"patch status of {GATEWAY}", f"patch status of {BINDING}"}
SECRETS = {"get secret/s"}
ALL = READ | ROUTE | CONFIGURE | STATE | SECRETS

ALLOWED: dict[str, set[str]] = {
    "admin": ALL - STATE,
    "edit": ALL - STATE,
    "view": READ,
    "tenantry-agentbinding-editor": READ | ROUTE,
    "tenantry-gateway-viewer": READ,
    "": set(),
}
"""What somebody may do who has this ClusterRole in the namespace. The owners of its Secrets are admin and edit."""


def arguments(action: str) -> list[str]:
    """kubectl's arguments; nothing is changed, but everything is checked."""
    verb, *_, target = action.split()
    dry = "--dry-run=server"
    if "status of" in action:
        # Server-side apply: the one way to write it without reading it first.
        return ["apply", "--server-side", "--force-conflicts", "--subresource=status", dry, "-f", "-"]
    match verb:
        case "get":
            return ["get", target]
        case "patch":
            return ["patch", target, "--type=merge", "-p", LABEL, dry]
        case "scale":
            return ["scale", target, "--replicas=1", dry]
        case "delete":
            return ["delete", target, dry]
        case _:
            return ["create", dry, "-f", "-"]


def manifest(action: str, namespace: str) -> str | None:
    if "status of" in action:
        kind, name = ("Gateway", "a") if action.endswith(GATEWAY) else ("AgentBinding", "b")
        meta = {"name": name, "namespace": namespace}
        head = {"apiVersion": "tenantry.dev/v1alpha1", "kind": kind, "metadata": meta}
        return json.dumps({**head, "status": {"observedGeneration": 7}})
    if not action.startswith("create"):
        return None
    made = gateway("new", namespace) if action.endswith("tgw") else binding("new", namespace, "a", "slack")
    return json.dumps(made)


def refusal(kubectl: Kubectl, user: str, namespace: str, action: str) -> str | None:
    """What the API server says to somebody who tries it; None where it does it."""
    try:
        kubectl.run(f"--as={user}", "-n", namespace, *arguments(action), stdin=manifest(action, namespace))
    except KubectlError as error:
        return str(error)
    return None


@pytest.fixture
def home(installed: Kubectl, namespace: str) -> str:
    """A namespace with a Gateway, an AgentBinding and a Secret."""
    installed.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"))
    installed.run("-n", namespace, "create", "secret", "generic", "s", "--from-literal=a=b")
    return namespace


@pytest.mark.parametrize("role", list(ALLOWED))
def test_everybody_may_do_what_their_role_says_and_nothing_else(kubectl: Kubectl, home: str, role: str) -> None:
    user = f"user-of-{role or 'nothing'}"
    if role:
        kubectl.run("-n", home, "create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}")
        eventually(lambda: refusal(kubectl, user, home, f"get {GATEWAY}") is None or None)  # Roles aggregate later.
        if ALLOWED[role] & CONFIGURE:
            eventually(lambda: refusal(kubectl, user, home, f"patch {GATEWAY}") is None or None)

    said = {action: refusal(kubectl, user, home, action) for action in ALL}

    assert {action for action, text in said.items() if text is None} == ALLOWED[role]
    assert all("forbidden" in text.lower() for text in said.values() if text is not None), said


def test_a_role_in_one_namespace_says_nothing_of_another(kubectl: Kubectl, home: str) -> None:
    kubectl.run("-n", "default", "create", "rolebinding", f"elsewhere-{home}", "--clusterrole=edit", "--user=elsewhere")
    try:
        assert all(refusal(kubectl, "elsewhere", home, action) for action in ALL)
    finally:
        kubectl.run("-n", "default", "delete", "rolebinding", f"elsewhere-{home}")


def test_the_operators_account_may_not_change_what_users_ask_for(kubectl: Kubectl, home: str) -> None:
    operator = "system:serviceaccount:tenantry-system:tenantry-operator"

    allowed = {action for action in ALL if refusal(kubectl, operator, home, action) is None}

    assert allowed == READ | STATE | SECRETS


def test_no_role_of_ours_is_wider_than_it_says(kubectl: Kubectl) -> None:
    found: dict[str, list[dict[str, Any]]] = {
        name: kubectl.get("clusterrole", name, "default")["rules"]
        for name in ("tenantry-edit", "tenantry-view", "tenantry-agentbinding-editor", "tenantry-gateway-viewer")
    }

    for rules in found.values():
        for rule in rules:
            assert rule["apiGroups"] == ["tenantry.dev"]
            assert "*" not in rule["verbs"] + rule["resources"]
            written = {"create", "update", "patch"} & set(rule["verbs"])
            assert not written or not [each for each in rule["resources"] if each.endswith(("/status", "/finalizers"))]


@pytest.mark.parametrize(
    ("kind", "selector", "found"),
    [
        ("tab", "spec.gatewayRef.name=a", ["b"]),
        ("tab", "spec.gatewayRef.name=other", []),
        ("tab", "spec.agentId=main,spec.match.channel=slack", ["b"]),
        ("tab", "spec.gatewayRef.namespace=elsewhere", []),
        ("tab", "spec.gatewayRef.namespace=", ["b"]),
        ("tgw", "spec.provider.apiKeySecretRef.name=anthropic", ["a"]),
        ("tgw", "spec.provider.apiKeySecretRef.name=other", []),
        ("tgw", "spec.suspended=false", ["a"]),
        ("tgw", "spec.suspended=true", []),
    ],
)
def test_objects_are_found_by_what_they_refer_to(
    kubectl: Kubectl, home: str, kind: str, selector: str, found: list[str]
) -> None:
    listed = json.loads(kubectl.run("-n", home, "get", kind, "--field-selector", selector, "-o", "json"))

    assert [each["metadata"]["name"] for each in listed["items"]] == found
