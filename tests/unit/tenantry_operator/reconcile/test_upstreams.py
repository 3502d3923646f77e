from typing import Any

import pytest

from tenantry_operator.api.v1alpha1.upstream import Internet, Obstacle, Pods, Unresolved
from tenantry_operator.kube.cache import Labels
from tenantry_operator.kube.services import Services
from tenantry_operator.reconcile.upstreams import Upstreams
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted
from tests.unit.tenantry_operator.objects import gateway

SERVICE: dict[str, Any] = {
    "metadata": {"namespace": "other", "name": "proxy", "uid": "u", "resourceVersion": "5"},
    "spec": {"selector": {"app": "proxy"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def with_url(url: str, **policy: object) -> Any:
    return gateway({"provider": {"apiKeySecretRef": {"name": "a"}, "baseURL": url}, "networkPolicy": policy})


async def test_the_service_that_a_url_names_is_read_once() -> None:
    async with scripted(Answer(body=SERVICE)) as script:
        upstreams = Upstreams(Services(script.client, Labels("g", "m"), lambda _: None), "cluster.local", ())

        found = [await upstreams.of(with_url("http://proxy.other.svc")) for _ in range(2)]

        assert all(isinstance(each, Pods) and each.port == 8080 for each in found)
        assert len(script.asked) == 1


@pytest.mark.parametrize("url", ["https://api.example.com", "http://10.0.0.1", "http://169.254.169.254"])
async def test_a_url_that_names_no_service_costs_no_request(url: str) -> None:
    async with scripted() as script:
        services = Services(script.client, Labels("g", "m"), lambda _: None)

        assert await Upstreams(services, "cluster.local", ()).of(with_url(url)) is not None
        assert not services.needed.is_set()
        assert script.asked == []


async def test_without_a_policy_nothing_has_to_be_known() -> None:
    async with scripted() as script:
        upstreams = Upstreams(Services(script.client, Labels("g", "m"), lambda _: None), "cluster.local", ())

        assert await upstreams.of(with_url("http://proxy.other.svc", enabled=False)) is None
        assert script.asked == []


async def test_a_service_in_a_namespace_that_is_not_looked_at_is_out_of_sight() -> None:
    async with scripted() as script:
        services = Services(script.client, Labels("g", "m"), lambda _: None)
        upstreams = Upstreams(services, "cluster.local", ("team-a",))

        hidden = await upstreams.of(with_url("http://proxy.other.svc"))
        unsure = await upstreams.of(with_url("http://proxy.other"))

        assert isinstance(hidden, Unresolved)
        assert hidden.obstacle is Obstacle.SERVICE_UNKNOWN
        assert unsure == Internet("proxy.other", 80)
        assert script.asked == []


async def test_a_service_that_is_no_longer_named_is_forgotten() -> None:
    async with scripted(Answer(body=SERVICE), Answer(body=SERVICE)) as script:
        upstreams = Upstreams(Services(script.client, Labels("g", "m"), lambda _: None), "cluster.local", ())
        subject = with_url("http://proxy.other.svc")
        await upstreams.of(subject)

        upstreams.forget(subject.key)
        await upstreams.of(subject)

        assert len(script.asked) == 2
