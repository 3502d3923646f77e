"""Text to `Config`: parse the YAML, substitute variables, validate. Pure: the caller brings the variables."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_origin

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from tenantry_config.document import Config
from tenantry_config.errors import ConfigError, MissingVariable
from tenantry_config.fields import child_kind, unknown_key
from tenantry_config.key import Location, path_of
from tenantry_config.names import SECRET_VARIABLES, SUBSTITUTION
from tenantry_config.parse import parse_yaml

__all__ = [
    "ConfigError",
    "MissingVariable",
    "Resolved",
    "Resolver",
    "check_config",
    "config_hash",
    "load_config",
    "path_of",
]

_REWORDED: Final = {
    "missing": "is required",
    "string_type": "must be a string: quote it",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A variable's value; `secret` where it comes from a Secret's file."""

    value: str
    secret: bool = False


Resolver = Callable[[str], Resolved | None]

_STAND_IN: Final = Resolved("missing")
"""For a variable whose value nobody knows yet."""


def config_hash(text: bytes) -> str:
    """SHA-256 of config.yaml's bytes, in hexadecimal: what `/ready` and the Gateway's status name."""
    return hashlib.sha256(text).hexdigest()


def load_config(text: str, resolve: Resolver) -> Config:
    """The configuration that `text` describes; raises ConfigError (MissingVariable for a variable without value).

    `resolve` gives a variable's value, or None. A secret's value is accepted in secret fields alone.
    """
    document = parse_yaml(text)
    secrets: dict[Location, str] = {}
    substituted = _substitute(document, (), resolve, secrets)
    try:
        config = Config.model_validate(substituted, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _config_error(error, secrets) from None
    _check_references(config)
    return config


def check_config(text: str) -> None:
    """Raise ConfigError unless `text` is a configuration for some values of its variables, none of which is known."""
    document: object = parse_yaml(text)
    while True:
        secrets: dict[Location, str] = {}
        undecided = set(_undecided(document, ()))
        try:
            config = Config.model_validate(
                _substitute(document, (), lambda _: _STAND_IN, secrets), by_alias=True, by_name=False
            )
        except ValidationError as error:
            faults = {detail["loc"] for detail in error.errors(include_url=False, include_input=False)}
            excused = (faults & undecided) - secrets.keys()
            if not excused:
                raise _config_error(error, secrets) from None
            document = _without(document, (), excused)
            continue
        _check_references(config, {path_of(location) for location in undecided})
        return


def _undecided(node: object, location: Location) -> Iterator[Location]:
    """Where strings are that a variable is part of."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _undecided(value, (*location, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _undecided(value, (*location, index))
    elif isinstance(node, str) and any(not escaped for escaped, _ in SUBSTITUTION.findall(node)):
        yield location


def _without(node: object, location: Location, places: Collection[Location]) -> object:
    """`node` without what is at `places`."""
    if isinstance(node, Mapping):
        children = ((key, value, (*location, key)) for key, value in node.items())
        return {key: _without(value, place, places) for key, value, place in children if place not in places}
    if isinstance(node, list):
        items = ((value, (*location, index)) for index, value in enumerate(node))
        return [_without(value, place, places) for value, place in items if place not in places]
    return node


def _substitute(node: object, location: Location, resolve: Resolver, secrets: dict[Location, str]) -> object:
    """`node` with the variables of its strings replaced; strings that hold a secret become SecretStr."""
    if isinstance(node, Mapping):
        return {key: _substitute(value, (*location, key), resolve, secrets) for key, value in node.items()}
    if isinstance(node, list):
        return [_substitute(value, (*location, index), resolve, secrets) for index, value in enumerate(node)]
    return _substitute_text(node, location, resolve, secrets) if isinstance(node, str) else node


def _substitute_text(text: str, location: Location, resolve: Resolver, secrets: dict[Location, str]) -> str | SecretStr:
    parts: list[str] = []
    end = 0
    for match in SUBSTITUTION.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        escaped, name = match.groups()
        if escaped:
            parts.append(match[0][1:])
            continue
        found = resolve(name)
        if found is None or not found.value:
            raise MissingVariable(path_of(location), name)
        if found.secret or name in SECRET_VARIABLES:
            secrets[location] = name
        parts.append(found.value)
    whole = "".join((*parts, text[end:]))
    return SecretStr(whole) if location in secrets else whole


def _config_error(error: ValidationError, secrets: Mapping[Location, str]) -> ConfigError:
    """The first finding, as a path and a sentence. Values stay out of it: they may be secrets.

    An unknown key comes before the required one that it misspells.
    """
    details = error.errors(include_url=False, include_input=False)
    detail = min(details, key=lambda found: found["type"] != "extra_forbidden")
    location = detail["loc"][:-1] if _is_about_key(detail) else detail["loc"]
    path = path_of(location)
    if location in secrets and _kind(location) is not SecretStr:
        fields = "gateway.auth.token or provider.apiKey"
        return ConfigError(path, f"{secrets[location]} is a secret: it may stand only in a secret field, {fields}")
    return ConfigError(path, _message(detail, location))


def _message(detail: ErrorDetails, location: Location) -> str:
    if detail["type"] == "extra_forbidden":
        return unknown_key(location)
    if _is_about_key(detail):
        return "is no valid name: use lower-case letters, digits, - and _"
    return _REWORDED.get(detail["type"], detail["msg"].replace("Input should ", "must ", 1))


def _is_about_key(detail: ErrorDetails) -> bool:
    """Whether a mapping's key is wrong: pydantic names the key, and then `[key]`, which may be a key's text as well."""
    *above, last = detail["loc"]
    return (
        last == "[key]"
        and detail["type"] != "extra_forbidden"
        and bool(above)
        and get_origin(_kind(tuple(above[:-1]))) is dict
    )


def _kind(location: Location) -> Any:
    """The type of the value at `location`; None where there is no such place."""
    kind: Any = Config
    for part in location:
        kind = child_kind(kind, part)
    return kind


def _check_references(config: Config, undecided: Collection[str] = ()) -> None:
    """Agents that are named must exist; the paths `undecided` may name any."""
    named = [("defaultAgent", config.default_agent)] if config.default_agent else []
    named += [(f"bindings[{index}].agentId", binding.agent_id) for index, binding in enumerate(config.bindings)]
    for path, agent_id in named:
        if agent_id not in config.agents and path not in undecided:
            known = ", ".join(sorted(config.agents)) or "none"
            raise ConfigError(path, f'no agent "{agent_id}"; known agents: {known}')
