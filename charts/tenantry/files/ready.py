"""Wait until every replica behind a headless Service is ready to act: ready.py HOST SECONDS. For `helm test`."""

import socket
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PORT = 8080


def trouble(address: str) -> str:
    """Why a replica is not ready, in its own words; empty if it is."""
    connection = HTTPConnection(address, PORT, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return "" if answer.status == HTTPStatus.OK else answer.read().decode()
    except (OSError, HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def look(host: str) -> dict[str, str]:
    """What each replica says, by address."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)}
    except OSError as error:
        return {host: str(error)}
    return {address: trouble(address) for address in sorted(found)}


def main(host: str, seconds: float) -> int:
    """The process's exit code."""
    deadline = time.monotonic() + seconds
    seen = look(host)
    while any(seen.values()) and time.monotonic() < deadline:
        time.sleep(1)
        seen = look(host)
    for address, said in seen.items():
        print(f"{address}: {said or 'ready'}")
    return 1 if any(seen.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
