"""Our custom resource definitions, as this version of the plugin carries them."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

GROUP = "tenantry.dev"
PLURALS = {"Gateway": "gateways", "AgentBinding": "agentbindings"}


@cache
def definition(kind: str) -> dict[str, Any]:
    """The whole definition of a kind."""
    text = files("tenantry_cli").joinpath("crds", f"{GROUP}_{PLURALS[kind]}.yaml").read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # Ten times as fast, where PyYAML has it.
    loaded: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both are safe loaders
    return loaded


def versions() -> tuple[str, ...]:
    """The API versions that can be written: `tenantry.dev/v1alpha1`."""
    return tuple(f"{GROUP}/{one['name']}" for one in definition("Gateway")["spec"]["versions"] if one["served"])


def schema(kind: str, api_version: str) -> dict[str, Any]:
    """The structural schema of a kind in one of `versions`."""
    name = api_version.removeprefix(f"{GROUP}/")
    found: dict[str, Any] = next(one for one in definition(kind)["spec"]["versions"] if one["name"] == name)
    whole: dict[str, Any] = found["schema"]["openAPIV3Schema"]
    return whole
