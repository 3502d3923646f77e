"""`kubectl tenantry …`, or `kubectl-tenantry …`, and kubectl's completion of it."""

import os
import signal
import sys

from tenantry_cli.console import harmless, say
from tenantry_cli.errors import CliError


def main() -> None:
    """Run the command line. Exit codes: 0 all is well, 1 something is wrong, 2 the command line, 130 interrupted."""
    from tenantry_cli.app import VARIABLE, app

    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
    signal.signal(signal.SIGTERM, _end)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, _end)
    try:
        app(prog_name="kubectl tenantry", complete_var=VARIABLE)
    except CliError as error:
        say(f"error: {harmless(str(error))}")
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever reads has had enough, as `| head` does; Python must not complain when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def complete() -> None:
    """Answer kubectl's completion: the words so far as arguments, the last of them not finished."""
    from tenantry_cli.app import app
    from tenantry_cli.commands.completion import offers

    for line in offers(app, sys.argv[1:]):
        print(line)
    # Cobra's directives: file names may follow, or not.
    print(":0" if sys.argv[1:2] == ["lint"] else ":4")


def _end(signum: int, frame: object) -> None:  # noqa: ARG001 - what signal handlers get
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()
