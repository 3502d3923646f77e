"""Request bodies: JSON that is refused for everything that two readers could read differently."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from tenantry_gateway.errors import InvalidRequest, RequestTimeout, RequestTooLarge

_READ_SECONDS: Final = 30.0
_MAX_DEPTH: Final = 32
_MAX_NAME: Final = 128

M = TypeVar("M", bound=BaseModel)


async def read_body(request: web.Request, limit: int) -> bytes:
    """The whole body; raises RequestTooLarge over `limit` bytes and RequestTimeout for one that does not come."""
    if request.content_length is not None and request.content_length > limit:
        raise RequestTooLarge(f"the body has more than {limit} bytes")
    if request.content.is_eof():  # It came with the headers, as small ones do.
        return _within(request.content.read_nowait(), limit)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await _read(request, limit)
    except TimeoutError as error:
        raise RequestTimeout(f"the body did not arrive within {_READ_SECONDS:g} s") from error
    except web.RequestPayloadError as error:
        if request.protocol is not None:
            request.protocol.close()  # Where the next request would begin, nobody knows.
        raise InvalidRequest("the body cannot be read: it is cut off or badly encoded") from error


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise RequestTooLarge(f"the body has more than {limit} bytes")
    return body


async def _read(request: web.Request, limit: int) -> bytes:
    if not request.body_exists:
        return b""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise RequestTooLarge(f"the body has more than {limit} bytes")
    return bytes(body)


def parse_body(data: bytes, model: type[M]) -> M:
    """`data` as a `model`; raises InvalidRequest, which names the field."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return validate(value, model)


def validate(value: dict[str, Any], model: type[M]) -> M:
    """`value` as a `model`; raises InvalidRequest, which names the field."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = _shown(".".join(str(part) for part in detail["loc"]))
        raise InvalidRequest(f"{path}: {_reason(detail['type'], detail['msg'], model)}") from None


def parse_json(data: bytes) -> object:
    """The JSON value of `data`: UTF-8, no duplicate keys, no NaN, at most 32 levels deep; raises InvalidRequest."""
    try:
        text = data.decode()
        _check_depth(text)
        value: object = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is not JSON: a number is too long") from None
    return value


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it. Brackets in strings are no nesting."""
    depth = 0
    in_string = escaped = False
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise InvalidRequest(f"the body is nested more than {_MAX_DEPTH} levels deep")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise InvalidRequest(f"{_shown(key)}: duplicate key")
        result[key] = value
    return result


def _shown(name: str) -> str:
    """A client's own name as a message can hold it: of any length, and JSON may escape half a surrogate pair."""
    return name[:_MAX_NAME].encode("utf-8", "replace").decode()


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise InvalidRequest("the body is not JSON that every reader reads alike: a number is too large")
    return value


def _constant(name: str) -> object:
    raise InvalidRequest(f"the body is not JSON: {name} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _reason(kind: str, message: str, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"unknown field; known: {known}"
    if kind == "missing":
        return "is required"
    if kind == "string_unicode":
        return "must be text: it holds half of a surrogate pair"
    return message.replace("Input should ", "must ", 1).replace("Value error, ", "", 1)
