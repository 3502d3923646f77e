"""The gateway's spans, in the names of OpenTelemetry's GenAI conventions. Never a message, a secret or a sender."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

from tenantry_gateway.providers.model import Usage
from tenantry_gateway.tracing import NO_SPAN, Span, Tracer, Value

_PROVIDER: Final = "anthropic"
_DEFAULT_URL: Final = "https://api.anthropic.com"
_PORTS: Final = {"http": 80, "https": 443}

Around = AbstractContextManager[Span, bool | None]


def agent_span(tracer: Tracer, agent_id: str, model: str) -> Around:
    """An agent answers a message. Its id is its name: the conventions have the one and the other."""
    if not tracer.on:
        return NO_SPAN
    attributes = _attributes("invoke_agent", agent_id) | {
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.request.model": model,
    }
    return tracer.span(f"invoke_agent {agent_id}", attributes)


def model_span(
    tracer: Tracer,
    model: str | None,
    base_url: str | None,
    *,
    agent_id: str | None = None,
    stream: bool = True,
    operation: str = "chat",
) -> Around:
    """A call of the Anthropic API. `model` is None where it is any that a client made up: names are bounded."""
    if not tracer.on:
        return NO_SPAN
    attributes = _attributes(operation, agent_id) | {"gen_ai.provider.name": _PROVIDER} | _server(base_url)
    if stream:
        attributes["gen_ai.request.stream"] = True
    if model is not None:
        attributes["gen_ai.request.model"] = model
    return tracer.span(operation if model is None else f"{operation} {model}", attributes, "client")


def tool_span(tracer: Tracer, agent_id: str, tool: str) -> Around:
    """A tool is run; `tool` is one that there is, or `unknown`."""
    if not tracer.on:
        return NO_SPAN
    attributes = _attributes("execute_tool", agent_id) | {"gen_ai.tool.name": tool, "gen_ai.tool.type": "function"}
    return tracer.span(f"execute_tool {tool}", attributes)


def tell_first(span: Span, seconds: float) -> None:
    """The model's first words arrived."""
    span.event("first_token")
    span.set("gen_ai.response.time_to_first_chunk", seconds)


def tell_usage(span: Span, usage: Usage) -> None:
    """How many tokens there were, as far as they are known."""
    if usage.input_tokens:
        span.set("gen_ai.usage.input_tokens", usage.input_tokens)
    if usage.output_tokens:
        span.set("gen_ai.usage.output_tokens", usage.output_tokens)


def tell_reason(span: Span, stop_reason: str) -> None:
    """Why the model stopped."""
    span.set("gen_ai.response.finish_reasons", [stop_reason])


def _attributes(operation: str, agent_id: str | None) -> dict[str, Value]:
    attributes: dict[str, Value] = {"gen_ai.operation.name": operation}
    if agent_id is not None:
        attributes["gen_ai.agent.id"] = attributes["gen_ai.agent.name"] = agent_id
    return attributes


def _server(base_url: str | None) -> dict[str, Value]:
    """Host and port alone: a URL may hold credentials."""
    try:
        url = urlsplit(base_url or _DEFAULT_URL)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme)
    except ValueError:
        return {}
    found: dict[str, Value | None] = {"server.address": host, "server.port": port}
    return {name: value for name, value in found.items() if value is not None}
