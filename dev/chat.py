"""A client of a gateway's `POST /v1/chat`, for the demo and the end-to-end tests."""

import json
import urllib.error
import urllib.request
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
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        body = json.dumps({"text": text, **message}).encode()
        request = urllib.request.Request(f"{self.base_url}/v1/chat", body, headers)  # noqa: S310 - loopback, our own URL
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.load(error))
