"""`kubectl tenantry` against a real API server and the operator."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.kubectl import Kubectl, KubectlError
from tests.cli import COMPLETION, Cli
from tests.integration.operator_harness import Operator, binding, condition, eventually, gateway
from tests.integration.own_control_plane import control_plane as own_control_plane
from tests.integration.rotation_harness import Tenant

__all__ = ["own_control_plane"]

API_KEY = "sk-ant-cli"


@pytest.fixture(scope="module")
def cli(control_plane: ControlPlane) -> Cli:
    return Cli(control_plane.kubectl, control_plane.kubeconfig)


@pytest.fixture
def tenant(operator: Operator, kubectl: Kubectl, namespace: str) -> Tenant:
    """A Gateway called ``a`` that the operator has looked at."""
    assert operator.leads()
    return Tenant(kubectl, namespace).apply()


def test_what_init_writes_is_taken_by_the_api_server_as_it_is_and_with_every_option(
    cli: Cli, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.yaml"

    cli("init", "helpdesk", "-n", namespace, "--file", str(file))

    text = file.read_text()
    create = ("create", "--dry-run=server", "--warnings-as-errors", "-f", "-")
    assert kubectl.run(*create, stdin=text).count("created (server dry run)") == 1
    assert kubectl.run(*create, stdin=re.sub(r"(?m)^#-", "", text)).count("created (server dry run)") == 2


def test_init_leaves_a_file_that_exists_as_it_is(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("mine")

    done = cli.run("init", "-n", "x", cwd=tmp_path)

    assert done.returncode == 1
    assert "exists and is left as it is" in done.stderr
    assert (tmp_path / "gateway.yaml").read_text() == "mine"


def test_the_token_is_alone_on_standard_output(cli: Cli, tenant: Tenant) -> None:
    done = cli.run("token", "show", "-n", tenant.namespace)

    assert (done.returncode, done.stdout, done.stderr) == (0, tenant.tokens()["token"] + "\n", "")


def test_a_rotation_is_waited_for_and_says_how_long_the_old_token_lasts(cli: Cli, tenant: Tenant) -> None:
    before = tenant.tokens()["token"]

    said = cli("token", "rotate", "a", "-n", tenant.namespace)

    after = tenant.tokens()
    assert after["token"] != before
    assert after["previous-token"] == before
    assert re.search(r"the previous one is accepted until \d{4}-\d\d-\d\dT", said)
    assert cli("token", "show", "-n", tenant.namespace) == after["token"] + "\n"

    again = cli("token", "rotate", "a", "-n", tenant.namespace)

    assert "begins at" in again, "two tokens are accepted at a time, so this one waits, and that is said"
    assert tenant.tokens() == after


def test_a_token_of_the_users_own_is_shown_and_not_rotated(
    cli: Cli, kubectl: Kubectl, namespace: str, operator: Operator
) -> None:
    assert operator.leads()
    kubectl.run("-n", namespace, "create", "secret", "generic", "own", "--from-literal=word=chosen-by-me")
    kubectl.apply(gateway("a", namespace, auth={"tokenSecretRef": {"name": "own", "key": "word"}}))

    refused = cli.run("token", "rotate", "-n", namespace)

    assert cli("token", "show", "-n", namespace) == "chosen-by-me\n"
    assert refused.returncode == 1
    assert f"your own Secret {namespace}/own" in refused.stderr
    assert "tenantry.dev/rotate-token" not in kubectl.get("tgw", "a", namespace)["metadata"].get("annotations", {})


def test_status_says_what_is_wrong_and_the_command_that_it_gives_helps(
    cli: Cli, kubectl: Kubectl, tenant: Tenant
) -> None:
    kubectl.apply(binding("lost", tenant.namespace, "elsewhere", "slack"))
    eventually(lambda: condition(kubectl.get("tab", "lost", tenant.namespace), "Accepted"))

    done = cli.run("status", "-n", tenant.namespace)

    assert done.returncode == 1
    assert f"{tenant.namespace}/a  Not ready" in done.stdout
    assert "SecretsAvailable: SecretMissing" in done.stdout
    assert "AgentBinding lost: GatewayNotFound" in done.stdout
    found = re.search(r"next: kubectl (-n \S+ create secret .*--from-literal=api-key=)VALUE", done.stdout)
    assert found
    kubectl.run(*found[1].split()[:-1], f"--from-literal=api-key={API_KEY}")
    eventually(lambda: "SecretMissing" not in cli.run("status", "-n", tenant.namespace).stdout)


def test_status_for_scripts(cli: Cli, tenant: Tenant) -> None:
    done = cli.run("status", "a", "-n", tenant.namespace, "-o", "json")

    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["gateways"][0]["state"]) == (1, False, "Not ready")
    assert found["gateways"][0]["troubles"][0]["next"]


def test_status_of_somebody_who_sees_one_namespace_alone(
    control_plane: ControlPlane, cli: Cli, kubectl: Kubectl, tenant: Tenant
) -> None:
    role = ("create", "rolebinding", "viewer", "--clusterrole=tenantry-gateway-viewer", "--user=cli-viewer")
    kubectl.run("-n", tenant.namespace, *role)
    viewer = Cli(control_plane.kubectl, control_plane.kubeconfig_for("cli-viewer"))

    done = eventually(
        lambda: found if "Not ready" in (found := viewer.run("status", "-n", tenant.namespace)).stdout else None
    )

    assert "SecretsAvailable: SecretMissing" in done.stdout
    assert "Note: You may not see pods here" in done.stdout
    assert "Note: You may not see whether the operator runs" in done.stdout
    everywhere = viewer.run("status", "-A")
    assert everywhere.returncode == 1
    assert "cannot list resource" in everywhere.stderr
    secret = viewer.run("token", "show", "-n", tenant.namespace)
    assert (secret.returncode, secret.stdout) == (1, "")
    assert 'cannot get resource "secrets"' in secret.stderr
    impersonated = cli.run("status", "-n", tenant.namespace, "--as", "cli-viewer")
    assert "Note: You may not see pods here" in impersonated.stdout, "kubectl's own flags are passed on"


def test_names_are_offered_to_the_shell(cli: Cli, tenant: Tenant) -> None:
    assert {"status", "chat", "token"} <= set(cli.offers(""))
    assert cli.offers("token", "r") == ["rotate"]
    assert cli.offers("status", "-n", tenant.namespace, "") == ["a"]
    assert tenant.namespace in cli.offers("status", "-n", tenant.namespace[:5])
    assert cli.offers("status", "--kubeconfig", "/nowhere", "") == []


def test_kubectls_own_completion_asks_the_plugin(control_plane: ControlPlane) -> None:
    environment = {**os.environ, "PATH": f"{COMPLETION.parent}:{os.environ['PATH']}"}
    command = [str(control_plane.kubectl), "__complete", "tenantry"]

    def completed(*words: str) -> list[str]:
        done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, check=True)
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]

    assert completed("sta") == ["status", ":4"]
    assert completed("lint", "") == [":0"], "file names may follow"


def test_a_gateway_that_is_not_there_or_not_the_only_one_is_told(cli: Cli, kubectl: Kubectl, tenant: Tenant) -> None:
    missing = cli.run("token", "show", "b", "-n", tenant.namespace)
    kubectl.apply(gateway("b", tenant.namespace))
    unclear = cli.run("token", "show", "-n", tenant.namespace)

    assert f"there is no Gateway b in namespace {tenant.namespace}" in missing.stderr
    assert "name one of: a, b" in unclear.stderr
    assert (missing.returncode, unclear.returncode) == (1, 1)


def test_a_chat_without_a_ready_pod_says_why_at_once(cli: Cli, tenant: Tenant) -> None:
    done = cli.run("chat", "-n", tenant.namespace, "hello")

    assert done.returncode == 1
    assert "has no ready pod" in done.stderr
    assert "anthropic" in done.stderr, "what Ready says is passed on"


@pytest.mark.parametrize("arguments", [["bogus"], ["status", "--bogus"], ["lint"], ["init", "Not_a_name", "-n", "x"]])
def test_a_wrong_command_line_ends_with_2(cli: Cli, arguments: list[str]) -> None:
    assert cli.run(*arguments).returncode == 2


def test_a_cluster_without_the_definitions_is_told(own_control_plane: ControlPlane) -> None:
    bare = Cli(own_control_plane.kubectl, own_control_plane.kubeconfig)
    with pytest.raises(KubectlError, match="the server doesn't have a resource type"):
        Kubectl(own_control_plane.kubectl, own_control_plane.kubeconfig).run("get", "tgw")

    done = bare.run("status")

    assert done.returncode == 1
    assert "does not know Tenantry's kinds" in done.stderr


def test_no_kubectl_and_no_cluster_are_told(control_plane: ControlPlane, tmp_path: Path) -> None:
    without = Cli(Path("/nowhere/kubectl"), control_plane.kubeconfig).run("status")
    gone = Cli(control_plane.kubectl, tmp_path / "none").run("status", "--request-timeout", "2s")

    assert (without.returncode, gone.returncode) == (1, 1)
    assert "is not on PATH" in without.stderr
    assert "error: " in gone.stderr


def test_lint_asks_the_server_about_changes_when_told_to(cli: Cli, kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(gateway("a", namespace, storage={"size": "2Gi"}))
    smaller = json.dumps(gateway("a", namespace, storage={"size": "1Gi"}))

    assert cli.run("lint", "-", stdin=smaller).returncode == 0, "offline, nobody knows what was there before"
    asked = cli.run("lint", "--server", "-", stdin=smaller)
    assert asked.returncode == 1
    assert "cannot be lowered below what the volume has" in asked.stdout


def test_lint_for_scripts_and_for_editors(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(json.dumps(gateway("a", "b", port=0)))

    text = cli.run("lint", "gateway.yaml", cwd=tmp_path)
    found = json.loads(cli.run("lint", ".", "-o", "json", cwd=tmp_path).stdout)

    assert text.stdout.startswith("gateway.yaml:1: error: spec.port: Invalid value: 0: ")
    assert text.returncode == 1
    assert [one["line"] for one in found["findings"]] == [1]
    assert cli.run("lint", "nowhere.yaml", cwd=tmp_path).returncode == 1
