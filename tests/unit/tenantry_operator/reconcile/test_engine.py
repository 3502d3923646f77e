import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY
from tenantry_operator.reconcile import engine as module
from tenantry_operator.reconcile.engine import Engine, World
from tenantry_operator.settings import parse_settings
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, scripted, status
from tests.unit.tenantry_operator.reconcile.test_store import binding, gateway

WORLD = World(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: 0.5, lambda: "token", lambda: "name")


def serves(*names: str) -> Answer:
    return Answer(body={"resources": [{"name": name} for name in names]})


@asynccontextmanager
async def engine_on(*answers: Answer, leads: bool = True) -> AsyncIterator[tuple[Engine, Script]]:
    settings = parse_settings(["--kubeconfig", "unused"], {})
    async with scripted(*answers) as script:
        engine = Engine(settings, script.client, script.metrics, WORLD)
        if leads:
            engine.lead()
        yield engine, script
        await engine.stop()


def taken(engine: Engine) -> list[Any]:
    return list(iter(engine.queue.take, None))


async def test_it_waits_for_its_kinds_and_says_once_what_is_missing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CRD_POLL_SECONDS", 0.0)
    answers = (
        status(404, "NotFound"),
        status(404, "NotFound"),
        serves("gateways"),
        serves("gateways", "agentbindings"),
    )
    async with engine_on(*answers) as (engine, script):
        with caplog.at_level(logging.WARNING):
            await asyncio.wait_for(engine.wait_for_crds(), 10)

    told = [record.getMessage() for record in caplog.records]
    assert len(script.asked) == 4
    assert len(told) == 2
    assert "agentbindings.tenantry.dev, gateways.tenantry.dev. Fix: helm upgrade --install tenantry-crds" in told[0]


async def test_fresh_events_go_before_what_kopf_lists_at_start() -> None:
    async with engine_on() as (engine, _):
        engine.observe(GATEWAY, None, gateway(1, "listed"))
        engine.observe(GATEWAY, "MODIFIED", gateway(2, "fresh"))

        assert taken(engine) == [("ns", "fresh"), ("ns", "listed")]


async def test_on_standby_there_is_no_work_and_with_leadership_everything_is_looked_at() -> None:
    async with engine_on(leads=False) as (engine, _):
        engine.observe(GATEWAY, "ADDED", gateway(1))
        engine.observe(AGENT_BINDING, "ADDED", binding(1, "b"))
        assert taken(engine) == []
        assert len(engine.queue) == 0

        engine.lead()

        assert set(taken(engine)) == {("ns", "a"), ("ns", "b")}


async def test_it_says_why_it_is_not_ready() -> None:
    async with engine_on(serves("gateways", "agentbindings")) as (engine, _):
        assert engine.unready() == "waiting for the API server"
        await engine.wait_for_crds()
        assert engine.unready() == "reading the cluster"
        assert await engine.drain()
        assert engine.unready() == "stopping"


async def test_an_event_that_is_no_news_brings_no_work() -> None:
    async with engine_on() as (engine, _):
        engine.observe(GATEWAY, "ADDED", gateway(1))
        engine.observe(GATEWAY, "ADDED", gateway(1))
        assert taken(engine) == [("ns", "a")]


async def test_a_binding_brings_its_gateway_also_when_it_goes() -> None:
    async with engine_on() as (engine, _):
        engine.observe(AGENT_BINDING, "ADDED", binding(1))
        assert taken(engine) == [("ns", "a")]
        engine.queue.done(("ns", "a"))

        engine.observe(AGENT_BINDING, "DELETED", binding(2))

        assert taken(engine) == [("ns", "a")]
        assert len(engine.store.bindings) == 0
