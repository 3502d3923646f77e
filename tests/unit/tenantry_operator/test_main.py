import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from dev.cluster.control_plane import free_ports
from tenantry_operator.__main__ import main
from tenantry_operator.serving import serve_metrics


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
