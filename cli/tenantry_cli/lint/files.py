"""Lints files as a set: each object by itself, and what they say about one another."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tenantry_cli.lint.definitions import GROUP, PLURALS, versions
from tenantry_cli.lint.documents import BadYaml, Document, read_documents
from tenantry_cli.lint.objects import problems_of
from tenantry_cli.lint.problems import Path

Severity = Literal["error", "note"]
MAX_NESTED_ITEMS = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of lint's output."""

    file: str
    line: int
    severity: Severity
    message: str
    object: str = ""


@dataclass
class Report:
    """What lint found, and how many objects it looked at."""

    findings: list[Finding] = field(default_factory=list)
    checked: int = 0
    skipped: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        """What keeps the exit code from being 0."""
        return [one for one in self.findings if one.severity == "error"]


@dataclass(frozen=True, slots=True)
class Located:
    """One object, the document that it is in, and where in it."""

    file: str
    manifest: Any
    document: Document
    root: Path = ()

    @property
    def name(self) -> str:
        """`Gateway team-a/assistants`."""
        manifest = _mapping(self.manifest)
        metadata = _mapping(manifest.get("metadata"))
        name, namespace = metadata.get("name", "?"), metadata.get("namespace")
        return f"{manifest.get('kind', '?')} {f'{namespace}/' if namespace else ''}{name}"

    def finding(self, path: Path, severity: Severity, message: str) -> Finding:
        """Something to say about a place in it."""
        return Finding(self.file, self.document.line_of((*self.root, *path)), severity, message, self.name)


def lint(texts: Mapping[str, str], namespace: str | None = None) -> Report:
    """Look at every object in every file (name → text). `namespace` is that of objects which name none."""
    report = Report()
    ours: list[Located] = []
    for file, text in texts.items():
        try:
            for document in read_documents(text):
                ours += _sort_out(_objects(file, document), report)
        except BadYaml as error:
            report.findings.append(Finding(file, error.line, "error", str(error)))
    for one in ours:
        report.checked += 1
        for problem in problems_of(one.manifest):
            hint = f" ({problem.hint})" if problem.hint else ""
            body = (
                problem.message
                if problem.message.startswith("unknown field")
                else f"{problem.field}: {problem.message}"
            )
            report.findings.append(one.finding(problem.path, "error", body + hint))
    report.findings += _about_one_another(ours, namespace)
    if not ours and not report.findings:
        for file in texts:
            report.findings.append(Finding(file, 1, "note", "no Gateway and no AgentBinding in it"))
    order = list(texts)
    report.findings.sort(key=lambda one: (order.index(one.file), one.line))
    return report


def _objects(file: str, document: Document) -> Iterator[Located]:
    """The objects of a document: itself, or the items of a List."""
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"][:MAX_NESTED_ITEMS]):
            yield Located(file, item, document, ("items", index))
    else:
        yield Located(file, value, document)


def _sort_out(found: Iterator[Located], report: Report) -> Iterator[Located]:
    """Those that are ours to judge. What is nearly ours is an error, anything else is skipped and counted."""
    for one in found:
        fault = _misnamed(one.manifest)
        if fault is not None:
            path, message = fault
            report.checked += 1
            report.findings.append(one.finding(path, "error", message))
        elif one.manifest.get("apiVersion") in versions():
            yield one
        else:
            report.skipped.append(one.name)


def _misnamed(manifest: Any) -> tuple[Path, str] | None:
    """Where and why an object that is meant to be ours is not, or is no object at all."""
    if not isinstance(manifest, dict):
        return (), "no Kubernetes object: it must be a mapping with apiVersion, kind and metadata"
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    if version is None and kind is None and "spec" not in manifest and "metadata" not in manifest:
        return None  # Helm's values, a tool's settings: folders are full of them.
    for key, value in (("apiVersion", version), ("kind", kind)):
        if not isinstance(value, str) or not value:
            return (
                key,
            ), f"{key}: Required value: a string, such as {versions()[0] if key == 'apiVersion' else 'Gateway'}"
    served = ", ".join(versions())
    if version in versions():
        if kind in PLURALS:
            return None
        near = difflib.get_close_matches(str(kind), PLURALS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(PLURALS))}"
        return ("kind",), f'kind: no kind "{kind}" in {version} ({hint})'
    group = str(version).partition("/")[0]
    if group == GROUP or kind == "AgentBinding" or difflib.SequenceMatcher(None, group, GROUP).ratio() > 0.8:
        return ("apiVersion",), f'apiVersion: no version "{version}" (did you mean "{served}"?)'
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _key(one: Located, namespace: str | None) -> tuple[str, str, str]:
    metadata = _mapping(one.manifest.get("metadata"))
    return one.manifest["kind"], str(metadata.get("namespace") or namespace or ""), str(metadata.get("name") or "")


def _about_one_another(ours: Sequence[Located], namespace: str | None) -> Iterator[Finding]:
    """Objects that are there twice, and AgentBindings whose Gateway does not have what they name."""
    seen: dict[tuple[str, str, str], Located] = {}
    for one in ours:
        key = _key(one, namespace)
        first = seen.setdefault(key, one)
        if first is not one and key[2]:
            where = f"{first.file}:{first.document.line_of(first.root)}"
            yield one.finding(("metadata", "name"), "error", f"{one.name} is there twice: {where} has it, too")
    for one in ours:
        if one.manifest["kind"] == "AgentBinding":
            yield from _reference(one, seen, _key(one, namespace)[1])


def _reference(one: Located, seen: Mapping[tuple[str, str, str], Located], namespace: str) -> Iterator[Finding]:
    spec = _mapping(one.manifest.get("spec"))
    reference = _mapping(spec.get("gatewayRef"))
    name, where = reference.get("name"), reference.get("namespace") or namespace
    agent = spec.get("agentId")
    if not isinstance(name, str) or not isinstance(where, str) or not isinstance(agent, str):
        return
    gateway = seen.get(("Gateway", where, name))
    if gateway is None:
        shown = f"{where}/{name}" if where else name
        message = f"spec.gatewayRef: Gateway {shown} is not in these files, so its agents were not compared"
        yield one.finding(("spec", "gatewayRef"), "note", message)
        return
    agents = _mapping(_mapping(gateway.manifest.get("spec")).get("agents"))
    if agent not in agents:
        near = difflib.get_close_matches(agent, agents, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"its agents: {', '.join(sorted(agents)) or 'none'}"
        message = f'spec.agentId: {gateway.name} has no agent "{agent}" ({hint})'
        yield one.finding(("spec", "agentId"), "error", message)
