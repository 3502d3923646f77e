"""Requests to a gateway: one message to `POST /v1/chat`, answered as a stream, and questions that are JSON."""

import http.client
import json
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tenantry_cli.errors import CliError

SECONDS = 330.0
"""How long to wait for the next bytes: a turn lasts at most 300 s, and heartbeats come in between."""
MAX_ANSWER = 64 * 1024 * 1024
Event = tuple[str, dict[str, Any]]


class Refused(CliError):
    """The gateway answered with an error."""


class Disconnected(CliError):
    """The connection to the gateway is gone; whether the message arrived is not known."""


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """Server-sent events: name and JSON data of each; comments are left out."""
    name, data = "message", ""
    for line in lines:
        text = line.decode(errors="replace").rstrip("\r\n")
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if not text:
            if data:
                yield name, _object(data)
            name, data = "message", ""
        elif field == "event":
            name = value
        elif field == "data":
            data += value


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def ask(port: int, token: str, message: Mapping[str, str]) -> Iterator[Event]:
    """Send a message and yield the events of its answer: `delta` with text, then `done`.

    Raises:
        Refused: where the gateway says no, or gives up in the middle.
        Disconnected: where it cannot be reached or stops speaking.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "text/event-stream"}
    try:
        connection.request("POST", "/v1/chat", json.dumps({**message, "stream": True}).encode(), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise Refused(explain(answer.status, answer.headers.get("retry-after"), _object(_text(answer))))
        done = False
        for name, data in events(answer):
            if name == "error":
                raise Refused(explain(int(data.get("status", 0)), None, data))
            done = done or name == "done"
            yield name, data
        if not done:
            raise Disconnected("the answer ends in the middle: the gateway or the port-forward has gone")
    except (OSError, http.client.HTTPException) as error:
        raise Disconnected(f"no connection to the gateway: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def fetch(port: int, token: str, path: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object that a `GET` answers.

    Raises:
        Refused: where the gateway says no.
        Disconnected: where it cannot be reached.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        connection.request("GET", target, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = _object(answer.read(MAX_ANSWER).decode(errors="replace"))
        if answer.status != 200:
            raise Refused(explain(answer.status, answer.headers.get("retry-after"), body))
    except (OSError, http.client.HTTPException) as error:
        raise Disconnected(f"no connection to the gateway: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    return body


def _text(answer: http.client.HTTPResponse) -> str:
    return answer.read(64 * 1024).decode(errors="replace")


REMEDIES = {
    401: "the token was refused: has it just been rotated? Try again; see kubectl tenantry token show",
    403: "the token's role does not allow this",
    404: "no such agent, or no binding takes this message and there is no default agent",
    429: "too many requests",
    502: "the Anthropic API failed or refused the gateway's key; see kubectl tenantry logs",
    503: "the gateway is not ready; see kubectl tenantry status",
    529: "the Anthropic API is overloaded; try again in a while",
}


def explain(status: int, retry_after: str | None, body: Mapping[str, Any]) -> str:
    """An error as a person wants it: what, the gateway's own words, when to try again, and its id in the logs."""
    error = body.get("error")
    detail = str(error.get("message", "")) if isinstance(error, dict) else ""
    text = REMEDIES.get(status) or (f"error {status}" if status else "the answer failed")
    text += f": {detail}" if detail else ""
    text += f" Try again in {retry_after} s." if retry_after else ""
    request = body.get("request_id")
    return f"{text} ({request})" if request else text
