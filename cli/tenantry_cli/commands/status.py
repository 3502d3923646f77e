"""`status`: look at everything at once, and print what is wrong."""

import json
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.padding import Padding
from rich.text import Text

from tenantry_cli.cluster import BINDINGS, GATEWAY_LABEL, GATEWAYS, INSTALL, LEASE, NOT_INSTALLED, Gateway
from tenantry_cli.console import console, harmless
from tenantry_cli.errors import CliError, UsageError
from tenantry_cli.kubectl import Forbidden, Kubectl, KubectlError, Manifest, NoSuchKind, NotFound
from tenantry_cli.log_lines import readable
from tenantry_cli.status import (
    Tenant,
    Trouble,
    crashed_containers,
    gateway_of,
    gateway_of_pod,
    judge,
    judge_binding,
    judge_operator,
)

LOG_SECONDS = 10.0
COLOURS = {"Ready": "green", "Suspended": "yellow", "Not ready": "bold red", "Unknown": "bold red"}


@dataclass
class Report:
    """Everything that `status` says."""

    tenants: list[Tenant] = field(default_factory=list)
    elsewhere: list[Trouble] = field(default_factory=list)
    """Troubles that belong to no Gateway in sight."""
    notes: list[str] = field(default_factory=list)

    @property
    def well(self) -> bool:
        """Whether nobody needs to do anything."""
        return not self.elsewhere and all(one.well for one in self.tenants)


@dataclass
class Seen:
    """What could be read; what may not be is told in notes."""

    gateways: list[Manifest] = field(default_factory=list)
    bindings: list[Manifest] = field(default_factory=list)
    pods: list[Manifest] = field(default_factory=list)
    lease: Manifest | None = None
    lease_known: bool = False
    notes: list[str] = field(default_factory=list)


def run(kubectl: Kubectl, name: str | None, *, everywhere: bool, output: str, operator_namespace: str) -> None:
    """Print the report; the exit code is 1 where something is wrong."""
    if name and everywhere:
        raise UsageError("name a Gateway, or ask for all namespaces with -A, but not both")
    seen = look(kubectl, everywhere=everywhere, operator_namespace=operator_namespace)
    report = assess(seen, name, operator_namespace, datetime.now(UTC))
    add_last_words(kubectl, report, seen.pods)
    if name and not report.tenants:
        where = kubectl.default_namespace()
        raise CliError(f"there is no Gateway {name} in namespace {where}. What is there: kubectl -n {where} get tgw")
    if output == "json":
        print(json.dumps(as_json(report), indent=2))
    else:
        print_report(report, kubectl, everywhere=everywhere)
    sys.exit(0 if report.well else 1)


def look(kubectl: Kubectl, *, everywhere: bool, operator_namespace: str) -> Seen:
    """Read all kinds at once: one slow answer is waited for, not four.

    Raises:
        CliError: where the Gateways cannot be read.
    """
    scope = ("-A",) if everywhere else ()
    seen = Seen()
    with ThreadPoolExecutor(4) as pool:
        gateways = pool.submit(kubectl.items, GATEWAYS, *scope)
        bindings = pool.submit(kubectl.items, BINDINGS, *scope)
        pods = pool.submit(kubectl.items, "pods", "-l", GATEWAY_LABEL, *scope)
        lease = pool.submit(kubectl.get, "lease", LEASE, namespace=operator_namespace)
        try:
            seen.gateways = gateways.result()
        except NoSuchKind as error:
            raise CliError(f"{NOT_INSTALLED}: {INSTALL}") from error
        seen.bindings = _allowed(bindings, "AgentBindings", seen)
        seen.pods = _allowed(pods, "pods", seen)
        try:
            seen.lease, seen.lease_known = lease.result(), True
        except NotFound:
            seen.lease_known = True
        except Forbidden:
            seen.notes.append(f"You may not see whether the operator runs (Lease in {operator_namespace}).")
        except KubectlError as error:
            seen.notes.append(harmless(str(error)))
    return seen


def _allowed(asked: "Future[list[Manifest]]", what: str, seen: Seen) -> list[Manifest]:
    try:
        return asked.result()
    except Forbidden:
        seen.notes.append(f"You may not see {what} here, so nothing is said about them.")
    except KubectlError as error:
        seen.notes.append(harmless(str(error)))
    return []


