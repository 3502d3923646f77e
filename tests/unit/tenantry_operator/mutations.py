"""Changes one thing of a spec into something that nobody would expect there."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

WILD_STRINGS = (
    *("", " ", "a", "A", "-", "-a", "a-", ".", "..", "a.b", "a..b", "a_b", "a/b", "/", "*", "ä", "\n", "a\n", "\x00"),
    *("x" * 64, "x" * 254, "x" * 300, "tenantry.dev/x", "a.tenantry.dev/x", "app.kubernetes.io/name", "a b"),
    *("0", "1", "-1", "1.5", "01", "1e3", "+1", "1Mi", "0.3Gi", "1Ki", "1n", "2000", "10Pi", "9223372036854775808"),
    *("$", "${HOME}", "$${HOME}", "${channel}", "${channel}${senderId}", "$(HOME)", "true", "null", "HOME", "PATH"),
    *(
        "http://",
        "https://a.b",
        "ftp://a",
        "http://a:b@c",
        "https://a?b",
        "10.0.0.0/8",
        "10.0.0.1/8",
        "::/0",
        "10.0.0.0",
    ),
    *("In", "Exists", "Gt", "NoExecute", "DoNotSchedule", "Retain", "ReadWriteMany", "ReadWriteOncePod", "All"),
    *("kubernetes.io/os", "beta.kubernetes.io/os", "pod-template-hash", "kubernetes.io/config.mirror", "main"),
)
strings = st.one_of(
    st.sampled_from(WILD_STRINGS), st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.just("y" * 9000)
)
integers = st.sampled_from([0, 1, 2, -1, 7, 29, 80, 11, 200_000, 2**31 - 1, 2**31, 2**63 - 1])
scalars = st.one_of(strings, integers, st.booleans(), st.sampled_from([0.5, -1.5]))
wild = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(WILD_STRINGS), scalars, max_size=2),
    st.sampled_from([[], {}, [{}], {"": {}}]),
)


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """Where something is, the whole excepted."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*here, key)
        yield from paths(child, (*here, key))


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Something of the same type, so that it is not for its type alone that it is refused."""
    if isinstance(value, str):
        return strings
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.one_of(integers, st.sampled_from(WILD_STRINGS))
    if isinstance(value, list):
        return st.sampled_from([[], [*value, *value], value * 40])
    return st.just({})


@st.composite
def mutated(draw: st.DrawFn, spec: dict[str, Any]) -> dict[str, Any]:
    """``spec`` with one value replaced, removed or doubled, or one added or renamed."""
    changed = copy.deepcopy(spec)
    everything = sorted(paths(spec), key=str)
    section = draw(st.sampled_from(sorted(spec)))
    *parents, last = draw(st.sampled_from([path for path in everything if path[0] == section]))
    node: Any = changed
    for key in parents:
        node = node[key]
    match draw(st.sampled_from(["alike", "alike", "alike", "alike", "replace", "remove", "add", "rename"])):
        case "alike":
            node[last] = draw(_like(node[last]))
        case "replace":
            node[last] = draw(wild)
        case "remove":
            del node[last]
        case "add" if isinstance(last, int):
            node.append(copy.deepcopy(node[last]))
        case "add":
            node[draw(st.sampled_from(WILD_STRINGS))] = copy.deepcopy(node[last])
        case "rename" if isinstance(last, str):
            node[draw(st.sampled_from(WILD_STRINGS))] = node.pop(last)
        case _:
            node.reverse()
    return changed
