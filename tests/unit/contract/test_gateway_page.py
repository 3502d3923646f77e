"""The gateway's page names every path, error, variable, close code, metric and event that there is, and no other."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, get_args

import pytest
from aiohttp import WSCloseCode, web

import tenantry_gateway
from tenantry_config.document import Role, SessionMode, ToolPolicy
from tenantry_gateway import background, errors, settings, standby
from tenantry_gateway.agents import tool_loop, turns
from tenantry_gateway.agents.tools import BUILT_IN
from tenantry_gateway.app import build_app
from tenantry_gateway.audit import log, tally
from tenantry_gateway.audit.key import VARIABLE as AUDIT_KEY
from tenantry_gateway.errors import GatewayError
from tenantry_gateway.idempotency import keys
from tenantry_gateway.metrics import Metrics
from tenantry_gateway.routes import chat, messages, websocket
from tenantry_gateway.sessions import cache, line, window
from tenantry_gateway.tracing import ENDPOINTS, OFF
from tenantry_gateway.websocket import connection, registry

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "gateway.md").read_text()
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text()
SOURCES = MappingProxyType(
    {path: path.read_text() for path in sorted(Path(tenantry_gateway.__path__[0]).rglob("*.py"))}
)
REFUSED_BEFORE = (417, "invalid_request_error")
"""What is answered before any of the gateway's own errors can be raised."""
OF_THE_LIBRARY = {WSCloseCode.MESSAGE_TOO_BIG}
"""What aiohttp closes with by itself, besides codes that the gateway has for the like."""
MIB, KIB = 1 << 20, 1 << 10


def section(heading: str, page: str = PAGE) -> str:
    """The text under a heading, up to the next one of its level."""
    level = re.escape(heading.split(" ", maxsplit=1)[0])
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def table(text: str, head: str) -> list[list[str]]:
    """The cells of each row of the table whose head begins with `head`."""
    rows = text.split(f"| {head} |", maxsplit=1)[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]] for row in rows]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def paths() -> set[str]:
    """Every method and path of the application; HEAD comes with GET."""
    state: Any = SimpleNamespace(tracer=OFF)
    app = build_app(state)
    return {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def errors_known() -> set[tuple[int, str]]:
    """Status and type of each class of error."""
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GatewayError)]
    return {(kind.status, kind.type) for kind in classes}


def variables_read() -> set[str]:
    """Upper-case names that are looked up anywhere in the gateway, and those of settings.py."""
    named = re.compile(r'"((?:CLAWDBOT|TENANTRY|GATEWAY|ANTHROPIC|LOG|AUDIT)_[A-Z_]+)"')
    return {name for source in SOURCES.values() for name in named.findall(source)} | {ENDPOINTS[1]}


def close_codes() -> set[int]:
    """Every close code that the sources name."""
    named = {name for source in SOURCES.values() for name in re.findall(r"WSCloseCode\.([A-Z_]+)", source)}
    return {int(WSCloseCode[name]) for name in named} | {int(code) for code in OF_THE_LIBRARY}


def audit_types() -> set[str]:
    """Every event's type: what events are made with, and the one that the log itself writes."""
    found = {turns.MESSAGE}
    for source in SOURCES.values():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"AuditEvent", "message.event"} and node.args:
                kind = node.args[0]
                found |= {kind.value} if isinstance(kind, ast.Constant) and isinstance(kind.value, str) else set()
    opening = re.search(r'{"type": "([a-z.]+)"', SOURCES[Path(inspect.getfile(log))])
    assert opening is not None
    return found | {opening[1]}


def metric_names() -> set[str]:
    """As Prometheus shows them."""
    ending = {"counter": "_total"}
    return {f"{metric.name}{ending.get(metric.type, '')}" for metric in Metrics().registry.collect()}


def metrics_documented() -> list[str]:
    """The names in the metrics table; an ellipsis is the gateway's prefix."""
    names = [name for row in table(section("## Logs, metrics, shutdown"), "metric | labels") for name in quoted(row[0])]
    return [name.replace("…", "tenantry_gateway") for name in names]


def test_every_path_is_in_the_table_and_no_other() -> None:
    rows = table(section("## API"), "path | who | answer")

    assert [quoted(row[0])[0] for row in rows if len(quoted(row[0])) != 1] == []
    assert {quoted(row[0])[0] for row in rows} == paths()


def test_every_path_has_a_role_that_there_is_or_is_for_anyone() -> None:
    rows = table(section("## API"), "path | who | answer")

    assert [row for row in rows if row[1] != "anyone" and not {*quoted(row[1])} <= set(get_args(Role))] == []


def test_every_error_is_in_the_table_and_no_other() -> None:
    rows = table(section("## Errors"), "status | type | when | what to do")

    assert len({row[0] for row in rows}) == len(rows)
    assert {(int(row[0]), quoted(row[1])[0]) for row in rows} == errors_known() | {REFUSED_BEFORE}
    assert [row for row in rows if len(row[2]) < 10] == []


def test_every_variable_is_in_the_table_and_no_other() -> None:
    rows = table(section("## Command line"), "variable | meaning (default)")
    named = {name for row in rows for name in quoted(row[0])}

    assert variables_read() - named == {"GATEWAY_TOKEN_VERSION"}  # A file of the operator's, told where tokens are.
    assert named <= variables_read()
    assert "`GATEWAY_TOKEN_VERSION`" in section("## Configuration")
    assert AUDIT_KEY in named


