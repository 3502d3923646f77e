"""What Kubernetes demands of every object's metadata."""

import re
from collections.abc import Iterator
from typing import Any

from tenantry_cli.lint.problems import Problem, dotted, quoted
from tenantry_cli.lint.schema import nearest

KNOWN = (
    "name generateName namespace labels annotations finalizers ownerReferences uid resourceVersion generation "
    "creationTimestamp deletionTimestamp deletionGracePeriodSeconds managedFields selfLink"
)
FIELDS = tuple(KNOWN.split())
STRINGS = ("name", "generateName", "namespace")
MAPS = ("labels", "annotations")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN.pattern}')"
)
NAME_FORM = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{NAME_PART.pattern}')"
)
SLASH_FORM = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
MAX_NAME = 63
TOO_LONG = f"must be no more than {MAX_NAME} bytes"
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({NAME_PART.pattern})?')"
)
MAX_ANNOTATIONS = 256 * 1024


def metadata_problems(metadata: Any) -> Iterator[Problem]:
    """What the API server refuses in `metadata` before it looks at the rest."""
    if not isinstance(metadata, dict):
        yield Problem(("metadata",), "metadata", "Required value: an object with a name", blocking=True)
        return
    for key in metadata:
        if key not in FIELDS:
            message = f'unknown field "metadata.{key}"'
            yield Problem(("metadata", key), f"metadata.{key}", message, blocking=True, hint=nearest(key, FIELDS))
    wrong = [*_wrong_types(metadata)]
    yield from wrong
    if not wrong:
        yield from _names(metadata)
        yield from _labels(metadata.get("labels") or {})
        yield from _annotations(metadata.get("annotations") or {})


def _wrong_types(metadata: dict[str, Any]) -> Iterator[Problem]:
    for key in STRINGS:
        if not isinstance(metadata.get(key, ""), str | None):
            yield _problem(("metadata", key), f"Invalid value: {quoted(metadata[key])}: must be a string")
    for key in MAPS:
        found = metadata.get(key)
        if not isinstance(found, dict | None):
            yield _problem(("metadata", key), f"Invalid value: {quoted(found)}: must be a map of strings")
            continue
        for name, value in (found or {}).items():
            if not isinstance(value, str):
                yield _problem(("metadata", key, name), f"Invalid value: {quoted(value)}: must be a string: quote it")


def _problem(path: tuple[str, ...], message: str) -> Problem:
    return Problem(path, dotted(path), message, blocking=True)


def _names(metadata: dict[str, Any]) -> Iterator[Problem]:
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    path = ("metadata", "name")
    if not name and not metadata.get("generateName"):
        yield Problem(path, "metadata.name", "Required value: name or generateName is required")
    elif name and (len(name) > 253 or not SUBDOMAIN.fullmatch(name)):
        yield Problem(path, "metadata.name", f"Invalid value: {quoted(name)}: {NAME_RULE}")
    if namespace and (len(namespace) > 63 or not LABEL.fullmatch(namespace)):
        message = f"Invalid value: {quoted(namespace)}: no namespace can have this name"
        yield Problem(("metadata", "namespace"), "metadata.namespace", message)


def _key_faults(key: str) -> Iterator[str]:
    """What is wrong with the key of a label or annotation."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        yield f"a valid label key {NAME_FORM} {SLASH_FORM}"
        return
    if slash and not SUBDOMAIN.fullmatch(prefix):
        yield f"prefix part {NAME_RULE}"
    if len(name) > MAX_NAME:
        yield f"name part {TOO_LONG}"
    if not NAME_PART.fullmatch(name):
        yield f"name part {NAME_FORM}"


def _labels(labels: dict[str, str]) -> Iterator[Problem]:
    for key, value in labels.items():
        path = ("metadata", "labels", key)
        for fault in _key_faults(key):
            yield Problem(path, "metadata.labels", f"Invalid value: {quoted(key)}: {fault}")
        if len(value) > MAX_NAME:
            yield Problem(path, "metadata.labels", f"Invalid value: {quoted(value)}: {TOO_LONG}")
        if value and not NAME_PART.fullmatch(value):
            yield Problem(path, "metadata.labels", f"Invalid value: {quoted(value)}: {VALUE_RULE}")


def _annotations(annotations: dict[str, str]) -> Iterator[Problem]:
    for key in annotations:
        for fault in _key_faults(key.lower()):
            path = ("metadata", "annotations", key)
            yield Problem(path, "metadata.annotations", f"Invalid value: {quoted(key)}: {fault}")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS:
        yield Problem(
            ("metadata", "annotations"),
            "metadata.annotations",
            f"Too long: may not be more than {MAX_ANNOTATIONS} bytes",
        )
