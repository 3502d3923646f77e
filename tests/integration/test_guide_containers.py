"""The enterprise guide's Docker and Kubernetes sections: what they tell a container to do works."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from dev.cluster.control_plane import free_ports
from tenantry_config.document import DEFAULT_PORT
from tests.guide import BLOCKS, claims
from tests.integration.guide_harness import Home, home

__all__ = ["home"]

AGENTS = BLOCKS["Multi-Agent Routing: yaml"]
ROOT = Path(__file__).parents[2]


async def anonymous(url: str) -> tuple[int, str]:
    """Status and text that a GET without a token is answered with."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def healthy(command: Sequence[str]) -> tuple[int | None, bytes]:
    """Exit code and output of a health check."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return process.returncode, output


def listen_on(home: Home, port: int) -> None:
    """The guide's agents, on a port that is free on this machine."""
    home.configure(AGENTS)
    home.bash(f"clawdbot config set gateway.port {port}")


@claims("Docker: dockerfile")
async def test_the_images_command_serves_beyond_loopback_and_insists_on_a_token(home: Home, snippet: str) -> None:
    found = re.search(r"^CMD (.*)$", snippet, re.MULTILINE)
    assert found is not None
    command = json.loads(found[1])
    assert f"EXPOSE {DEFAULT_PORT}\n" in snippet
    listen_on(home, free_ports(1)[0])

    async with home.gateway(command) as gateway:
        assert (await gateway.logged("listening"))["address"] == "0.0.0.0"  # noqa: S104 - the guide's
        await gateway.ready()
        assert (await gateway.chat("hi"))[0] == 200
    del home.variables["GATEWAY_TOKEN"]
    with pytest.raises(
        AssertionError, match=r"GATEWAY_TOKEN is missing or empty: it is needed to listen on 0\.0\.0\.0"
    ):
        async with home.gateway(command):
            pass


@claims("Docker: yaml")
async def test_the_compose_files_health_check_finds_a_gateway_healthy_and_the_lack_of_one_not(
    home: Home, snippet: str
) -> None:
    (service,) = yaml.safe_load(snippet)["services"].values()
    port = free_ports(1)[0]
    how, *command = service["healthcheck"]["test"]
    assert how == "CMD"
    command = [word.replace(str(DEFAULT_PORT), str(port)) for word in command]
    assert f"http://localhost:{port}/health" in command
    listen_on(home, port)

    async with home.gateway(("clawdbot", "gateway", "run")):
        assert await healthy(command) == (0, b'{"status": "ok"}')
    assert (await healthy(command))[0] != 0


async def test_the_compose_files_variables_and_volume_are_what_the_gateway_reads(home: Home) -> None:
    (service,) = yaml.safe_load(BLOCKS["Docker: yaml"])["services"].values()
    values = dict(home.variables)
    home.variables = {
        name: values[re.fullmatch(r"\$\{(\w+)\}", value)[1]]  # type: ignore[index]
        for name, _, value in (entry.partition("=") for entry in service["environment"])
    }
    assert service["ports"] == [f"{DEFAULT_PORT}:{DEFAULT_PORT}"]
    assert service["volumes"] == ["./config:/root/.clawdbot"]
    home.configure(AGENTS)

    async with home.gateway() as gateway:
        assert (await gateway.chat("hi"))[0] == 200


@claims("Kubernetes: yaml")
async def test_the_deployments_probes_pass_and_its_mount_is_where_the_configuration_is_looked_for(
    home: Home, snippet: str
) -> None:
    (container,) = yaml.safe_load(snippet)["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": DEFAULT_PORT}]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/root/.clawdbot"]
    assert "HOME=/root" in (ROOT / "Dockerfile.gateway").read_text()
    (variable,) = container["env"]
    assert variable["name"] in home.variables
    home.configure(AGENTS)

    async with home.gateway() as gateway:
        for probe in ("livenessProbe", "readinessProbe"):
            check: dict[str, Any] = container[probe]["httpGet"]
            assert check["port"] == DEFAULT_PORT
            assert (await anonymous(gateway.url + check["path"]))[0] == 200
        _, body = await anonymous(gateway.url + container["readinessProbe"]["httpGet"]["path"])
        assert "degraded" not in json.loads(body)


@claims("Kubernetes: yaml 2")
async def test_the_services_annotations_lead_prometheus_to_the_metrics_without_a_token(
    home: Home, snippet: str
) -> None:
    service = yaml.safe_load(snippet)
    annotations = service["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/port"] == str(DEFAULT_PORT)
    assert service["spec"]["ports"] == [{"port": DEFAULT_PORT, "targetPort": DEFAULT_PORT}]
    home.configure(AGENTS)

    async with home.gateway() as gateway:
        await gateway.chat("hi")
        status, text = await anonymous(gateway.url + annotations["prometheus.io/path"])

    assert status == 200
    assert 'tenantry_gateway_messages_total{agent="main",' in text
