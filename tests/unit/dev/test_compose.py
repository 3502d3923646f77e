"""compose.yaml covers the Docker section of the enterprise guide."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.guide import BLOCKS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def service() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services.keys() == {"clawdbot"}
    return dict(services["clawdbot"])


def test_port_configuration_credentials_and_health_check_are_the_guides(service: dict[str, Any]) -> None:
    guide = yaml.safe_load(BLOCKS["Docker: yaml"])["services"]["clawdbot"]
    assert service["ports"] == guide["ports"]
    assert service["volumes"][0].startswith(guide["volumes"][0])
    names = {entry.partition("=")[0] for entry in service["environment"]}
    assert {entry.partition("=")[0] for entry in guide["environment"]} <= names
    assert service["healthcheck"].items() >= guide["healthcheck"].items()


def test_the_image_is_the_gateways_and_can_be_built_from_the_checkout(service: dict[str, Any]) -> None:
    assert service["image"] == "tenantry.dev/gateway:dev"
    assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_container_can_neither_write_its_image_nor_gain_rights(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
