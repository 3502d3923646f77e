"""Run the stand-in: ``python -m dev.anthropic_standin --host 127.0.0.1 --port 8080``."""

from __future__ import annotations

import argparse

from aiohttp import web

from dev.anthropic_standin.server import create_app

SHUTDOWN_SECONDS = 2.0


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="anthropic-standin", description="Stand-in for the Anthropic Messages API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
    arguments = parser.parse_args()
    web.run_app(
        create_app(),
        host=arguments.host,
        port=arguments.port,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
