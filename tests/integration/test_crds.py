"""The CRDs on a real API server: accepted without a warning, described, defaulted, refusing with useful messages."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.control_plane import ControlPlane
from dev.cluster.waiting import wait_until
from tenantry_operator.api.v1alpha1.agent_binding import AgentBinding
from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.agent_binding import binding_status, judge
from tenantry_operator.conditions.gateway import gateway_status
from tenantry_operator.conditions.observation import DeploymentView, Observation
from tenantry_operator.resources.desired import desired
from tenantry_operator.resources.image import Defaults
from tenantry_operator.resources.secret import build_token_secret
from tests.integration.own_control_plane import control_plane

__all__ = ["control_plane"]  # No operator looks at what is applied here.

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "test-crds"
DEFAULTS = Defaults("tenantry.dev/gateway:dev")
NOW = "2026-05-01T12:00:00Z"
GATEWAY: dict[str, Any] = {
    "apiVersion": "tenantry.dev/v1alpha1",
    "kind": "Gateway",
    "metadata": {"name": "assistants", "namespace": NAMESPACE},
    "spec": {"provider": {"apiKeySecretRef": {"name": "anthropic"}}, "agents": {"main": {"model": "claude"}}},
}
BINDING: dict[str, Any] = {
    "apiVersion": "tenantry.dev/v1alpha1",
    "kind": "AgentBinding",
    "metadata": {"name": "pager", "namespace": NAMESPACE},
    "spec": {"gatewayRef": {"name": "assistants"}, "agentId": "main", "match": {"channel": "webhook"}},
}


class Kubectl:
    """kubectl against the control plane; a warning of the API server is an error."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._command = [str(control_plane.kubectl), "--kubeconfig", str(control_plane.kubeconfig)]

    def run(self, *arguments: str, stdin: object = None) -> "subprocess.CompletedProcess[str]":
        text = None if stdin is None else json.dumps(stdin)
        command = [*self._command, "--warnings-as-errors", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)

    def __call__(self, *arguments: str, stdin: object = None) -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str, stdin: object = None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self(*arguments, "-o", "json", stdin=stdin))
        return answer

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        return self.json("create", "-f", "-", stdin=manifest)

    def refusal(self, manifest: Mapping[str, Any]) -> str:
        """What kubectl says when it applies ``manifest``, which must be refused."""
        done = self.run("apply", "--dry-run=server", "-f", "-", stdin=manifest)
        assert done.returncode != 0, done.stdout
        return done.stderr


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane) -> Iterator[Kubectl]:
    run = Kubectl(control_plane)
    run("apply", "--server-side", "-k", str(ROOT / "crds"))
    run("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
    eventually(lambda: run.run("get", "tenantry", "-A").returncode == 0, "both kinds to be served")
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": restricted}}
    run("apply", "--server-side", "-f", "-", stdin=namespace)
    yield run
    run("delete", "namespace", NAMESPACE, "--wait=false")


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Poll until it holds: the API server publishes what it was given a moment later."""
    wait_until(holds, what, 30, lambda: None)


def changed(manifest: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """``manifest`` with the value at ``path`` (``spec/agents/main``) set, or removed where it is None."""
    copy: dict[str, Any] = json.loads(json.dumps(manifest))
    *parents, last = path.split("/")
    node = copy
    for parent in parents:
        node = node.setdefault(parent, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return copy


def test_the_definitions_are_structural_and_established(kubectl: Kubectl) -> None:
    for plural in ("gateways", "agentbindings"):
        found = kubectl.json("get", "crd", f"{plural}.tenantry.dev")
        conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
        assert conditions["Established"] == "True"
        assert conditions["NamesAccepted"] == "True"
        assert conditions.get("NonStructuralSchema", "False") == "False"


def test_applying_the_definitions_again_changes_nothing(kubectl: Kubectl) -> None:
    before = kubectl.json("get", "crd", "gateways.tenantry.dev")["metadata"]["resourceVersion"]

    kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))

    assert kubectl.json("get", "crd", "gateways.tenantry.dev")["metadata"]["resourceVersion"] == before


def described(node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path, as kubectl explain takes it, and description of every field below ``node``."""
    for name, child in node.get("properties", {}).items():
        yield (*path, name), child.get("description", "")
        yield from described(child, (*path, name))
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from described(node[key], path)


@pytest.mark.parametrize(("kind", "plural"), [("Gateway", "gateways"), ("AgentBinding", "agentbindings")])
def test_every_field_that_the_api_server_publishes_is_described(kubectl: Kubectl, kind: str, plural: str) -> None:
    published = f"dev.tenantry.v1alpha1.{kind}"

    def schemas() -> dict[str, Any]:
        document = json.loads(kubectl("get", "--raw", "/openapi/v3/apis/tenantry.dev/v1alpha1"))
        found: dict[str, Any] = document.get("components", {}).get("schemas", {})
        return found

    eventually(lambda: published in schemas(), "the schema to be published")
    schema = schemas()[published]
    fields = {path: text for path, text in described(schema, ()) if path != ("metadata",)}

    assert [path for path, text in fields.items() if not text] == []
    deepest = max((path for path in fields if path[0] == "spec"), key=len)
    for path in ((), ("spec",), ("status",), deepest):
        explained = " ".join(kubectl("explain", ".".join((f"{plural}.tenantry.dev", *path))).split())
        assert " ".join((fields[path] if path else schema["description"]).split()) in explained


def test_short_names_and_the_category_find_both_kinds(kubectl: Kubectl) -> None:
    kubectl.create(changed(GATEWAY, "metadata/name", "short"))
    kubectl.create(changed(changed(BINDING, "metadata/name", "short"), "spec/gatewayRef/name", "short"))

    assert kubectl("get", "tgw", "short", "-n", NAMESPACE, "-o", "name") == "gateway.tenantry.dev/short\n"
    assert kubectl("get", "tab", "short", "-n", NAMESPACE, "-o", "name") == "agentbinding.tenantry.dev/short\n"
    assert {"gateway.tenantry.dev/short", "agentbinding.tenantry.dev/short"} <= set(
        kubectl("get", "tenantry", "-n", NAMESPACE, "-o", "name").split()
    )


def test_bindings_can_be_selected_by_their_gateway(kubectl: Kubectl) -> None:
    for name, gateway in (("one", "first"), ("two", "second")):
        kubectl.create(changed(changed(BINDING, "metadata/name", name), "spec/gatewayRef/name", gateway))

    found = kubectl("get", "tab", "-n", NAMESPACE, "--field-selector", "spec.gatewayRef.name=second", "-o", "name")

    assert found == "agentbinding.tenantry.dev/two\n"


def test_defaults_appear_where_nothing_is_said(kubectl: Kubectl) -> None:
    assert kubectl.create(changed(GATEWAY, "metadata/name", "defaults"))["spec"] == {
        "agents": {"main": {"model": "claude", "maxTokens": 4096}},
        "auth": {"mode": "token"},
        "deletionPolicy": "Retain",
        "logLevel": "info",
        "networkPolicy": {"enabled": True},
        "replicas": 1,
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "suspended": False,
        "terminationGracePeriodSeconds": 120,
        "port": 18789,
        "provider": {"apiKeySecretRef": {"name": "anthropic", "key": "api-key"}},
        "rbac": {"enabled": False, "defaultRole": "user"},
        "storage": {"size": "1Gi", "accessModes": ["ReadWriteOnce"]},
    }
    assert kubectl.create(changed(BINDING, "metadata/name", "defaults"))["spec"]["priority"] == 0


def inline(**fields: object) -> list[dict[str, object]]:
    return [{"channel": "slack", "agentId": "main", **fields}]


LONG_NAME = "metadata.name must have at most 40 lower-case letters"
BAD_AGENT_ID = "an agent's id must have 1 to 63 lower-case letters"
BAD_DEFAULT = "defaultAgent must be one of the keys of spec.agents"
BAD_BINDING = "each binding's agentId must be one of the keys of spec.agents"
BAD_KEY = "a session key may hold letters, digits and"
BAD_URL = "must be an http or https URL without user, query or fragment"
BAD_NETWORK = "must be a network in CIDR form without host bits, such as 10.0.0.0/8"
NO_TAG = "set tag or digest as well when you set repository"
MISSING = "Required value"
UNKNOWN = "unknown field"
UNSUPPORTED = "Unsupported value"
AGENT = "spec.agents.main"
PROVIDER = "spec.provider"

REFUSED_GATEWAYS: list[tuple[str, object, str, str]] = [
    ("metadata/name", "a" * 41, "metadata.name: ", LONG_NAME),
    ("metadata/name", "1st", "metadata.name: ", "start with a letter"),
    ("spec", None, "spec: ", MISSING),
    ("spec/provider", None, f"{PROVIDER}: ", MISSING),
    ("spec/provider/apiKeySecretRef", None, f"{PROVIDER}.apiKeySecretRef: ", MISSING),
    ("spec/agents", {}, "spec.agents: ", "should have at least 1 properties"),
    ("spec/agents/main/model", None, f"{AGENT}.model: ", MISSING),
    ("spec/agents/main/model", "has space", f"{AGENT}.model: ", "should match"),
    ("spec/agents/Main", {"model": "m"}, "spec.agents: ", BAD_AGENT_ID),
    ("spec/agents/main/maxTokens", 0, f"{AGENT}.maxTokens: ", "greater than or equal to 1"),
    ("spec/agents/main/sytem", "x", f'"{AGENT}.sytem"', UNKNOWN),
    ("spec/agents/main/system", "x" * 65537, f"{AGENT}.system: ", "Too long"),
    ("spec/defaultAgent", "nobody", "spec.defaultAgent: ", BAD_DEFAULT),
    ("spec/bindings", inline(agentId="nobody"), "spec.bindings: ", BAD_BINDING),
    ("spec/bindings", inline(channel="Slack"), "spec.bindings[0].channel: ", "should match"),
    ("spec/bindings", inline(sessionKey="${sender}"), "spec.bindings[0].sessionKey: ", BAD_KEY),
    ("spec/bindings", inline(sessionKey="${channel}${senderId}"), "spec.bindings[0].sessionKey: ", "with a separator"),
    ("spec/bindings", inline(channelID="x"), '"spec.bindings[0].channelID"', UNKNOWN),
    ("spec/port", 80, "spec.port: ", "greater than or equal to 1024"),
    ("spec/logLevel", "loud", "spec.logLevel: ", UNSUPPORTED),
    ("spec/auth", {"mode": "none"}, "spec.auth.mode: ", UNSUPPORTED),
    ("spec/auth/tokenSecretRef", {"key": "x"}, "spec.auth.tokenSecretRef.name: ", MISSING),
    ("spec/provider/baseURL", "ftp://x", f"{PROVIDER}.baseURL: ", BAD_URL),
    ("spec/provider/baseURL", "https://user:pass@host", f"{PROVIDER}.baseURL: ", BAD_URL),
    ("spec/provider/baseURL", "https://", f"{PROVIDER}.baseURL: ", BAD_URL),
    ("spec/provider/baseURL", "https://host:0", f"{PROVIDER}.baseURL: ", BAD_URL),
    ("spec/provider/baseURL", "https://host:65536", f"{PROVIDER}.baseURL: ", BAD_URL),
    ("spec/provider/baseURL", f"https://host:{10**30}", f"{PROVIDER}.baseURL: ", "rule"),
    ("spec/rbac", {"defaultRole": "root"}, "spec.rbac.defaultRole: ", UNSUPPORTED),
    ("spec/rbac", {"assignments": {"a": "root"}}, "spec.rbac.assignments.a: ", UNSUPPORTED),
    ("spec/trustedProxies", ["10.0.0.1/8"], "spec.trustedProxies[0]: ", BAD_NETWORK),
    ("spec/trustedProxies", ["proxy"], "spec.trustedProxies[0]: ", BAD_NETWORK),
    ("spec/image", {"repository": "a/b"}, "spec.image: ", NO_TAG),
    ("spec/image", {"digest": "sha256:1"}, "spec.image.digest: ", "should match"),
    ("spec/image", {"pullSecrets": [{"name": "a"}, {"name": "a"}]}, "spec.image.pullSecrets[1]: ", "Duplicate value"),
]


@pytest.mark.parametrize(("path", "value", "field", "message"), REFUSED_GATEWAYS)
def test_an_invalid_gateway_is_refused_with_the_fields_path_and_what_to_do(
    kubectl: Kubectl, path: str, value: object, field: str, message: str
) -> None:
    refusal = kubectl.refusal(changed(GATEWAY, path, value))

    assert field in refusal
    assert message in refusal


REFUSED_BINDINGS: list[tuple[str, object, str, str]] = [
    ("spec/gatewayRef", {"name": "Not_a_name"}, "spec.gatewayRef.name: ", "should match"),
    ("spec/match", None, "spec.match: ", MISSING),
    ("spec/match", {"channelId": "x"}, "spec.match.channel: ", MISSING),
    ("spec/match/senderId", "", "spec.match.senderId: ", "at least 1 chars"),
    ("spec/agentId", None, "spec.agentId: ", MISSING),
    ("spec/sessionKey", "${channel}/x", "spec.sessionKey: ", BAD_KEY),
    ("spec/priority", 1001, "spec.priority: ", "less than or equal to 1000"),
    ("spec/priority", "high", "spec.priority: ", "must be of type integer"),
]


@pytest.mark.parametrize(("path", "value", "field", "message"), REFUSED_BINDINGS)
def test_an_invalid_binding_is_refused_with_the_fields_path_and_what_to_do(
    kubectl: Kubectl, path: str, value: object, field: str, message: str
) -> None:
    refusal = kubectl.refusal(changed(BINDING, path, value))

    assert field in refusal
    assert message in refusal


def test_a_gateway_at_every_limit_is_within_the_api_servers_cost_limits(kubectl: Kubectl) -> None:
    agents = {f"{'a' * 55}-{index}": {"model": "m"} for index in range(64)}
    route = {
        "channel": "slack",
        "agentId": max(agents),
        "channelId": "c" * 256,
        "sessionKey": "${channel}:" + "k" * 245,
    }
    spec = {
        **GATEWAY["spec"],
        "agents": agents,
        "defaultAgent": max(agents),
        "bindings": [{**route, "senderId": f"{index:0>256}"} for index in range(256)],
        "rbac": {"assignments": {f"{index:0>256}": "user" for index in range(1024)}},
        "trustedProxies": [f"10.{index}.0.0/16" for index in range(64)],
        "provider": {"apiKeySecretRef": {"name": "a"}, "baseURL": f"https://host/{'p' * 1011}"},
    }

    created = kubectl.create({**GATEWAY, "metadata": {"name": "limits", "namespace": NAMESPACE}, "spec": spec})

    wanted = desired(Gateway.parse(created), (), DEFAULTS)
    assert len(wanted.manifests[1]["data"]["config.yaml"]) < 1024 * 1024


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec/bindings", inline(sessionKey="${channel}:${senderId}", senderId="U0 ${HOME} ü")),
        ("spec/bindings", inline(channel="*", priority=-1000)),
        ("spec/trustedProxies", ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"]),
        ("spec/provider/baseURL", "http://anthropic-standin.anthropic-standin.svc:8080"),
        ("spec/image", {"repository": "reg.example.com:5000/a/b", "tag": "v1", "digest": f"sha256:{'a' * 64}"}),
        ("spec/rbac/assignments", {"admin@company.com": "admin", "token:shared": "operator"}),
        ("spec/agents/main/model", "claude-sonnet-4-20250514"),
    ],
)
def test_what_the_documentation_shows_is_accepted(kubectl: Kubectl, path: str, value: object) -> None:
    kubectl("apply", "--dry-run=server", "-f", "-", stdin=changed(GATEWAY, path, value))


