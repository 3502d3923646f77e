"""``tenantry-operator``: runs the operator, in a pod or anywhere with a kubeconfig."""

import asyncio
import logging
import random
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prometheus_client import disable_created_metrics

from tenantry_config.version import __version__
from tenantry_operator import memory, watchdog
from tenantry_operator.errors import TenantryError
from tenantry_operator.handlers import lifecycle
from tenantry_operator.kube.client import Client
from tenantry_operator.kube.credentials import Credentials, load_credentials
from tenantry_operator.kube.election import Election, Terms
from tenantry_operator.kube.leader import Leader, Means
from tenantry_operator.kube.leadership import Alone, Leadership
from tenantry_operator.kube.transport import Timeouts
from tenantry_operator.logs import configure_logging
from tenantry_operator.metrics import Metrics
from tenantry_operator.reconcile.engine import STALE_SECONDS, Engine, World
from tenantry_operator.resources.metadata import FIELD_MANAGER
from tenantry_operator.serving import serve_metrics, serve_probes
from tenantry_operator.settings import Settings, settings_from_process

log = logging.getLogger("tenantry_operator")

TOKEN_BYTES = 32
"""256 bits from the operating system."""
WORLD = World(
    now=lambda: datetime.now(UTC),
    rand=random.random,
    new_token=lambda: secrets.token_urlsafe(TOKEN_BYTES),
    new_name=lambda: secrets.token_hex(8),
)
EXIT_SECONDS = 10.0
"""From the signal to the end of the process at the latest; within the grace period of the pod."""
KOPF_SECONDS = 2.0
"""What kopf gets of them: all that it does is watch."""


async def run(settings: Settings) -> None:
    """Run until a signal ends it.

    Raises:
        TenantryError: if it cannot start.
    """
    memory.begin()
    credentials = await load_credentials(settings.kubeconfig)
    disable_created_metrics()  # A series for each counter that says when it began: twice the series for no use here.
    metrics = Metrics()
    leadership = _leadership(settings, credentials, metrics)
    client = _client(credentials, metrics, settings, leadership.fence)
    engine = Engine(settings, client, metrics, WORLD)
    times = lifecycle.WatchTimes(asyncio.get_running_loop().time, settings.namespaces)

    def unhealthy() -> dict[str, object]:
        stale = {**engine.stale(), **times.stale(), **leadership.stale(STALE_SECONDS)}
        return {"silentForSeconds": {name: round(age) for name, age in stale.items()}} if stale else {}

    def unready() -> dict[str, object]:
        reason = engine.unready() or leadership.unready()
        return {"reason": reason} if reason else {}

    log.info("tenantry-operator %s on %s", __version__, credentials.server)
    health, exposed = settings.health, settings.metrics
    try:
        async with (
            serve_probes(health.host, health.port, unhealthy=unhealthy, unready=unready),
            serve_metrics(exposed.host, exposed.port, metrics.registry),
        ):
            await _operate(settings, engine, leadership, times)
    finally:
        await leadership.close()
        await client.close()


async def _operate(settings: Settings, engine: Engine, leadership: Leadership, times: lifecycle.WatchTimes) -> None:
    """kopf watches, the engine works; each ends with the other, and with a signal."""
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()

    def on_signals() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, signalled.set)

    on_signals()
    stopping = asyncio.create_task(signalled.wait(), name="signals")
    crds = asyncio.create_task(engine.wait_for_crds(), name="custom resource definitions")
    await asyncio.wait({stopping, crds}, return_when=asyncio.FIRST_COMPLETED)
    if signalled.is_set():
        crds.cancel()
        return
    await crds
    stop_kopf = asyncio.Event()
    # Started before kopf: at its end it cancels every task that is younger than itself.
    engine.start()
    electing = leadership.start(engine.lead)
    watching = asyncio.create_task(lifecycle.watch(engine, settings, times, stop_kopf, on_signals), name="kopf")
    parts: list[asyncio.Future[Any]] = [engine.failed, watching, *electing]
    await asyncio.wait([stopping, *parts], return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    watchdog.arm(EXIT_SECONDS)
    drained = await engine.drain()
    await leadership.resign(at_once=drained)
    watchdog.arm(EXIT_SECONDS)
    await engine.stop()
    stop_kopf.set()
    await asyncio.wait({watching}, timeout=KOPF_SECONDS)
    stopping.cancel()
    for part in parts:
        if part.done() and not part.cancelled():
            part.result()  # Raises what has broken it.
        part.cancel()


def _leadership(settings: Settings, credentials: Credentials, metrics: Metrics) -> Leadership:
    """By a Lease, unless the settings say that there is no other replica."""
    election = settings.election
    if election is None:
        metrics.leader.set(1)
        return Alone()
    terms = Terms(election.lease_seconds, election.renew_seconds, election.retry_seconds)
    hang = (terms.lease - terms.renew) / 2
    means = Means(
        client=_client(credentials, metrics, settings),
        clock=boot_time,
        now=WORLD.now,
        rand=WORLD.rand,
        new_name=WORLD.new_name,
        end=watchdog.end,
        # A process that hangs cannot notice that its term is over.
        renewed=lambda seconds: watchdog.arm(seconds + hang),
        observer=LeaderMetrics(metrics),
    )
    identity = f"{election.identity}_{WORLD.new_name()}"
    return Leader((election.namespace, FIELD_MANAGER), Election(identity, terms), means)


def _client(
    credentials: Credentials, metrics: Metrics, settings: Settings, fence: Callable[[], None] | None = None
) -> Client:
    """Its name tells in the API server's audit log which replica has asked."""
    version = f"{__version__} ({settings.election.identity})" if settings.election else __version__
    return Client(
        credentials,
        metrics,
        manager=FIELD_MANAGER,
        rand=WORLD.rand,
        version=version,
        timeouts=Timeouts(settings.request_seconds, settings.watch_idle_seconds),
        fence=fence,
    )


def boot_time() -> float:
    """Seconds since the machine was started, those included in which it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class LeaderMetrics:
    """Leadership as metrics."""

    metrics: Metrics

    def leading(self, leads: bool) -> None:
        """This process begins or ceases to act."""
        self.metrics.leader.set(leads)

    def transitions(self, count: int) -> None:
        """How often the Lease has changed hands."""
        self.metrics.lease_transitions.set(count)


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