def test_defaults_of_variables_are_those_of_the_settings() -> None:
    rows = {quoted(row[0])[0]: row[1] for row in table(section("## Command line"), "variable | meaning (default)")}

    assert f"(`{settings.DRAIN_SECONDS}`)" in rows["TENANTRY_DRAIN_SECONDS"]
    assert f"(`{settings.HEADER_SECONDS}`)" in rows["TENANTRY_HEADER_SECONDS"]
    assert f"(`{settings.SECRETS_DIR}`)" in rows["TENANTRY_SECRETS_DIR"]
    assert f"`{settings.STATE_DIR}`" in rows["CLAWDBOT_STATE_DIR"]


def test_every_close_code_is_in_the_table_and_no_other() -> None:
    rows = table(section("## WebSocket"), "code | when | come back")

    assert {int(row[0]) for row in rows} == close_codes()


def test_every_method_of_a_websocket_is_in_the_table_and_no_other() -> None:
    rows = table(section("## WebSocket"), "method | params | answer")

    assert [quoted(row[0])[0] for row in rows] == list(websocket._METHODS)


def test_every_metric_is_in_the_table_and_no_other() -> None:
    patterns = metrics_documented()

    assert [name for name in metric_names() if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []
    assert [each for each in patterns if not any(fnmatchcase(name, each) for name in metric_names())] == []


def test_every_audit_event_is_in_the_table_and_no_other() -> None:
    rows = table(section("## Audit log"), "type | what happened; `target`")

    assert {name for row in rows for name in quoted(row[0])} == audit_types()


def test_every_tool_is_in_the_table_and_no_other() -> None:
    rows = table(section("## Tools"), "tool | policy | role | what it does")
    documented = [tuple(quoted(cell)[0] for cell in row[:3]) for row in rows]

    assert documented == [(tool.definition.name, tool.policy, tool.role) for tool in BUILT_IN]


def test_policies_and_modes_are_those_of_the_configuration() -> None:
    rows = {row[0]: row[1] for row in table(section("## Configuration"), "key | meaning (default)")}

    assert set(get_args(ToolPolicy)) <= set(quoted(rows["`agents.<id>.tools.policy`"]))
    assert set(get_args(SessionMode)) == set(quoted(rows["`agents.<id>.session.mode`"]))


@pytest.mark.parametrize("page", [section("### GET /ready"), section("## A pod that is not ready", TROUBLE)])
def test_every_reason_of_ready_is_told(page: str) -> None:
    health = SOURCES[Path(inspect.getfile(importlib.import_module("tenantry_gateway.routes.health")))]
    told = ["the process is stopping", "the state directory cannot be written", "ANTHROPIC_API_KEY is missing"]
    told.append("the configuration on disk is not valid")

    assert [text for text in told if text not in health] == []
    state_source = SOURCES[Path(inspect.getfile(importlib.import_module("tenantry_gateway.state")))]
    told += [*re.findall(r'waiting: str = "([^"]+)"', state_source), standby._REASON]
    assert [text for text in told if text not in page] == []
    assert health.count("503, ") == 3, "a reason more?"


def limits() -> Iterator[tuple[str, str]]:
    """What a row of the limits' table must say, as the code has it."""
    yield "a request's headers", f"{settings.HEADER_SECONDS} s"
    yield "a request's body", f"{chat.MAX_BODY // MIB} MiB"
    yield "a request's body", f"{messages.MAX_BODY // MIB} MiB"
    yield "messages that wait in a session", f"{line.MAX_WAITING}"
    yield "a turn, once its time has come", f"{turns.TURN_SECONDS:g} s"
    yield "a turn, once its time has come", f"{tool_loop.MAX_ROUNDS} rounds"
    yield "what the model sees of a session", f"{window.MAX_TURNS} turns, {window.MAX_BYTES // KIB} KiB"
    yield "Idempotency-Keys", f"{keys.SECONDS / 3600:g} h, {keys.MAX_KEYS:,}"
    yield "sessions in memory", f"{cache.MAX_SESSIONS:,}, {cache.MAX_BYTES // MIB} MiB"
    yield "a WebSocket", f"{connection.MAX_FRAME // KIB} KiB a frame, {websocket.MAX_CALLS} calls"
    yield "a WebSocket", f"{connection.MAX_UNSENT / MIB:g} MiB unread, {websocket.CONNECT_SECONDS:g} s"
    yield "a file of the audit log", f"{log.MAX_BYTES // MIB} MiB"
    yield "the end of the process", f"{settings.DRAIN_SECONDS} s"


@pytest.mark.parametrize(("what", "limit"), list(limits()))
def test_the_limits_are_those_of_the_code(what: str, limit: str) -> None:
    rows = {row[0]: row[1] for row in table(section("## Limits"), "what | limit")}

    assert limit in rows[what]


def test_times_in_the_text_are_those_of_the_code() -> None:
    assert f"spread over {registry.MIN_RETRY_MS // 1000} to {registry.MAX_RETRY_MS // 1000} seconds" in PAGE
    assert f"refusals of the last {tally.FLUSH_SECONDS:g} seconds" in PAGE
    assert background.MEND_SECONDS == 1.0
    assert "It is tried\nagain every second" in PAGE
    assert standby.POLL_SECONDS == 0.25
    assert "looks four times a second whether the first has ended" in PAGE


def test_the_status_of_an_expectation_is_aiohttps() -> None:
    assert web.HTTPExpectationFailed.status_code == REFUSED_BEFORE[0]