def test_the_examples_are_accepted(kubectl: Kubectl) -> None:
    for file in sorted((ROOT / "examples").glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text()):
            if manifest.get("apiVersion") == "tenantry.dev/v1alpha1":
                kubectl(
                    "apply", "--dry-run=server", "-f", "-", stdin=changed(manifest, "metadata/namespace", NAMESPACE)
                )


def complete(gateway: Gateway) -> Observation:
    """A Gateway whose Deployment is available."""
    return Observation(
        gateway=gateway,
        desired=desired(gateway, (), DEFAULTS),
        deployment=DeploymentView(1, 1, replicas=1, updated=1, ready=1, available=1),
    )


def test_a_status_fits_its_schema_and_shows_in_the_columns(kubectl: Kubectl) -> None:
    subject = Gateway.parse(kubectl.create(changed(GATEWAY, "metadata/name", "status")))
    status = gateway_status(complete(subject), NOW)

    patch = json.dumps({"status": status})
    written = kubectl.json(
        "patch", "tgw", "status", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch
    )

    assert written["status"] == status
    row = kubectl("get", "tgw", "status", "-n", NAMESPACE, "--no-headers", "-o", "wide").split()
    assert row[1:6] == ["False", "TokenPending", "1", "1", "0"]
    assert row[6] == "http://status-gateway.test-crds.svc:18789"
    assert row[8:10] == ["tenantry.dev/gateway:dev", status["configHash"]]


