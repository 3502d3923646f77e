from typing import Any

import pytest

from tenantry_cli.lint.documents import BadYaml, read_documents


def values(text: str) -> list[Any]:
    return [one.value for one in read_documents(text)]


def test_each_value_knows_its_line() -> None:
    first, second = read_documents("a:\n  b:\n    - 1\n    - c: 2\n---\n# nothing\n---\nd: 1\n")

    assert [first.line_of(path) for path in (("a",), ("a", "b", 0), ("a", "b", 1, "c"))] == [1, 3, 4]
    assert first.line_of(("a", "b", 9, "x")) == 2, "what is not there is where it would be"
    assert second.line_of(("d",)) == 8


def test_scalars_are_what_kubectl_takes_them_for() -> None:
    text = "[y, off, 2026-01-01, 1:30, 0x1F, 010, 1e3, 1.5, ~, 'no', 12, null, 0o17, +7, 1.2.3, 08, 1_0.5, 1e, 0x]"

    assert values(text) == [
        [True, False, "2026-01-01", "1:30", 31, 8, 1000, 1.5, None, "no", 12, None, 15, 7, "1.2.3", 8, 10.5, "1e", "0x"]
    ]


def test_keys_are_strings_and_anchors_and_merges_are_followed() -> None:
    assert values("base: &b {x: 1, z: 2}\nmore:\n  <<: *b\n  z: 3\n1: a\ntrue: b\n") == [
        {"base": {"x": 1, "z": 2}, "more": {"x": 1, "z": 3}, "1": "a", "true": "b"}
    ]


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\na: 2\n", 2, 'key "a" is there twice'),
        ("a: [1\n", 2, "no YAML"),
        ("a:\n\t- b\n", 2, "no YAML"),
        ("x: 1\na: !!python/object/apply:os.system ['true']\n", 2, "Kubernetes objects have no tags"),
        ("a: !mine 1\n", 1, "Kubernetes objects have no tags"),
        ("a: !!binary aGk=\n", 1, "Kubernetes objects have no tags"),
        ("a: !!int x\n", 1, "is not what its tag says"),
        ("a: !!bool x\n", 1, "is not true or false"),
        ("? [a]\n: 1\n", 1, "a key must be a string"),
        ("~: 1\n", 1, "a key must be a string, not null"),
        ("a: !!python/name:os.system\n", 1, "Kubernetes objects have no tags"),
        ("<<: 1\n", 1, "must be followed by a mapping"),
        ("a: &a\n  b: *a\n", 1, "nested deeper"),
        ("[" * 5000, 1, "nested deeper"),
        (BOMB, 1, "more than 200000 values"),
        ("a: " + "x" * 3 * 1024 * 1024, 1, "larger than 3 MiB"),
        ("a: \x00\n", 1, "no YAML"),
    ],
    ids=lambda value: str(value)[:20].encode("unicode_escape").decode(),
)
def test_what_no_honest_file_holds_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(BadYaml, match=message) as refused:
        values(text)

    assert refused.value.line == line
