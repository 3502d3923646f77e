"""Waiting for something to become true, with a deadline and a reason to give up early."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from dev.cluster.pki import Authority, Credentials
from dev.errors import DevError

INTERVAL = 0.05
LOG_LINES = 5


def wait_until(ready: Callable[[], bool], what: str, seconds: float, failed: Callable[[], str | None]) -> None:
    """Poll until `ready`; `failed` may name a reason why it never will be.

    Raises:
        DevError: with that reason, or when the seconds are over.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        reason = failed()
        if reason is not None:
            raise DevError(f"{what} cannot become ready: {reason}")
        if time.monotonic() > deadline:
            raise DevError(f"{what} is not ready after {seconds:.0f} s")
        time.sleep(INTERVAL)


def api_get(server: str, path: str, authority: Authority, credentials: Credentials) -> bytes | None:
    """GET from an API server with a client certificate; None unless it answers 200."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.load_cert_chain(credentials.certificate, credentials.key)
    return http_get(f"{server}{path}", urllib.request.HTTPSHandler(context=context))


def http_get(url: str, *handlers: urllib.request.BaseHandler) -> bytes | None:
    """GET without any proxy; None unless it answers 200 within five seconds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    try:
        with opener.open(url, timeout=5) as answer:
            return bytes(answer.read()) if answer.status == HTTPStatus.OK else None
    except urllib.error.HTTPError as error:
        error.close()  # It holds the connection.
        return None
    except OSError:
        return None


def log_tail(log: Path) -> str:
    """Return the last lines of a log, on one line, for an error message; empty where there are none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return " | ".join(line.strip() for line in lines[-LOG_LINES:])
