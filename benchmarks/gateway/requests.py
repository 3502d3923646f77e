"""What is sent: requests made once, so that the load costs next to nothing."""

from collections.abc import Iterator
from itertools import cycle, islice

from benchmarks.gateway.http1 import request
from benchmarks.gateway.systems import TOKEN
from benchmarks.gateway.upstream import MODEL

TEXT = "What did we decide about the release on Thursday, and who still has to agree to it? " * 2
SYSTEM = "You help the team that runs the shop. Answer in a few sentences."


def relay_request(*, stream: bool = False) -> bytes:
    """POST /v1/messages."""
    body: dict[str, object] = {
        "model": MODEL,
        "max_tokens": 4096,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": TEXT}],
    }
    return request("/v1/messages", token=TOKEN, body=body | ({"stream": True} if stream else {}))


def chat_requests(senders: int, name: str) -> list[bytes]:
    """POST /v1/chat, one message of each of some senders; each sender has a session of its own."""
    return [
        request("/v1/chat", token=TOKEN, body={"text": TEXT, "senderId": f"{name}-{number}"})
        for number in range(senders)
    ]


def mixed(total: int, senders: int) -> Iterator[bytes]:
    """Some requests in all: chat and relay in turn."""
    relay = relay_request()
    each = (wanted for chat in cycle(chat_requests(senders, "soak")) for wanted in (chat, relay))
    return islice(each, total)
