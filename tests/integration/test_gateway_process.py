"""The gateway as a process: start, reload, drain, exit codes and logs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from dev.anthropic_standin.server import running_standin
from tests.integration.gateway_harness import AGENT, API_KEY, AUTH, SECONDS, TOKEN, Gateway, Place, next_event, until


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with running_standin() as base_url:
        place = Place(tmp_path, base_url)
        place.configure(AGENT % "one")
        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN + "\n", "ANTHROPIC_API_KEY": API_KEY})
        yield place


async def test_it_converses_and_exits_0_on_sigterm(place: Place) -> None:
    async with place.listening() as gateway:
        replies = [(await gateway.chat("hi"))[1]["reply"] for _ in range(2)]
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.ended() == 0
    assert replies == ["[claude-opus-4-5] one | turn 1 | hi", "[claude-opus-4-5] one | turn 2 | hi"]


async def test_a_stream_in_flight_is_finished_after_sigterm_while_nothing_new_is_accepted(place: Place) -> None:
    async with place.listening() as gateway, aiohttp.ClientSession(headers=AUTH) as idle:
        async with idle.get(f"{gateway.url}/health") as response:
            assert response.status == 200
        body = {"text": "!chunk-delay 0.1 " + "word " * 40, "stream": True}
        async with gateway.session.post(f"{gateway.url}/v1/chat", json=body) as stream:
            assert (await next_event(stream))[0] == "delta"
            gateway.process.send_signal(signal.SIGTERM)
            await gateway.logged("draining")
            gateway.process.send_signal(signal.SIGTERM)
            with pytest.raises(aiohttp.ClientConnectorError):
                async with aiohttp.ClientSession() as fresh, fresh.get(f"{gateway.url}/health"):
                    pass
            async with idle.get(f"{gateway.url}/ready") as response:
                assert response.status == 503
                assert (await response.json())["status"] == "draining"
                assert response.headers["Connection"] == "close"
            names = ["delta"]
            while names[-1] == "delta":
                name, data = await next_event(stream)
                names.append(name)

        assert names[-1] == "done"
        assert "word word" in data["reply"]
        assert await gateway.ended() == 0


async def test_idle_connections_do_not_delay_the_end(place: Place) -> None:
    async with place.listening() as gateway:
        for _ in range(3):
            await gateway.ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.ended() == 0
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_second_sigint_ends_it_at_once(place: Place) -> None:
    async with place.listening() as gateway:
        asking = asyncio.create_task(gateway.chat("!delay 500"))
        await until(lambda: _two_in_flight(gateway))
        gateway.process.send_signal(signal.SIGINT)
        await gateway.logged("draining")
        assert gateway.process.returncode is None
        gateway.process.send_signal(signal.SIGINT)

        assert await gateway.ended() == 130
        with pytest.raises(aiohttp.ClientError):
            await asking


async def _two_in_flight(gateway: Gateway) -> bool:
    return "tenantry_gateway_requests_in_flight 2.0" in await _metrics(gateway)


async def _metrics(gateway: Gateway) -> str:
    async with gateway.session.get(f"{gateway.url}/metrics") as response:
        return await response.text()


async def test_a_swapped_volume_comes_into_force_and_sessions_stay(place: Place) -> None:
    async with place.listening() as gateway:
        before = await gateway.ready()
        await gateway.chat("hi")
        place.configure(AGENT % "two")
        await gateway.ready(config_hash=before["configHash"])

        assert (await gateway.chat("hi"))[1]["reply"] == "[claude-opus-4-5] two | turn 2 | hi"


async def test_an_invalid_change_leaves_the_old_one_in_force_until_it_is_put_right(place: Place) -> None:
    async with place.listening() as gateway:
        before = await gateway.ready()
        place.configure("agents: {main: {modle: x}}")
        refused = await gateway.logged("the configuration is not valid")
        assert refused["reason"] == 'agents.main.modle: unknown key; did you mean "model"?'
        assert refused["level"] == "error"
        assert (await gateway.ready())["configHash"] == before["configHash"]
        assert "tenantry_gateway_config_valid 0.0" in await _metrics(gateway)
        assert (await gateway.chat("hi"))[0] == 200

        place.configure(AGENT % "three")
        await gateway.ready(config_hash=before["configHash"])
        assert "tenantry_gateway_config_valid 1.0" in await _metrics(gateway)


async def test_a_missing_token_is_waited_for_and_heals(place: Place) -> None:
    place.publish("secrets", {"ANTHROPIC_API_KEY": API_KEY})
    async with place.listening("--bind", "0.0.0.0") as gateway:  # noqa: S104
        body = await gateway.ready(status="not-ready")
        assert "GATEWAY_TOKEN" in body["reason"]
        async with gateway.session.get(f"{gateway.url}/health") as response:
            assert response.status == 200
        status, error = await gateway.chat("hi")
        assert (status, error["error"]["type"]) == (503, "api_error")

        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        await gateway.ready()
        assert (await gateway.chat("hi"))[0] == 200


async def test_a_missing_api_key_is_named_and_heals(place: Place) -> None:
    place.publish("secrets", {"GATEWAY_TOKEN": TOKEN})
    async with place.listening() as gateway:
        status, error = await gateway.chat("hi")
        assert status == 503
        assert "ANTHROPIC_API_KEY" in error["error"]["message"]

        place.publish("secrets", {"GATEWAY_TOKEN": TOKEN, "ANTHROPIC_API_KEY": API_KEY})
        await until(lambda: _answers(gateway, AUTH, 200))


async def test_a_rotated_token_is_taken_over_with_overlap(place: Place) -> None:
    keys = {"ANTHROPIC_API_KEY": API_KEY}
    async with place.listening() as gateway:
        place.publish("secrets", {"GATEWAY_TOKEN": "the-new-token-1", "GATEWAY_TOKEN_PREVIOUS": TOKEN, **keys})
        new = {"Authorization": "Bearer the-new-token-1"}
        await until(lambda: _answers(gateway, new, 200))
        assert await _status(gateway, AUTH) == 200

        place.publish("secrets", {"GATEWAY_TOKEN": "the-new-token-1", **keys})
        await until(lambda: _answers(gateway, AUTH, 401))
        assert await _status(gateway, new) == 200


async def _answers(gateway: Gateway, headers: dict[str, str], status: int) -> bool:
    return await _status(gateway, headers) == status


async def _status(gateway: Gateway, headers: dict[str, str]) -> int:
    async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "hi"}, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("agents: [", "not valid YAML"),
        ("agents: {main: {modle: m}}", 'agents.main.modle: unknown key; did you mean "model"?'),
        ("gateway: {bind: 8.8.8.8, auth: {token: literal-token}}", "cannot listen on 8.8.8.8"),
    ],
)
async def test_a_configuration_that_cannot_work_is_one_line_and_exit_78(place: Place, text: str, part: str) -> None:
    place.configure(text)
    async with place.gateway() as gateway:
        assert await gateway.ended() == 78
    errors = [line for line in gateway.lines if line["level"] == "error"]
    assert len(errors) == 1
    assert part in errors[0]["message"]
    assert "exc_info" not in errors[0]


async def test_without_secrets_as_files_it_refuses_to_listen_beyond_loopback_without_a_token(place: Place) -> None:
    place.secrets.rename(place.directory / "elsewhere")
    async with place.gateway("--bind", "0.0.0.0") as gateway:  # noqa: S104
        assert await gateway.ended() == 78
    assert "GATEWAY_TOKEN" in gateway.lines[-1]["message"]


async def test_requests_that_are_not_http_get_json_and_are_not_quoted(place: Place) -> None:
    async with place.listening() as gateway:
        for request in (b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nAuthorization: Bearer \x00s3cret\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(request)
            head, _, body = (await asyncio.wait_for(reader.read(), SECONDS)).partition(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            answer = json.loads(body)
            assert b" 400 " in head.splitlines()[0]
            assert answer["error"]["type"] == "invalid_request_error"
            assert answer["request_id"].encode() in head
            assert b"s3cret" not in body
        assert await _status(gateway, AUTH) == 200
    assert "s3cret" not in "".join(gateway.raw)


async def _a_client_left(gateway: Gateway) -> bool:
    return any(line.get("status") == 499 for line in gateway.lines)


async def test_the_log_is_json_lines_without_secrets_content_or_tracebacks(place: Place) -> None:
    place.configure(AGENT % "one" + "gateway: {logLevel: debug}")
    async with place.listening() as gateway:
        await gateway.chat("the password is swordfish", senderId="alice@example.com")
        await gateway.chat("!error 401")
        for headers in ({"Authorization": "Bearer wrong-token-987"}, {"Authorization": f"Bearer {API_KEY}"}):
            await _status(gateway, headers)
        async with gateway.session.get(f"{gateway.url}/ready?token={TOKEN}") as response:
            assert response.status == 200
        async with gateway.session.post(f"{gateway.url}/v1/chat", json={"text": "!chunk-delay 0.2 x", "stream": True}):
            pass
        await until(lambda: _a_client_left(gateway))
        gateway.process.send_signal(signal.SIGTERM)
        assert await gateway.ended() == 0

    text = "".join(gateway.raw)
    for secret in (TOKEN, API_KEY, "swordfish", "wrong-token", "alice@example.com"):
        assert secret not in text
    assert "exc_info" not in text
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in gateway.lines))
    refused = [line for line in gateway.lines if line.get("status") == 401]
    assert len(refused) == 2
    assert all(line["request_id"].startswith("req_") and line["route"] == "/v1/chat" for line in refused)


async def test_the_guides_command_line_works(place: Place) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "clawdbot"), "gateway", "run", "--bind", "127.0.0.1", "--port", "0"),
        env=place.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(SECONDS):
            while b'"listening"' not in await process.stderr.readline():
                assert process.returncode is None
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_a_second_gateway_of_a_state_directory_is_refused(place: Place) -> None:
    async with place.listening() as first, place.gateway() as second:
        await first.ready()
        assert await second.ended() == 78
        line = await second.logged("cannot start")
        assert "is in use by another gateway" in line["message"]


async def test_a_standby_answers_probes_and_takes_over(place: Place, unused_tcp_port: int) -> None:
    place.variables["TENANTRY_STANDBY"] = "true"
    async with place.listening() as first:
        await first.chat("hi", senderId="ann")
        async with place.gateway("--port", str(unused_tcp_port)) as second:
            second.port = unused_tcp_port
            await second.logged("standing by")
            body = await second.ready(status="not-ready")
            assert body["reason"] == "standing by: another gateway uses the state directory"
            status, refused = await second.chat("hi")
            assert (status, refused["error"]["type"]) == (503, "api_error")
            first.process.kill()
            await second.logged("listening")
            await second.ready()
            _, answer = await second.chat("hi again", senderId="ann")
            assert "turn 2" in answer["reply"]