def assess(seen: Seen, name: str | None, operator_namespace: str, now: datetime) -> Report:
    """Judge what was seen; pure."""
    report = Report(notes=list(seen.notes))
    wanted = [Gateway(one) for one in seen.gateways if name in (None, one["metadata"]["name"])]
    for gateway in sorted(wanted, key=lambda one: (one.namespace, one.name)):
        key = gateway.namespace, gateway.name
        bindings = [one for one in seen.bindings if gateway_of(one) == key]
        pods = [one for one in seen.pods if gateway_of_pod(one) == key]
        report.tenants.append(judge(gateway, bindings, pods))
    known = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in seen.gateways}
    if name is None:
        for binding in seen.bindings:
            if gateway_of(binding) not in known:
                report.elsewhere += judge_binding(binding)
    if seen.lease_known:
        troubles = [*judge_operator(seen.lease, operator_namespace, now)]
        if seen.lease is None and all(one.gateway.status for one in report.tenants):
            # Somebody has written these statuses: an operator of some namespaces only may live anywhere.
            report.notes += [f"{one.message}" for one in troubles]
        else:
            report.elsewhere += troubles
    return report


def add_last_words(kubectl: Kubectl, report: Report, pods: Sequence[Manifest]) -> None:
    """Put the last log line of each crashed container beside its trouble."""
    for tenant in report.tenants:
        for index, trouble in enumerate(tenant.troubles):
            for pod in pods:
                named = trouble.what.startswith(f"pod {pod['metadata']['name']}: ")
                for container in crashed_containers(pod) if named else ():
                    words = _last_line(kubectl, pod, container)
                    if words:
                        message = f'{trouble.message} Its last words: "{words}"'
                        tenant.troubles[index] = Trouble(trouble.what, message, trouble.next)


def _last_line(kubectl: Kubectl, pod: Manifest, container: str) -> str:
    metadata = pod["metadata"]
    arguments = ("logs", metadata["name"], "-c", container, "--previous", "--tail=1")
    try:
        text = kubectl.run(*arguments, namespace=metadata["namespace"], timeout=LOG_SECONDS).strip()
    except CliError:
        return ""
    return " ".join(readable(text.splitlines()[-1])[1].split())[:400] if text else ""


def as_json(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "ok": report.well,
        "gateways": [
            {
                "namespace": one.gateway.namespace,
                "name": one.gateway.name,
                "ok": one.well,
                "state": one.state,
                "reason": one.gateway.condition("Ready").get("reason"),
                "endpoint": one.gateway.status.get("endpoint"),
                "troubles": [asdict(trouble) for trouble in one.troubles],
            }
            for one in report.tenants
        ],
        "troubles": [asdict(one) for one in report.elsewhere],
        "notes": report.notes,
    }


def print_report(report: Report, kubectl: Kubectl, *, everywhere: bool) -> None:
    """One line for each Gateway that is well; below each other one, what is wrong and what comes next."""
    out = console()
    names = {id(one): f"{one.gateway.namespace}/{one.gateway.name}" for one in report.tenants}
    width = max(map(len, names.values()), default=0)
    for one in sorted(report.tenants, key=lambda one: one.well):
        line = Text.assemble(f"{names[id(one)]:<{width}}  ", (f"{one.state:<9}", COLOURS[one.state]))
        out.print(line.append(f"  {one.summary}") if one.well else line, soft_wrap=True)
        for trouble in one.troubles:
            _print_trouble(trouble)
    for trouble in report.elsewhere:
        _print_trouble(trouble, indent=0)
    if not report.tenants:
        where = "any namespace" if everywhere else f"namespace {shlex.quote(kubectl.default_namespace())}"
        out.print(f"No Gateway in {where}. To make one: kubectl tenantry init", soft_wrap=True)
    for note in report.notes:
        out.print(f"Note: {note}")


def _print_trouble(trouble: Trouble, indent: int = 2) -> None:
    """Commands are never broken into lines: they are there to be copied."""
    _print_prose(Text.assemble((trouble.what, "bold"), f" - {trouble.message}"), indent)
    prose, kubectl, arguments = trouble.next.partition("kubectl ")
    if prose:
        _print_prose(Text(f"next: {prose.rstrip()}"), indent + 2)
    if kubectl:
        lead = " " * (indent + 2) + ("      " if prose else "next: ")
        console().print(Text.assemble(lead, (kubectl + arguments, "cyan")), soft_wrap=True)


def _print_prose(text: Text, indent: int) -> None:
    out = console()
    if out.soft_wrap:
        out.print(Text(" " * indent).append(text))
    else:
        out.print(Padding(text, (0, 0, 0, indent)))
