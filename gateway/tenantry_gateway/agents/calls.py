"""Calls of models, measured: tokens, duration and time to the first words, also of calls that fail or are left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tenantry_gateway.errors import error_type
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Credentials, Model, ModelReply, ModelRequest, OnText, Usage
from tenantry_gateway.spans import model_span, tell_first, tell_reason, tell_usage
from tenantry_gateway.tracing import OFF, Tracer


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded."""

    reply: ModelReply
    usage: Usage
    seconds: float


class ModelCalls:
    """Calls `model` and observes `metrics`."""

    def __init__(
        self, model: Model, metrics: Metrics, clock: Callable[[], float] = time.monotonic, tracer: Tracer = OFF
    ) -> None:
        self._model = model
        self._metrics = metrics
        self._clock = clock
        self._tracer = tracer

    async def reply(self, agent_id: str, request: ModelRequest, credentials: Credentials, on_text: OnText) -> Call:
        """The model's reply and what it took; raises what the model raises."""
        usage = Usage()
        started = self._clock()
        first_text = False
        outcome = ""

        async def observed(text: str) -> None:
            nonlocal first_text
            if not first_text:
                first_text = True
                seconds = self._clock() - started
                self._metrics.model_first_text(agent_id, request.model, seconds)
                tell_first(span, seconds)
            await on_text(text)

        with model_span(self._tracer, request.model, credentials.base_url, agent_id=agent_id) as span:
            try:
                reply = await self._model.reply(request, credentials, usage, observed)
                tell_reason(span, reply.stop_reason)
            except BaseException as error:
                outcome = error_type(error)
                raise
            finally:
                seconds = self._clock() - started
                self._metrics.model_call(agent_id, request.model, usage, seconds, error_type=outcome)
                tell_usage(span, usage)
        return Call(reply, usage, seconds)
