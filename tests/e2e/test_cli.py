"""`kubectl tenantry` as a team uses it, with real pods: from an empty namespace to a conversation, and after."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from dev.teams import delete_namespace, eventually
from tests.cli import PROGRAM, Cli
from tests.e2e.conftest import Stage

NAMESPACE = "team-cli"
IN = ("-n", NAMESPACE)


@pytest.fixture(scope="module")
def cli(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A team that has written its file, filled in what is its own, and applied it."""
    kubectl = stage.kubectl
    delete_namespace(kubectl, NAMESPACE)
    kubectl.run("create", "namespace", NAMESPACE)
    cli = Cli(kubectl.binary, kubectl.kubeconfig)
    file = tmp_path_factory.mktemp("team") / "gateway.yaml"
    cli("init", "helper", *IN, "--file", str(file))
    text = re.sub(r"#-    baseURL: \S+", f"    baseURL: {stage.upstream.base_url}", file.read_text())
    file.write_text(text)
    cli("lint", str(file))
    kubectl.run("apply", "-f", str(file))
    yield cli
    kubectl.run("delete", "namespace", NAMESPACE, "--wait=false")


def begun(cli: Cli, *arguments: str) -> "subprocess.Popen[str]":
    """A command that goes on until it is interrupted."""
    names = {"KUBECTL": str(cli.kubectl), "KUBECONFIG": str(cli.kubeconfig)}
    # Where the tests themselves run in the background, SIGINT is ignored: a terminal's programs begin without that.
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(
        [str(PROGRAM), *arguments],
        env={**os.environ, **names},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=heed,  # noqa: PLW1509 - no threads
    )


def port_forwards() -> list[str]:
    """Port-forwards to this team that run on this machine."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_text().split("\0") if process.name.isdigit() else []
        except OSError:
            continue
        if "port-forward" in words and "service/helper-gateway" in words:
            found.append(process.name)
    return found


def test_a_team_comes_from_an_empty_namespace_to_a_conversation(stage: Stage, cli: Cli) -> None:
    before = eventually(lambda: found if "SecretMissing" in (found := cli.run("status", *IN)).stdout else None, 30, "x")
    step = re.search(r"next: kubectl (.*--from-literal=api-key=)VALUE", before.stdout)
    assert step, before.stdout
    stage.kubectl.run(*f"{step[1]}{stage.upstream.api_key}".split())
    stage.kubectl.wait("condition=Ready", "gateways.tenantry.dev/helper", NAMESPACE)

    healthy = cli("status", *IN)

    assert re.fullmatch(rf"{NAMESPACE}/helper  Ready +1/1 pods, 1 agent, 0 bindings, http\S+\n", healthy)
    assert "Where were we?" in cli("chat", *IN, "Where were we?"), "the stand-in repeats what it was asked"
    assert "turn 2" in cli("chat", *IN, stdin="And now?"), "the same sender goes on with the same conversation"
    assert "turn 1" in cli("chat", *IN, "--session", "fresh", "And here?")
    assert port_forwards() == []


def test_errors_of_the_gateway_are_told_with_their_remedy(cli: Cli) -> None:
    for text, message in (("!error 529", "overloaded"), ("!error 401", "the Anthropic API failed or refused")):
        done = cli.run("chat", *IN, "--session", "errors", text)
        assert done.returncode == 1
        assert message in done.stderr
        assert re.search(r"\(req_\w+\)", done.stderr)
    agent = cli.run("chat", *IN, "--agent", "nobody", "hi")
    assert (agent.returncode, agent.stdout) == (1, "")
    assert port_forwards() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_chat_that_is_interrupted_leaves_no_process_behind(cli: Cli, number: signal.Signals) -> None:
    with begun(cli, "chat", *IN, "--session", "cut", "!delay 60") as chat:
        try:
            eventually(port_forwards, 30, "the port-forward")
            time.sleep(0.5)  # Into the answer, or just before it: either way it has to end.
            chat.send_signal(number)

            assert chat.wait(20) == (130 if number == signal.SIGINT else 128 + number)
            assert port_forwards() == []
        finally:
            chat.terminate()


def test_a_rotated_token_works_at_once_and_the_log_is_readable(cli: Cli) -> None:
    old = cli("token", "show", *IN)

    cli("token", "rotate", *IN)

    assert cli("token", "show", *IN) != old
    assert "turn" in cli("chat", *IN, "--session", "rotated", "Still there?")
    lines = cli("logs", *IN, "--operator")
    assert re.search(r"\d\d:\d\d:\d\d\.\d+ INFO  request  .*route=/v1/chat status=200", lines)
    assert re.search(r"operator/\w+ .*make the staged token the token", lines)
    assert old.strip() not in lines
    assert cli("logs", *IN, "--raw", "--tail", "1").startswith("[pod/helper-gateway-")


def test_logs_are_followed_until_interrupted(cli: Cli) -> None:
    environment = {
        **os.environ,
        "KUBECTL": str(cli.kubectl),
        "KUBECONFIG": str(cli.kubeconfig),
        "PYTHONUNBUFFERED": "1",
    }
    command = [str(PROGRAM), "logs", *IN, "--follow", "--tail", "1", "--raw"]
    heed = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, text=True, preexec_fn=heed) as logs:  # noqa: PLW1509
        try:
            assert logs.stdout is not None
            assert logs.stdout.readline().startswith("[pod/helper-gateway-"), "the last line before"

            cli("chat", *IN, "--session", "followed", "Is anybody reading?")

            assert next(line for line in logs.stdout if "/v1/chat" in line)
            logs.send_signal(signal.SIGINT)
            assert logs.wait(20) == 130
        finally:
            logs.terminate()


def test_logs_of_a_container_that_ended_are_shown(stage: Stage, cli: Cli) -> None:
    def containers() -> list[tuple[int, bool]]:
        pods = stage.kubectl.items("pods", NAMESPACE, "tenantry.dev/gateway=helper")
        return [(one["restartCount"], one["ready"]) for pod in pods for one in pod["status"]["containerStatuses"]]

    none = cli.run("logs", *IN, "--previous")
    assert "previous terminated container" in none.stderr
    assert "no lines" in none.stderr
    end = ("python", "-c", "import os; os.kill(1, 15)")
    stage.kubectl.run("-n", NAMESPACE, "exec", "deployment/helper-gateway", "-c", "gateway", "--", *end)
    eventually(lambda: containers() == [(1, True)], 60, "the container runs again")

    assert "/v1/chat" in cli("logs", *IN, "--previous")
    assert "/v1/chat" not in cli("logs", *IN)
