"""What is relayed: the client's own body and headers, but for an agent's model and prompt and the gateway's own key.

Input: the body, a NUL, and the headers as lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tenantry_config.document import AgentConfig, Config
from tenantry_gateway.errors import InvalidRequest, NotFound
from tenantry_gateway.relay.request import OTHER, Relayed, forwarded_headers, relayed
from tests.fuzz.targets import pieces

TOKENS: Final = (
    *(b'"model"', b'"agent:main"', b'"agent:plain"', b'"agent:none"', b'"claude-x"', b'"stream": true', b'"system"'),
    *(b'"messages": []', b'{"type": "text", "text": "t"}', b"[" * 300, b"]" * 300, b"null", b'"\\ud800"', b"9" * 40),
    *(b"Anthropic-Beta: b", b"anthropic-version: v", b"X-Api-Key: k", b"anthropic-x: \xff", b"\n", b"\0"),
)
_CONFIG: Final = Config(
    agents={"main": AgentConfig(model="claude-x", system="be kind"), "plain": AgentConfig(model="claude-y")}
)
_KEY: Final = "the-gateways-own-key"
_MAX_MESSAGE: Final = 400


def fuzz(data: bytes) -> None:
    """One request."""
    body, head = pieces(data, 2)
    try:
        request = relayed(body, _CONFIG)
    except (InvalidRequest, NotFound) as error:
        assert 0 < len(error.message.encode()) <= 4 * _MAX_MESSAGE
    else:
        _check(body, request)
    _check_headers(dict(_headers(line) for line in head.split(b"\n")))


def _check(body: bytes, request: Relayed) -> None:
    asked, sent = orjson.loads(body), orjson.loads(request.body)
    assert request.stream == (sent.get("stream") is True)
    assert request.model == sent["model"]
    assert request.label in {"claude-x", "claude-y", OTHER}
    if request.agent_id is None:
        assert request.body == body
        assert not request.model.startswith("agent:")
        return
    agent = _CONFIG.agents[request.agent_id]
    assert request.label == request.model == agent.model
    assert _without(sent, "model", "system") == _without(asked, "model", "system")
    if agent.system is None:
        assert sent.get("system") == asked.get("system")
    else:
        assert _prompt(sent["system"])[0] == agent.system
        assert _prompt(sent["system"])[1:] == _prompt(asked.get("system"))
    again = relayed(request.body, _CONFIG)
    assert (again.body, again.model, again.stream) == (request.body, request.model, request.stream)


def _without(fields: Mapping[str, Any], *names: str) -> bytes:
    return orjson.dumps({name: value for name, value in fields.items() if name not in names})


def _prompt(system: Any) -> list[Any]:
    """The blocks of a system prompt, those of text alone as their text."""
    if not system:
        return []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
    return [block["text"] if _is_text(block) else block for block in blocks]


def _is_text(block: Any) -> bool:
    return isinstance(block, dict) and block.keys() == {"type", "text"} and block["type"] == "text"


def _headers(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("utf-8", "surrogateescape").partition(":")
    return name.strip(), value.strip()


def _check_headers(given: Mapping[str, str]) -> None:
    try:
        sent = forwarded_headers(given, _KEY)
    except InvalidRequest as error:
        assert _KEY not in error.message
        assert error.message.encode()
        return
    assert sent["x-api-key"] == _KEY
    assert sent["content-type"] == "application/json"
    assert all(name == name.lower() and value.encode() is not None for name, value in sent.items())
    own = {"anthropic-version", "x-api-key", "content-type", "accept-encoding", "user-agent"}
    assert sent.keys() - own <= {name.lower() for name in given if name.lower().startswith("anthropic-")}


if __name__ == "__main__":
    from tests.fuzz.driver import run

    run(__file__)
