"""What the operator tells of itself: probes, metrics and logs."""

import json
import socket
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.control_plane import ControlPlane, free_ports
from dev.kubectl import Kubectl
from dev.promcheck import problems
from tests.integration.fault_proxy import FaultProxy
from tests.integration.faults import answer, unanswered
from tests.integration.operator_harness import Operator, binding, eventually, gateway

METRICS = {
    "tenantry_gateways": "gauge",
    "tenantry_operator_api_requests_total": "counter",
    "tenantry_operator_build_info": "gauge",
    "tenantry_operator_drift_corrections_total": "counter",
    "tenantry_operator_leader": "gauge",
    "tenantry_operator_lease_transitions": "gauge",
    "tenantry_operator_queue_depth": "gauge",
    "tenantry_operator_queue_wait_seconds": "histogram",
    "tenantry_operator_reconcile_duration_seconds": "histogram",
    "tenantry_operator_reconcile_total": "counter",
}
ABOUT_TENANTS = ("tenantry_operator.reconcile.converge", "tenantry_operator.kube.apply", "tenantry_operator.kube.prune")
"""Loggers of modules that only a reconcile calls."""


@pytest.fixture
def starting(
    operator: Operator, control_plane: ControlPlane, account: Path, tmp_path: Path
) -> Iterator[tuple[FaultProxy, Operator]]:
    """An operator that is still to be launched, behind a proxy; the shared one rests meanwhile."""
    operator.stop()
    with FaultProxy(control_plane) as proxy:
        kubeconfig = proxy.kubeconfig(account, tmp_path / "kubeconfig")
        one = Operator(control_plane, kubeconfig, tmp_path / "operator.log")
        try:
            yield proxy, one
        finally:
            one.kill()
            operator.start()


def test_without_its_definitions_it_is_alive_and_not_ready_and_says_what_to_do(
    starting: tuple[FaultProxy, Operator],
) -> None:
    proxy, operator = starting
    with proxy.fault(answer(404, "NotFound"), name="/apis/tenantry.dev/v1alpha1"):
        operator.launch()
        code, body = eventually(lambda: found if (found := operator.probe("/readyz"))[0] else None)
        reason = eventually(
            lambda: text if "CustomResource" in (text := operator.probe("/readyz")[1]["reason"]) else None
        )

        assert code == 503
        assert body["status"] == "failing"
        assert "agentbindings.tenantry.dev, gateways.tenantry.dev. Fix: helm upgrade --install tenantry-crds" in reason
        assert operator.probe("/healthz") == (200, {"status": "ok"})

    eventually(lambda: operator.probe("/readyz") == (200, {"status": "ok"}) or None)


def test_it_ends_at_once_when_told_to_while_it_waits_for_its_definitions(starting: tuple[FaultProxy, Operator]) -> None:
    proxy, operator = starting
    with proxy.fault(answer(404, "NotFound"), name="/apis/tenantry.dev/v1alpha1"):
        operator.launch()
        eventually(lambda: operator.probe("/healthz")[0] or None)

        assert operator.stop() == 0


def test_it_is_ready_only_once_everything_has_been_read(starting: tuple[FaultProxy, Operator]) -> None:
    proxy, operator = starting
    with proxy.fault(unanswered, "list", resource="configmaps"):
        operator.launch()
        reason = {"status": "failing", "reason": "reading the cluster"}
        eventually(lambda: operator.probe("/readyz") == (503, reason) or None)
        eventually(lambda: proxy.asked("list", resource="configmaps") or None)
        assert operator.probe("/healthz")[0] == 200

    eventually(lambda: operator.probe("/readyz")[0] == 200 or None)


def test_the_metrics_are_there_by_name_and_type_and_promtool_finds_no_fault(
    operator: Operator, kubectl: Kubectl, namespace: str
) -> None:
    kubectl.apply(gateway("marigold", namespace), binding("dahlia", namespace, "marigold", "slack"))
    eventually(lambda: kubectl.get("deployment", "marigold-gateway", namespace))
    kubectl.run("-n", namespace, "delete", "service", "marigold-gateway")
    eventually(lambda: operator.metric_of("tenantry_operator_drift_corrections_total", kind="Service"))
    operator.settled(1)

    text = operator.get("metrics", "/metrics") or ""

    types = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))
    assert {name: types.get(name) for name in METRICS} == METRICS
    assert problems("metrics", text) == []
    # No series names a tenant, so none outlives one.
    assert not [name for name in (namespace, "marigold", "dahlia") if name in text]
    assert operator.metric_of("tenantry_operator_api_requests_total", code="201", resource="deployments", verb="apply")
    assert operator.metric_of("tenantry_gateways", condition="Ready", status="False")


def test_gateways_that_are_gone_are_not_counted(operator: Operator, kubectl: Kubectl, namespace: str) -> None:
    operator.settled(0)
    kubectl.apply(gateway("a", namespace))
    eventually(lambda: kubectl.get("deployment", "a-gateway", namespace))
    operator.settled(1)
    before = eventually(lambda: operator.metric("tenantry_gateways") or None)

    kubectl.run("-n", namespace, "delete", "gateways.tenantry.dev", "a")

    eventually(lambda: operator.metric("tenantry_gateways") < before or None)


def test_every_line_of_the_log_is_json_and_tells_its_tenant_and_no_secret(
    operator: Operator, kubectl: Kubectl, namespace: str
) -> None:
    since = len(operator.log.read_text())
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=hunter-two")
    kubectl.apply(gateway("a", namespace), binding("b", namespace, "a", "slack"))
    eventually(lambda: kubectl.get("deployment", "a-gateway", namespace))
    kubectl.run("-n", namespace, "delete", "configmap", "a-gateway")
    eventually(lambda: kubectl.get("configmap", "a-gateway", namespace))
    operator.settled(1)
    tokens = [b64decode(value).decode() for value in kubectl.get("secret", "a-token", namespace)["data"].values()]

    text = operator.log.read_text()[since:]
    lines = [json.loads(line) for line in text.splitlines()]

    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    about = [line for line in lines if line["logger"] in ABOUT_TENANTS]
    assert [line for line in about if line.get("tenant") == f"{namespace}/a" and line["reconcile"].isdigit()]
    assert all("tenant" in line and "reconcile" in line for line in about)
    assert tokens
    assert not [secret for secret in ("hunter-two", *tokens) if secret in text]


def test_a_port_that_is_taken_ends_it_with_the_reason(
    control_plane: ControlPlane, account: Path, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        one = Operator(control_plane, account, tmp_path / "operator.log", ("--metrics-address", f"127.0.0.1:{port}"))
        one.launch()
        assert one.process is not None
        assert one.process.wait(30) == 1
    assert str(port) in one.tail()
