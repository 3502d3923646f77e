"""Calls of models, measured: tokens, duration and time to the first words, also of calls that fail or are left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from tenantry_gateway.errors import GatewayError
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.providers.model import Credentials, Model, ModelReply, ModelRequest, OnText, Usage


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded."""

    reply: ModelReply
    usage: Usage
    seconds: float


class ModelCalls:
    """Calls `model` and observes `metrics`."""

    def __init__(self, model: Model, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._metrics = metrics
        self._clock = clock

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
                self._metrics.model_first_text(agent_id, request.model, self._clock() - started)
            await on_text(text)

        try:
            reply = await self._model.reply(request, credentials, usage, observed)
        except BaseException as error:
            outcome = error_type(error)
            raise
        finally:
            seconds = self._clock() - started
            self._metrics.model_call(agent_id, request.model, usage, seconds, error_type=outcome)
        return Call(reply, usage, seconds)


def error_type(error: BaseException) -> str:
    """A bounded set of names: the error's type in the API's terms, or who ended the call."""
    if isinstance(error, GatewayError):
        return error.type
    if isinstance(error, asyncio.CancelledError | ConnectionError):
        return "client_gone"
    return "internal"
