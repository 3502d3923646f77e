from typing import Any

from tenantry_operator.api.v1alpha1.upstream import ServiceFacts, ServicePort
from tenantry_operator.kube.cache import Labels
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.services import Services, service_facts
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted, status

GATEWAY, KEY = ("ns", "a"), ("other", "proxy")


def service(version: int, **spec: Any) -> dict[str, Any]:
    meta = {"namespace": "other", "name": "proxy", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": meta, "spec": spec}


def metadata(version: int) -> dict[str, Any]:
    return {"metadata": service(version)["metadata"]}


def test_selector_and_tcp_ports_are_kept_and_nothing_else() -> None:
    ports = [
        {"port": 80, "protocol": "TCP", "targetPort": "http"},
        {"port": 81, "protocol": "TCP", "targetPort": 8081},
        {"port": 82},
        {"port": 53, "protocol": "UDP", "targetPort": 53},
    ]

    assert service_facts(service(1, selector={"app": "x"}, ports=ports, clusterIP="10.96.0.7")) == ServiceFacts(
        {"app": "x"}, (ServicePort(80, "http"), ServicePort(81, 8081), ServicePort(82, 82))
    )
    assert service_facts(service(1, clusterIP="None")) == ServiceFacts({}, (), headless=True)
    assert service_facts(service(1, type="ExternalName", externalName="x.example")).alias


async def test_nothing_is_watched_until_a_gateway_refers_to_a_service() -> None:
    async with scripted() as script:
        services = Services(script.client, Labels("g", "m"), lambda _: None)
        services.refer(GATEWAY, ())
        assert not services.needed.is_set()

        services.refer(GATEWAY, [KEY])

        assert services.needed.is_set()


async def test_a_service_is_read_once_for_each_of_its_versions_and_its_gateway_told() -> None:
    told: list[Key] = []
    answers = (status(404, "NotFound"), Answer(body=service(5, selector={"a": "1"})), Answer(body=service(6)))
    async with scripted(*answers) as script:
        services = Services(script.client, Labels("g", "m"), told.append)
        services.refer(GATEWAY, [KEY])
        assert [(await services.read(KEY)).facts for _ in range(2)] == [None, None]

        services.cache.put(metadata(5))
        found = await services.read(KEY)
        assert found.facts is not None
        assert found.facts.selector == {"a": "1"}
        assert (await services.read(KEY)) is found

        services.cache.put(metadata(6))
        changed = (await services.read(KEY)).facts
        assert changed is not None
        assert changed.selector == {}
        assert told == [GATEWAY, GATEWAY]
        assert len(script.asked) == 3


async def test_services_that_nobody_refers_to_are_not_kept() -> None:
    told: list[Key] = []
    async with scripted() as script:
        services = Services(script.client, Labels("g", "m"), told.append)

        services.cache.put(metadata(5))

        assert len(services.cache) == 0
        assert told == []
