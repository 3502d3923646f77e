"""Metrics: the gateway's own, `tenantry_gateway_*`, and OpenTelemetry's GenAI names where they exist.

Labels are bounded: agents and models of the configuration, its channels (all others are `other`), status codes,
routes. Never a session or a user.
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from tenantry_config.version import __version__
from tenantry_gateway.providers.model import Usage

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
M = TypeVar("M", Counter, Histogram)
_NAMESPACE: Final = "tenantry_gateway"
_TOKENS: Final = tuple(4**power for power in range(14))
_SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
"""Buckets of the GenAI conventions: 1, 4, 16 … 67108864 tokens; 0.01, 0.02 … 81.92 s."""
_OVERHEAD: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_GEN_AI: Final = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_agent_id")
_AGENT: Final = ("gen_ai_operation_name", "gen_ai_agent_id")
_CHAT: Final = ("chat", "anthropic")


class Metrics:
    """All instruments on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._children: dict[tuple[object, ...], Counter | Histogram] = {}
        ProcessCollector(namespace=_NAMESPACE, registry=self.registry)
        self._requests = self._counter("requests", "HTTP requests.", "route", "code")
        self._seconds = self._histogram("request_duration_seconds", "HTTP requests.", _SECONDS, "route")
        self._overhead = self._histogram("overhead_seconds", "What a reply took besides model and queue.", _OVERHEAD)
        self.in_flight = self._gauge("requests_in_flight", "HTTP requests that are being answered.")
        self.sockets = self._gauge("websockets", "Open WebSockets.")
        self._messages = self._counter("messages", "Chat messages.", "agent", "channel", "code")
        self._queue = self._histogram("queue_wait_seconds", "Waiting for a session's turn.", _SECONDS)
        self.sessions = self._gauge("sessions", "Sessions in memory.")
        self._reloads = self._counter("config_reloads", "Changed configurations.", "result")
        self._valid = self._gauge("config_valid", "1 while the configuration on disk is the one in force.")
        self._loaded = self._gauge("config_loaded_timestamp_seconds", "When the one in force was loaded.")
        self._gauge("build_info", "The version.", "version").labels(__version__).set(1)
        self._tokens = self._gen_ai("gen_ai_client_token_usage", "Tokens.", _TOKENS, "gen_ai_token_type")
        self._duration = self._gen_ai(
            "gen_ai_client_operation_duration_seconds", "Calls of the model.", _SECONDS, "error_type"
        )
        self._invocations = Histogram(
            "gen_ai_invoke_agent_duration_seconds",
            "Chat messages, from the first call of the model to the last, tools included.",
            (*_AGENT, "error_type"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._tools = Histogram(
            "gen_ai_execute_tool_duration_seconds",
            "Calls of tools.",
            (*_AGENT, "gen_ai_tool_name"),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.storage_problem = self._gauge("storage_problem", "1 while the state directory cannot be written.")
        self._first_text = self._gen_ai(
            "gen_ai_server_time_to_first_token_seconds", "Time to the model's first text.", _SECONDS
        )

    def _child(self, metric: M, *labels: str) -> M:
        """`metric` with these labels. Labels are bounded, and so is what is remembered here."""
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return cast("M", child)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=_NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=_NAMESPACE, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, namespace=_NAMESPACE, registry=self.registry, buckets=buckets)

    def _gen_ai(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, (*_GEN_AI, *labels), registry=self.registry, buckets=buckets)

    def render(self) -> bytes:
        """The exposition format's text."""
        return generate_latest(self.registry)

    def request(self, route: str, status: int, seconds: float | None) -> None:
        """An HTTP request was answered; `seconds` None: how long it took says nothing."""
        self._child(self._requests, route, str(status)).inc()
        if seconds is not None:
            self._child(self._seconds, route).observe(seconds)

    def message(self, agent: str, channel: str, status: int) -> None:
        """A chat message was answered or refused."""
        self._child(self._messages, agent, channel, str(status)).inc()

    def turn(self, *, waited: float, overhead: float) -> None:
        """A chat message got its reply: seconds in the queue, and those that the gateway itself took."""
        self._queue.observe(waited)
        self.overhead(overhead)

    def overhead(self, seconds: float) -> None:
        """What the gateway itself added to an answer."""
        self._overhead.observe(max(0.0, seconds))

    def model_first_text(self, agent: str, model: str, seconds: float) -> None:
        """The model's first words arrived."""
        self._child(self._first_text, *_CHAT, model, agent).observe(seconds)

    def model_call(self, agent: str, model: str, usage: Usage, seconds: float, *, error_type: str) -> None:
        """A call of the model ended; `error_type` is empty for one that succeeded."""
        self._child(self._duration, *_CHAT, model, agent, error_type).observe(seconds)
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count:
                self._child(self._tokens, *_CHAT, model, agent, kind).observe(count)

    def invocation(self, agent: str, seconds: float, *, error_type: str) -> None:
        """An agent has answered, or not; `error_type` is empty if it did."""
        self._child(self._invocations, "invoke_agent", agent, error_type).observe(seconds)

    def tool_call(self, agent: str, tool: str, seconds: float) -> None:
        """A tool was called."""
        self._tools.labels("execute_tool", agent, tool).observe(seconds)

    def config_loaded(self, now: float) -> None:
        """A configuration came into force at `now`, in seconds since 1970."""
        self._reloads.labels("success").inc()
        self._valid.set(1)
        self._loaded.set(now)

    def config_refused(self) -> None:
        """The configuration on disk is not valid; the one in force stays."""
        self._reloads.labels("failure").inc()
        self._valid.set(0)
