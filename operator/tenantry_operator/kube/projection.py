"""A live object reduced to what we applied to it.

The API server records for each field manager which fields it owns (``metadata.managedFields``, format FieldsV1 of
structured-merge-diff). Reading the live object through that record gives back the manifest that was applied, as long
as nobody has changed it: equal digests mean that an apply would change nothing. Somebody who edits one of our fields
takes it over, and it is missing here; what others add is not in the record and does not count.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import orjson

from tenantry_operator.kube.kinds import Json

DIGEST_BYTES = 16


def digest(value: object) -> bytes:
    """Content of a JSON value, whatever the order of its keys; 16 bytes."""
    return blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=DIGEST_BYTES).digest()


def manifest_digest(manifest: Mapping[str, Any]) -> bytes:
    """Digest of what an apply of this manifest would own: everything but its identity."""
    content = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind"}}
    meta = {name: value for name, value in manifest["metadata"].items() if name not in {"name", "namespace"}}
    return digest({**content, "metadata": meta})


def live_digest(live: Mapping[str, Any], manager: str) -> bytes:
    """Digest of the live object's fields that ``manager`` applied; equals ``manifest_digest`` of what it applied."""
    projected = owned_fields(live, manager)
    projected.setdefault("metadata", {})
    return digest(projected)


def owned_fields(live: Mapping[str, Any], manager: str) -> Json:
    """The part of a live object that ``manager`` owns by server-side apply; empty if it owns nothing."""
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            projected = project(live, entry.get("fieldsV1") or {".": {}})
            return projected if isinstance(projected, dict) else {}
    return {}


def project(value: Any, fields: Mapping[str, Any]) -> Any:
    """Keep of ``value`` what a FieldsV1 set names.

    An empty set is a leaf: the whole value. ``f:`` names a field, ``k:`` a list item by its key fields, ``v:`` an
    item of a set by its value, ``i:`` an item by its index, and ``.`` the thing itself without its content. Items
    keep the live list's order, since order can matter (environment variables, init containers).
    """
    if not fields:
        return value
    if isinstance(value, Mapping):
        return {
            name: project(value[name], inner)
            for name, inner in ((path[2:], inner) for path, inner in fields.items() if path.startswith("f:"))
            if name in value
        }
    if isinstance(value, list):
        named = sorted(_items(value, fields), key=itemgetter(0))
        return [project(value[index], inner) for index, inner in named]
    return value


def _items(values: list[Any], fields: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Index and inner field set of each list item that a set names; items that are gone are left out."""
    for path, inner in fields.items():
        if path == ".":
            continue
        index = _index(values, path)
        if index is not None:
            yield index, inner


def _index(values: list[Any], path: str) -> int | None:
    mark, wanted = path[:2], _parse(path[2:])
    if mark == "i:":
        return wanted if isinstance(wanted, int) and wanted < len(values) else None
    for index, item in enumerate(values):
        if mark == "v:" and item == wanted:
            return index
        if mark == "k:" and isinstance(item, Mapping) and all(item.get(name) == key for name, key in wanted.items()):
            return index
    return None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Any:
    return json.loads(text)
