from tenantry_operator.resources.deployment import build_deployment
from tenantry_operator.resources.service import build_service, endpoint
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway


def test_the_service_listens_on_the_gateways_port_and_reaches_the_container_by_name() -> None:
    service = build_service(gateway({"port": 19000}))

    assert service["spec"]["ports"] == [{"name": "http", "port": 19000, "protocol": "TCP", "targetPort": "http"}]
    assert endpoint(gateway({"port": 19000})) == "http://assistants-gateway.team-a.svc:19000"


def test_the_service_selects_the_deployments_pods() -> None:
    template = build_deployment(gateway(), DEFAULTS)["spec"]["template"]

    assert build_service(gateway())["spec"]["selector"].items() <= template["metadata"]["labels"].items()


def test_clients_find_the_same_one_of_several_pods_again() -> None:
    many = build_service(gateway({"replicas": 2, "storage": {"accessModes": ["ReadWriteMany"]}}))["spec"]
    one = build_service(gateway())["spec"]

    assert many["sessionAffinity"] == "ClientIP"
    assert many["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert one["sessionAffinity"] == "None"
    assert "sessionAffinityConfig" not in one


def test_the_service_carries_the_guides_scrape_annotations() -> None:
    assert build_service(gateway())["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "18789",
        "prometheus.io/path": "/metrics",
    }
