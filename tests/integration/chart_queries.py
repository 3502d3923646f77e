"""What the chart's dashboards and alerts ask Prometheus for: metrics, and labels of them."""

import json
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from dev import charts

FILES = charts.OPERATOR / "files"
DASHBOARDS = {"tenantry.json": "dashboard.json", "tenantry-gateway.json": "tenant-dashboard.json"}
"""Files of the chart by their keys in the ConfigMap."""

_STRING = re.compile(r'"[^"]*"')
_RANGE = re.compile(r"\[[^]]*\]")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) \(([^)]*)\)")
_SELECTOR = re.compile(r"\b([a-z][a-z0-9_]*)\b(?:\{([^}]*)\})?(?!\s*\()")
_KEYWORDS = {"and", "or", "unless", "offset", "bool"}


def panels(dashboard: str) -> list[dict[str, Any]]:
    """Every panel of a dashboard, rows too."""
    found: list[dict[str, Any]] = json.loads((FILES / dashboard).read_text())["panels"]
    return found


def targets(dashboard: str) -> list[dict[str, Any]]:
    """Every query of a dashboard, with its legend."""
    return [target for panel in panels(dashboard) for target in panel.get("targets", ())]


def queries(dashboard: str) -> list[str]:
    """Every expression of a dashboard, with Grafana's variables filled in."""
    found = [target["expr"].replace("$__rate_interval", "5m") for target in targets(dashboard)]
    return [re.sub(r"\$(namespace|service)\b", ".*", text) for text in found]


def label_lists(expression: str) -> set[str]:
    """The labels by which an expression groups or joins."""
    return {label for inside in _LABEL_LIST.findall(_STRING.sub("", expression)) for label in _names(inside)}


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of an expression, with the labels that its selector compares."""
    bare = _RANGE.sub("", _STRING.sub("", expression))
    for metric, inside in _SELECTOR.findall(_LABEL_LIST.sub("", bare)):
        if metric not in _KEYWORDS:
            yield metric, _names(inside)


def faults(expression: str, exported: Mapping[str, Set[str]]) -> list[str]:
    """What an expression asks for that nobody exports; ``exported`` has each metric's labels by its name."""
    found = list(selectors(expression))
    unknown = [metric for metric, _ in found if metric not in exported]
    wrong = [
        f"{metric}{{{label}}}"
        for metric, compared in found
        if metric in exported
        for label in sorted(compared - exported[metric])
    ]
    known = set().union(*(exported.get(metric, set()) for metric, _ in found))
    return [*unknown, *wrong, *(f"by ({label})" for label in sorted(label_lists(expression) - known))]


def _names(text: str) -> set[str]:
    return set(re.findall(r"[a-z_]+", text))
