import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry_operator.kube import errors
from tenantry_operator.kube.errors import ApiError, TimedOutError, TooManyRequestsError, UnavailableError, from_status
from tenantry_operator.kube.kinds import CONFIG_MAP
from tenantry_operator.kube.leadership import NotLeaderError
from tenantry_operator.kube.transport import ATTEMPTS, MAX_DELAY, Request, Timeouts, Transport, json_object, retry_delay
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted, status

OBJECT = {"metadata": {"name": "x"}}


@given(st.integers(1, 10), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 100))
def test_pauses_grow_and_stay_short_and_obey_the_server(attempt: int, rand: float, asked: float | None) -> None:
    delay = retry_delay(TooManyRequestsError(429, "", "", retry_after=asked), attempt, lambda: rand)

    if attempt >= ATTEMPTS or (asked or 0) > MAX_DELAY:
        assert delay is None
    else:
        assert delay is not None
        assert (asked or 0) <= delay <= MAX_DELAY


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 422])
def test_what_the_server_means_is_not_asked_again(code: int) -> None:
    assert retry_delay(from_status(code, {}), 1, lambda: 0.0) is None


@pytest.mark.parametrize("answer", [status(429), status(500), status(503), Answer(429, {}, {"Retry-After": "0"})])
async def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    async with scripted(answer, Answer(body=OBJECT)) as script:
        assert await script.client.get(CONFIG_MAP, "ns", "x") == OBJECT

    assert len(script.asked) == 2


async def test_a_long_pause_that_the_server_asks_for_is_left_to_the_queue() -> None:
    async with scripted(Answer(429, {}, {"Retry-After": "60"})) as script:
        with pytest.raises(TooManyRequestsError) as refused:
            await script.client.get(CONFIG_MAP, "ns", "x")

    assert refused.value.retry_after == 60.0
    assert len(script.asked) == 1


async def test_credentials_are_read_again_when_they_are_refused_and_only_once() -> None:
    async with scripted(status(401), Answer(body=OBJECT), status(401), status(401)) as script:
        await script.client.get(CONFIG_MAP, "ns", "x")
        with pytest.raises(errors.UnauthorizedError):
            await script.client.get(CONFIG_MAP, "ns", "x")

    assert [request.headers["Authorization"] for request in script.asked[:2]] == ["Bearer first", "Bearer second"]
    assert len(script.asked) == 4


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with scripted() as script:
        pass
    with pytest.raises((UnavailableError, RuntimeError)):
        await script.client.get(CONFIG_MAP, "ns", "x")


async def test_an_answer_that_does_not_come_in_time_is_not_asked_for_again() -> None:
    async with scripted(Answer(chunks=(b"{",), hang=True), timeouts=Timeouts(request=0.05)) as script:
        with pytest.raises(TimedOutError):
            await script.client.get(CONFIG_MAP, "ns", "x")

    assert len(script.asked) == 1


async def test_an_answer_that_breaks_off_is_unavailable() -> None:
    cut = Answer(chunks=(b'{"metadata":',), drop=True)
    async with scripted(cut, cut, cut, cut) as script:
        with pytest.raises(UnavailableError) as refused:
            await script.client.get(CONFIG_MAP, "ns", "x")

    assert refused.value.code == 0


async def test_each_warning_of_the_server_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    warning = {"Warning": '299 - "spec.old is deprecated"'}
    async with scripted(Answer(body=OBJECT, headers=warning), Answer(body=OBJECT, headers=warning)) as script:
        with caplog.at_level(logging.WARNING):
            await script.client.get(CONFIG_MAP, "ns", "x")
            await script.client.get(CONFIG_MAP, "ns", "x")

    assert len([record for record in caplog.records if "spec.old is deprecated" in record.getMessage()]) == 1


async def test_requests_are_counted_by_verb_resource_and_code() -> None:
    async with scripted(status(404, "NotFound"), Answer(body=OBJECT)) as script:
        with pytest.raises(ApiError):
            await script.client.get(CONFIG_MAP, "ns", "x")
        await script.client.get(CONFIG_MAP, "ns", "x")

    name = "tenantry_operator_api_requests_total"
    for code in ("404", "200"):
        labels = {"verb": "get", "resource": "configmaps", "code": code}
        assert script.metrics.registry.get_sample_value(name, labels) == 1.0


def test_an_answer_that_is_no_json_is_told_in_its_own_words() -> None:
    assert json_object(b"<html>Bad gateway") == {"message": "<html>Bad gateway"}
    assert json_object(b"[1]") == json_object(b"") == {}


async def test_what_changes_something_is_sent_only_past_the_fence() -> None:
    fenced: list[str] = []

    def fence() -> None:
        fenced.append("asked")
        raise NotLeaderError("no longer")

    async with scripted(Answer(body={"a": 1})) as script:
        transport = Transport(
            script.client.transport.credentials, script.metrics, "test", lambda: 0.0, Timeouts(), fence
        )
        try:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                with pytest.raises(NotLeaderError):
                    await transport.send(Request("x", "x", method, "/", {}, b"{}"), attempts=1)
            assert await transport.send(Request("get", "x", "GET", "/", {})) == {"a": 1}
        finally:
            await transport.close()

    assert len(fenced) == 4
    assert [request.method for request in script.asked] == ["GET"]
