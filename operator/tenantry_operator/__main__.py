"""``tenantry-operator``: runs the operator, in a pod or anywhere with a kubeconfig."""

import asyncio
import logging
import random
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

import kopf

from tenantry_config.version import __version__
from tenantry_operator.errors import TenantryError
from tenantry_operator.handlers import agent_binding, gateway, lifecycle
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.credentials import load_credentials
from tenantry_operator.kube.transport import Timeouts
from tenantry_operator.logs import configure_logging
from tenantry_operator.metrics import Metrics
from tenantry_operator.reconcile.engine import Engine, World
from tenantry_operator.resources.metadata import FIELD_MANAGER
from tenantry_operator.serving import serve_metrics
from tenantry_operator.settings import Settings, settings_from_process

log = logging.getLogger("tenantry_operator")

TOKEN_BYTES = 32
"""256 bits from the operating system."""


async def run(settings: Settings) -> None:
    """Run until a signal ends it.

    Raises:
        TenantryError: if it cannot start.
    """
    credentials = await load_credentials(settings.kubeconfig)
    metrics = Metrics()
    client = Client(
        credentials,
        metrics,
        manager=FIELD_MANAGER,
        rand=random.random,
        version=__version__,
        timeouts=Timeouts(settings.request_seconds, settings.watch_idle_seconds),
    )
    world = World(
        now=lambda: datetime.now(UTC),
        rand=random.random,
        new_token=lambda: secrets.token_urlsafe(TOKEN_BYTES),
        new_name=lambda: secrets.token_hex(8),
    )
    log.info("tenantry-operator %s on %s", __version__, credentials.server)
    try:
        async with serve_metrics(settings.metrics.host, settings.metrics.port, metrics.registry):
            await _operate(settings, Engine(settings, client, metrics, world))
    finally:
        await client.close()


async def _operate(settings: Settings, engine: Engine) -> None:
    """kopf watches, the engine works; each ends with the other."""
    await engine.wait_for_crds()
    registry = kopf.OperatorRegistry()
    kopf_settings = kopf.OperatorSettings()
    lifecycle.configure(kopf_settings, random.random, settings.watch_idle_seconds)
    times = lifecycle.WatchTimes(asyncio.get_running_loop().time, settings.namespaces)
    stop = asyncio.Event()
    lifecycle.register(registry, engine, times, stop)
    gateway.register(registry, engine)
    agent_binding.register(registry, engine)
    guard = asyncio.create_task(lifecycle.until_broken(engine, stop), name="guard")
    engine.start()
    try:
        # Started after the engine: at its end kopf cancels every task that is younger than itself.
        await kopf.operator(
            registry=registry,
            settings=kopf_settings,
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            liveness_endpoint=f"http://{settings.health}/healthz",
            stop_flag=stop,
        )
    finally:
        await engine.stop()
        if not guard.done():
            guard.cancel()
    with suppress(asyncio.CancelledError):
        await guard


def main(argv: Sequence[str] | None = None) -> int:
    """The console script. Returns the exit code."""
    try:
        settings = settings_from_process(sys.argv[1:] if argv is None else argv)
    except TenantryError as error:
        sys.stderr.write(f"tenantry-operator: {error}\n")
        return 2
    configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(run(settings))
    except TenantryError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all; a stack trace would hide it
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception:
        log.exception("the operator has failed and ends, to be started again")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
