"""Text to `Config`: parse the YAML, substitute variables, validate. Pure: the caller brings the variables."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from tenantry_config.document import Config
from tenantry_config.errors import ConfigError, MissingVariable
from tenantry_config.names import SECRET_VARIABLES, SUBSTITUTION
from tenantry_config.parse import parse_yaml

__all__ = ["ConfigError", "MissingVariable", "Resolved", "Resolver", "config_hash", "load_config"]

Location = tuple[str | int, ...]

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


def path_of(location: Location) -> str:
    """`("bindings", 0, "agentId")` as `bindings[0].agentId`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


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
        return _unknown_key(location)
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


def _unknown_key(location: Location) -> str:
    key = str(location[-1])
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f'unknown key; did you mean "{near[0]}"?' if near else f"unknown key; known here: {', '.join(known)}"


def _known_keys(location: Location) -> Sequence[str]:
    """The keys that the section at `location` knows."""
    kind = _kind(location)
    return [field.alias or name for name, field in kind.model_fields.items()] if _is_section(kind) else []


def _kind(location: Location) -> Any:
    """The type of the value at `location`; None where there is no such place."""
    kind: Any = Config
    for part in location:
        kind = _child(kind, part)
    return kind


def _child(kind: Any, part: str | int) -> Any:
    """The type of the value under key or index `part` of a value of type `kind`."""
    if _is_section(kind):
        annotations = (field.annotation for name, field in kind.model_fields.items() if part in {field.alias, name})
        return _bare(next(annotations, None))
    arguments = get_args(kind)
    return _bare(arguments[1] if get_origin(kind) is dict else arguments[0]) if arguments else None


def _bare(kind: Any) -> Any:
    """`kind` without Annotated and Optional."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in {Union, UnionType}:
        return _bare(next(option for option in get_args(kind) if option is not NoneType))
    return kind


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _check_references(config: Config) -> None:
    """Agents that are named must exist."""
    named = [("defaultAgent", config.default_agent)] if config.default_agent else []
    named += [(f"bindings[{index}].agentId", binding.agent_id) for index, binding in enumerate(config.bindings)]
    for path, agent_id in named:
        if agent_id not in config.agents:
            known = ", ".join(sorted(config.agents)) or "none"
            raise ConfigError(path, f'no agent "{agent_id}"; known agents: {known}')
