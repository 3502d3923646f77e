import pytest

from tenantry_operator.kube.discovery import served
from tenantry_operator.kube.errors import UnavailableError
from tenantry_operator.kube.kinds import HTTP_ROUTE, INGRESS, PROMETHEUS_RULE, SERVICE_MONITOR
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted, status


async def test_kinds_of_one_api_version_cost_one_request() -> None:
    answer = Answer(body={"resources": [{"name": "servicemonitors"}, {"name": "servicemonitors/status"}]})
    async with scripted(answer) as script:
        assert await served(script.client, (SERVICE_MONITOR, PROMETHEUS_RULE)) == {SERVICE_MONITOR}
        assert [request.path for request in script.asked] == ["/apis/monitoring.coreos.com/v1"]


async def test_an_api_that_is_absent_serves_nothing() -> None:
    async with scripted(status(404, "NotFound"), Answer(body={"resources": [{"name": "ingresses"}]})) as script:
        assert await served(script.client, (HTTP_ROUTE, INGRESS)) == {INGRESS}


async def test_an_api_server_that_does_not_tell_is_not_taken_for_one_without_the_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenantry_operator.kube.transport.ATTEMPTS", 1)
    async with scripted(status(503, "ServiceUnavailable")) as script:
        with pytest.raises(UnavailableError):
            await served(script.client, (HTTP_ROUTE,))
