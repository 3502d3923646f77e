"""What is sent on: the client's own body, but for a model that names one of the gateway's agents. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from tenantry_config.document import Config
from tenantry_config.version import __version__
from tenantry_gateway.errors import InvalidRequest, NotFound

OTHER: Final = "other"
AGENT: Final = "agent:"
USER_AGENT: Final = f"tenantry-gateway/{__version__}"
_FORWARDED: Final = "anthropic-"
_HALF: Final = re.compile(r"[\ud800-\udfff]")
"""What stands for bytes that are no UTF-8."""


class Relayed(NamedTuple):
    """A request of the Messages API. `label` is the model as metrics name it: one of an agent, else `other`."""

    body: bytes
    model: str
    agent_id: str | None
    stream: bool
    label: str


def relayed(body: bytes, config: Config) -> Relayed:
    """Read what the gateway needs to know, and put an agent's model and system prompt in.

    Raises InvalidRequest for a body that is no JSON object with a model, NotFound for an agent that is none.
    """
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    model = asked.get("model") if isinstance(asked, dict) else None
    if not isinstance(model, str) or not model:
        raise InvalidRequest("model: is required, a model's name or agent: and an agent's id")
    stream = asked.get("stream") is True
    if not model.startswith(AGENT):
        return Relayed(body, model, None, stream, _label(model, config))
    agent_id = model.removeprefix(AGENT)
    agent = config.agents.get(agent_id)
    if agent is None:
        known = ", ".join(sorted(config.agents)) or "none"
        raise NotFound(f'no agent "{agent_id[:64]}"; known agents: {known}')
    changed = {**asked, "model": agent.model}
    if agent.system:
        changed["system"] = _system(agent.system, asked.get("system"))
    try:
        return Relayed(orjson.dumps(changed), agent.model, agent_id, stream, agent.model)
    except orjson.JSONEncodeError:
        raise InvalidRequest("the body is nested too deeply") from None


def _label(model: str, config: Config) -> str:
    """Labels are bounded, and clients may name anything."""
    return model if any(agent.model == model for agent in config.agents.values()) else OTHER


def forwarded_headers(headers: Mapping[str, str], api_key: str) -> dict[str, str]:
    """What the API is told besides the body: the client's `anthropic-*` headers, and the gateway's own key.

    Each once, whatever the case in which it came. Raises InvalidRequest for one that is no UTF-8.
    """
    kept = {name.lower(): value for name, value in headers.items() if name.lower().startswith(_FORWARDED)}
    for name, value in kept.items():
        if _HALF.search(name):
            raise InvalidRequest(f"a header {_FORWARDED}… has a name that is no UTF-8")
        if _HALF.search(value):
            raise InvalidRequest(f"{name}: must be UTF-8")
    return {
        "anthropic-version": "2023-06-01",
        **kept,
        "x-api-key": api_key,
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }


def _system(own: str, given: Any) -> Any:
    """The agent's prompt first; the client's own comes after it."""
    if not given:
        return own
    if not isinstance(given, str | list):
        raise InvalidRequest("system: must be a string or a list of blocks")
    blocks = [{"type": "text", "text": given}] if isinstance(given, str) else given
    return [{"type": "text", "text": own}, *blocks]