def test_a_bindings_status_fits_its_schema_and_shows_in_the_columns(kubectl: Kubectl) -> None:
    subject = AgentBinding.parse(kubectl.create(changed(BINDING, "metadata/name", "status")))
    (verdict,) = judge(None, [subject])
    status = binding_status(verdict, None, NOW)

    patch = json.dumps({"status": status})
    written = kubectl.json(
        "patch", "tab", "status", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", patch
    )

    assert written["status"] == status
    row = kubectl("get", "tab", "status", "-n", NAMESPACE, "--no-headers").split()
    assert row[1:7] == ["assistants", "main", "webhook", "False", "False", "GatewayNotFound"]


def test_a_write_of_the_spec_cannot_touch_the_status(kubectl: Kubectl) -> None:
    created = kubectl.create({**changed(GATEWAY, "metadata/name", "subresource"), "status": {"agents": 7}})

    assert created["status"] == {"observedGeneration": -1}


def test_a_tenants_objects_are_applied_without_a_warning_and_a_second_time_without_a_change(kubectl: Kubectl) -> None:
    spec = {
        **GATEWAY["spec"],
        "agents": {"main": {"model": "m", "system": "a\n  ${HOME} \t\x85 ü\n"}},
        "image": {"pullSecrets": [{"name": "registry"}], "tag": "2"},
    }
    body = kubectl.create({**GATEWAY, "metadata": {"name": "desired", "namespace": NAMESPACE}, "spec": spec})
    subject = Gateway.parse(body)
    manifests = [*desired(subject, (), DEFAULTS).manifests, build_token_secret(subject, "token")]

    def apply(manifest: Mapping[str, Any]) -> dict[str, Any]:
        arguments = ("apply", "--server-side", "--field-manager=tenantry-operator", "--show-managed-fields", "-f", "-")
        return kubectl.json(*arguments, stdin=manifest)

    for manifest in manifests:
        first, second = apply(manifest), apply(manifest)
        if manifest["kind"] not in {"Deployment", "PersistentVolumeClaim"}:  # Controllers write these meanwhile.
            assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
        assert first["metadata"].get("generation") == second["metadata"].get("generation")
        assert agrees(manifest, second)


def agrees(ours: object, live: object) -> bool:
    """Whether every value of ``ours`` is in ``live`` as it was written: no quantity, port or list key rewritten."""
    if isinstance(ours, Mapping) and isinstance(live, Mapping):
        return all(key in live and agrees(value, live[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(live, list):
        return len(ours) == len(live) and all(map(agrees, ours, live))
    return ours == live


def test_pods_of_a_tenant_are_admitted_where_pod_security_restricted_is_enforced(kubectl: Kubectl) -> None:
    subject = Gateway.parse(kubectl.create(changed(GATEWAY, "metadata/name", "restricted")))
    for manifest in desired(subject, (), DEFAULTS).manifests:
        kubectl("apply", "--server-side", "--field-manager=tenantry-operator", "-f", "-", stdin=manifest)

    kubectl("wait", "--for=create", "pod", "-n", NAMESPACE, "-l", "tenantry.dev/gateway=restricted", "--timeout=30s")
