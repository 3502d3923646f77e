from typing import Any

from tenantry_operator.resources.http_route import build_http_route
from tests.unit.tenantry_operator.objects import gateway

PARENTS: list[dict[str, Any]] = [
    {"name": "public", "namespace": "infra", "sectionName": "https", "port": 443},
    {"name": "own"},
]


def build(**more: Any) -> dict[str, Any]:
    found = build_http_route(gateway({"port": 9000, "exposure": {"httpRoute": {"parentRefs": PARENTS, **more}}}))
    assert found is not None
    return found


def test_a_route_leads_to_the_service_and_never_times_out() -> None:
    (rule,) = build()["spec"]["rules"]

    (backend,) = rule["backendRefs"]
    assert (backend["name"], backend["port"]) == ("assistants-gateway", 9000)
    assert rule["timeouts"] == {"request": "0s", "backendRequest": "0s"}


def test_parents_are_as_the_api_server_stores_them() -> None:
    group = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}

    assert build()["spec"]["parentRefs"] == [{**group, **parent} for parent in PARENTS]


def test_hosts_and_annotations_are_there_where_they_are_given() -> None:
    bare, full = build(), build(hostnames=["a.example.com"], annotations={"x": "y"})

    assert "hostnames" not in bare["spec"]
    assert "annotations" not in bare["metadata"]
    assert full["spec"]["hostnames"] == ["a.example.com"]
    assert full["metadata"]["annotations"] == {"x": "y"}


def test_there_is_none_without_being_asked_for() -> None:
    assert build_http_route(gateway()) is None
