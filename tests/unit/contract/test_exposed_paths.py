"""What is reached from outside is what the gateway serves, but for its metrics."""

from types import SimpleNamespace
from typing import cast

from tenantry_gateway.app import build_app
from tenantry_gateway.state import GatewayState
from tenantry_gateway.tracing import OFF
from tenantry_operator.resources.paths import EXPOSED


def is_exposed(path: str) -> bool:
    """As Gateway API and Ingress match: a prefix by whole path elements."""
    return any(
        path == each.value or (each.prefix and path.startswith(f"{each.value.rstrip('/')}/")) for each in EXPOSED
    )


def test_every_path_of_the_gateway_but_its_metrics_is_exposed() -> None:
    app = build_app(cast("GatewayState", SimpleNamespace(tracer=OFF)))
    paths = {resource.canonical for resource in app.router.resources()}

    assert {path for path in paths if not is_exposed(path)} == {"/metrics"}


def test_what_only_looks_alike_is_not_exposed() -> None:
    assert not any(map(is_exposed, ("/", "/metrics", "/metrics/", "/v1x", "/healthz", "/ready/x", "//metrics")))
