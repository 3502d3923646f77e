import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from dev.cluster.control_plane import free_ports
from tenantry_operator.__main__ import main
from tenantry_operator.serving import serve_metrics, serve_probes


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_setting_that_cannot_be_used_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--metrics-address", "nowhere"]) == 2

    assert capsys.readouterr().err.startswith("tenantry-operator: 'nowhere' is not an address")


def test_credentials_that_cannot_be_read_end_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--kubeconfig", str(tmp_path / "absent"), "--log-format", "text"]) == 1

    said = capsys.readouterr().err
    assert "absent does not exist: set KUBECONFIG or give --kubeconfig" in said
    assert "Traceback" not in said


async def test_metrics_are_served_while_inside() -> None:
    registry = CollectorRegistry()
    Counter("things", "Things.", registry=registry).inc()
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/metrics"
    async with (
        serve_metrics("127.0.0.1", port, registry),
        aiohttp.ClientSession() as session,
        session.get(url) as response,
    ):
        text = await response.text()

    assert "things_total 1.0" in text


async def test_probes_say_what_is_wrong() -> None:
    wrong: dict[str, object] = {}
    (port,) = free_ports(1)
    async with (
        serve_probes("127.0.0.1", port, unhealthy=dict, unready=lambda: wrong),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        for reason, code, status in (("", 200, "ok"), ("stopping", 503, "failing")):
            wrong = {"reason": reason} if reason else {}
            async with session.get("/readyz") as answer:
                assert answer.status == code
                assert await answer.json() == {"status": status, **wrong}
            async with session.get("/healthz") as answer:
                assert answer.status == 200
