"""A client of a gateway's `POST /v1/chat`, for the demo and the end-to-end tests."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A status code and the JSON body that came with it."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chat:
    """One gateway, as one integration sees it."""

    base_url: str
    token: str

    def send(self, text: str, **message: str) -> Answer:
        """Send a message; `message` may give channel, channelId, senderId and agentId. Seconds to wait: 60."""
        try:
            with urllib.request.urlopen(self._request({"text": text, **message}), timeout=60) as response:
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.load(error))

    def stream(self, text: str, **message: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Send a message and yield each server-sent event as it arrives: its name and its data."""
        body = {"text": text, "stream": True, **message}
        with urllib.request.urlopen(self._request(body), timeout=60) as response:
            event = ""
            for line in response:
                field, _, value = line.decode().strip().partition(": ")
                if field == "event":
                    event = value
                elif field == "data":
                    yield event, json.loads(value)

    def _request(self, body: dict[str, Any]) -> urllib.request.Request:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return urllib.request.Request(f"{self.base_url}/v1/chat", json.dumps(body).encode(), headers)
