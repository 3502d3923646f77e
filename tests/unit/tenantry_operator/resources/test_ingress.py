from typing import Any

from tenantry_operator.resources.ingress import build_ingress
from tests.unit.tenantry_operator.objects import gateway

HOSTS = ["a.example.com", "*.b.example.com"]


def build(**more: Any) -> dict[str, Any]:
    found = build_ingress(gateway({"exposure": {"ingress": {"hosts": HOSTS, **more}}}))
    assert found is not None
    return found


def test_every_host_leads_to_the_service() -> None:
    rules = build()["spec"]["rules"]

    assert [rule["host"] for rule in rules] == HOSTS
    backends = [path["backend"] for rule in rules for path in rule["http"]["paths"]]
    assert all(one == {"service": {"name": "assistants-gateway", "port": {"name": "http"}}} for one in backends)


def test_tls_class_and_annotations_are_there_where_they_are_given() -> None:
    bare, full = build(), build(ingressClassName="nginx", tls={"secretName": "s"}, annotations={"x": "y"})

    assert bare["spec"].keys() == {"rules"}
    assert "annotations" not in bare["metadata"]
    assert full["spec"]["ingressClassName"] == "nginx"
    assert full["spec"]["tls"] == [{"hosts": HOSTS, "secretName": "s"}]
    assert full["metadata"]["annotations"] == {"x": "y"}


def test_there_is_none_without_being_asked_for() -> None:
    assert build_ingress(gateway()) is None
