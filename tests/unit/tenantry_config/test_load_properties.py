"""Any text is a configuration or refused; what is a configuration is one again after it was written down."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from tenantry_config.document import Config
from tenantry_config.errors import ConfigError, MissingVariable
from tenantry_config.load import Resolved, load_config
from tenantry_config.parse import parse_yaml
from tests.written_config import written

SECRET = "hunter2-Zq9-secret"
VARIABLES = {
    "PORT": Resolved("8080"),
    "CITY": Resolved("Graz"),
    "GATEWAY_TOKEN": Resolved(SECRET),
    "FILE": Resolved(SECRET, secret=True),
    "SPACED": Resolved(f"{SECRET} two words", secret=True),
}
WHOLE = """
gateway:
  port: ${PORT}
  bind: 127.0.0.1
  logLevel: debug
  auth: {mode: token, token: "${GATEWAY_TOKEN}"}
  trustedProxies: [10.0.0.0/8, "::1"]
provider: {apiKey: "${FILE}", baseUrl: http://proxy.example/anthropic}
rbac: {enabled: true, defaultRole: viewer, assignments: {"token:shared": operator}}
agents:
  main: &base
    model: claude-x
    system: in ${CITY}, $${NOT}
    maxTokens: 100
    tools: {policy: read-only}
    session: {mode: ephemeral, dir: "~/.clawdbot/sessions/${senderId}"}
  devops: {<<: *base, model: claude-y}
defaultAgent: main
bindings:
  - {channel: "*", agentId: main, priority: 3, name: tab, namespace: team-b}
  - {channel: slack, channelId: c, senderId: s, agentId: devops, sessionKey: "${channel}:${senderId}"}
"""


def outcome(text: str) -> Config | ConfigError:
    """What loading gives; any exception that is no ConfigError fails the test, and so does one that tells a secret."""
    found: Config | ConfigError
    try:
        found = load_config(text, known)
    except ConfigError as error:
        found = error
    assert SECRET not in str(found) + repr(found)
    return found


def known(name: str) -> Resolved | None:
    return VARIABLES.get(name)


def nothing(_name: str) -> Resolved | None:
    """No variable has a value."""
    return None


def comes_back(config: Config) -> None:
    text = yaml.safe_dump(written(config), allow_unicode=True, sort_keys=False)

    assert load_config(text, nothing) == config


def known_keys(document: Any, kind: Any = Config) -> None:
    """Every key of `document` is one of the models'."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        aliases = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        for key, value in document.items():
            assert key in aliases
            if value is not None:
                known_keys(value, aliases[key])
    elif get_origin(kind) is dict:
        for value in document.values():
            known_keys(value, get_args(kind)[1])
    elif get_origin(kind) is tuple:
        for value in document:
            known_keys(value, get_args(kind)[0])


def bare(kind: Any) -> Any:
    if get_origin(kind) is Annotated:
        return bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return bare(next(option for option in get_args(kind) if option is not NoneType))
    return kind


SCRAPS = st.sampled_from(
    [
        *("!!int ", "!!bool ", "!!float ''", "!!timestamp x", "!!binary eA==", "!!set {a}", "!!omap [a: 1]", "!!map ["),
        *(
            "&a ",
            "*a",
            "*base",
            "<<: ",
            "<<: *base",
            "? ",
            ": ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "|\n ",
            ">\n ",
            "'",
            '"',
        ),
        *(
            "${FILE}",
            "${GATEWAY_TOKEN}",
            "${SPACED}",
            "${NONE}",
            "$${X}",
            "${senderId}",
            "${",
            "~",
            "null",
            "=",
            "[key]",
        ),
        *(
            "\0",
            "\t",
            "\ud800",
            "\u2028",
            "\ufeff",
            "\x85",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "#",
            "1e999",
            "0x",
            ".inf",
        ),
        *("9" * 20, "9" * 5000, "1:30:00", "2001-01-01", "true", "gateway", "agents", "bindings", "model"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The valid document after a few cuts, insertions and repetitions."""
    text = WHOLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        piece = draw(SCRAPS | st.text(max_size=6) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


def test_the_whole_document_comes_back_as_it_was() -> None:
    config = outcome(WHOLE)

    assert isinstance(config, Config)
    assert config.gateway.auth.token == SecretStr(SECRET)
    comes_back(config)


@given(mutated())
@settings(max_examples=600)
@example("a: !!int ''")
@example("a: !!int '-'")
@example("a: !!bool maybe")
@example("a: !!float ''")
@example("a: !!timestamp now")
@example("a: !!map [1]")
@example("'[key]': 1")
@example("gateway: {'[key]': 1}")
@example("agents: {'[key]': {model: m}}")
def test_a_damaged_document_loads_or_is_refused_and_what_loads_comes_back(text: str) -> None:
    found = outcome(text)

    if isinstance(found, Config):
        known_keys(parse_yaml(text))
        comes_back(found)


@given(st.lists(SCRAPS | st.text(max_size=8), max_size=12).map("".join))
@settings(max_examples=300)
def test_any_text_loads_or_is_refused(text: str) -> None:
    outcome(text)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary()
KEYS = st.sampled_from(["port", "auth", "token", "model", "channel", "agentId", "dir", "policy", "main", "[key]", ""])
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(KEYS, PLAIN | st.dictionaries(KEYS, PLAIN, max_size=2))


@given(VALUES, st.integers(0, 1000))
@settings(max_examples=300)
def test_any_value_at_any_place_loads_or_is_refused(value: object, choice: int) -> None:
    document = yaml.safe_load(WHOLE)
    places = list(_places(document))
    *above, last = places[choice % len(places)]
    holder = document
    for part in above:
        holder = holder[part]
    holder[last] = value

    found = outcome(yaml.safe_dump(document))

    if isinstance(found, Config):
        comes_back(found)


def _places(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for part, value in items:
        yield (*above, part)
        yield from _places(value, (*above, part))


Place = tuple[str | int, ...]


def sections(kind: Any = Config, place: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:
    """Every section of the schema, at a place where a document may have it."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield place, kind
        for name, field in kind.model_fields.items():
            yield from sections(field.annotation, (*place, field.alias or name))
    elif get_origin(kind) is dict:
        yield from sections(get_args(kind)[1], (*place, "main"))
    elif get_origin(kind) is tuple:
        yield from sections(get_args(kind)[0], (*place, 0))


def leaves(kind: Any = Config, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place of the schema that holds a single value, and its type."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            yield from leaves(field.annotation, (*place, field.alias or name))
    elif get_origin(kind) is dict:
        yield from leaves(get_args(kind)[1], (*place, "main"))
    elif get_origin(kind) is tuple:
        yield from leaves(get_args(kind)[0], (*place, 0))
    else:
        yield place, kind


def document_with(place: Place, value: object) -> str:
    """A document that is valid but for what stands at `place`."""
    document: Any = {
        "agents": {"main": {"model": "m", "tools": {}, "session": {}}},
        "gateway": {"auth": {}, "trustedProxies": []},
        "provider": {},
        "rbac": {"assignments": {}},
        "bindings": [{"channel": "a", "agentId": "main"}],
    }
    holder = document
    for part in place[:-1]:
        holder = holder[part]
    if isinstance(holder, list):
        holder[:] = [value]
    else:
        holder[place[-1]] = value
    return yaml.safe_dump(document)


def path_of(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


LEAVES = list(leaves())
SECRETS = [place for place, kind in LEAVES if kind is SecretStr]


def test_the_secret_fields_are_those_that_error_messages_name() -> None:
    assert [path_of(place) for place in SECRETS] == ["gateway.auth.token", "provider.apiKey"]
    assert len(LEAVES) > 20


@pytest.mark.parametrize("variable", ["FILE", "GATEWAY_TOKEN"])
@pytest.mark.parametrize("place", [place for place, _ in LEAVES], ids=path_of)
def test_a_secret_resolves_in_secret_fields_alone(place: Place, variable: str) -> None:
    for text in (f"${{{variable}}}", f"x${{{variable}}}", f"$${{X}}${{{variable}}}"):
        found = outcome(document_with(place, text))

        if place in SECRETS:
            assert isinstance(found, Config)
        else:
            assert isinstance(found, ConfigError)
            assert (found.path, variable in found.message) == (path_of(place), True)
            assert "is a secret: it may stand only in a secret field" in found.message


@pytest.mark.parametrize("place", [place for place, _ in sections() if place], ids=path_of)
def test_a_secret_in_the_place_of_a_section_is_refused(place: Place) -> None:
    found = outcome(document_with(place, "${FILE}"))

    assert isinstance(found, ConfigError)
    assert (found.path, "is a secret" in found.message) == (path_of(place), True)


@pytest.mark.parametrize("place", SECRETS, ids=path_of)
def test_a_secret_that_no_header_can_carry_is_told_so_and_not_that_it_stands_in_the_wrong_place(place: Place) -> None:
    found = outcome(document_with(place, "${SPACED}"))

    assert isinstance(found, ConfigError)
    assert (found.path, found.message) == (path_of(place), "must be printable ASCII without spaces, and not empty")


@pytest.mark.parametrize("place", [place for place, _ in LEAVES], ids=path_of)
def test_a_variable_that_is_missing_is_named_wherever_it_stands(place: Place) -> None:
    found = outcome(document_with(place, "${NONE}"))

    assert isinstance(found, MissingVariable)
    assert (found.path, found.name) == (path_of(place), "NONE")


@pytest.mark.parametrize(("place", "section"), list(sections()), ids=[path_of(place) for place, _ in sections()])
def test_every_misspelt_key_is_refused_with_its_path_and_the_nearest_key(
    place: Place, section: type[BaseModel]
) -> None:
    names = [field.alias or name for name, field in section.model_fields.items()]
    for key in names:
        for wrong in (key + "x", key[1:], key[:1] + key, key.upper()):
            found = outcome(document_with((*place, wrong), "a value"))

            assert isinstance(found, ConfigError)
            assert found.path == path_of((*place, wrong))
            near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
            named = near[0] if near else ", ".join(names)
            assert found.message.startswith("unknown key; ")
            assert named in found.message
            assert wrong != key + "x" or near == [key]


@pytest.mark.parametrize("token", ["!hunter2", "*hunter2", "!<hunter2> x", "&hunter2 {", "%hunter2", "@hunter2"])
def test_a_token_that_yaml_takes_for_something_else_is_not_told(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(f"gateway:\n  auth:\n    token: {token}\n", nothing)

    assert "hunter2" not in str(caught.value)
    assert "line" in str(caught.value)


@pytest.mark.parametrize("levels", [12, 40])
def test_merge_keys_that_multiply_are_refused_before_they_are_carried_out(levels: int) -> None:
    text = "a0: &a0 {k0: v, k1: v}\n"
    for level in range(1, levels):
        text += f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n"

    found = outcome(text)

    assert isinstance(found, ConfigError)
    assert "merge keys expand to too much" in found.message


def test_many_mappings_that_merge_one_large_mapping_are_refused() -> None:
    pairs = ", ".join(f"k{number}: v" for number in range(2000))
    text = f"a: &a {{{pairs}}}\nb: [{', '.join(['{<<: *a}'] * 2000)}]\n"

    found = outcome(text)

    assert isinstance(found, ConfigError)
    assert "merge keys expand to too much" in found.message


def test_long_chains_of_merge_keys_are_merged_or_refused() -> None:
    chain = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 3000))

    assert isinstance(outcome(chain), ConfigError)


@pytest.mark.parametrize("url", ["http://x?", "http://x#", "https://x/?", "https://x/#", "https://x/?#"])
def test_a_base_url_that_ends_in_an_empty_query_or_fragment_is_refused(url: str) -> None:
    found = outcome(yaml.safe_dump({"provider": {"baseUrl": url}}))

    assert isinstance(found, ConfigError)
    assert found.message == "must have no credentials, query or fragment"
