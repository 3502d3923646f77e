"""`chat`: a port-forward, and messages over it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tenantry_cli.cluster import Gateway, demand_ready_pod, find_gateway, read_token
from tenantry_cli.console import harmless, say
from tenantry_cli.conversation import Disconnected, Refused, ask
from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.port_forward import PortForward

MAX_TEXT = 1024 * 1024
"""The gateway's limit of a body."""
PROMPT = "you> "
HISTORY = "tenantry/chat_history"


class Session:
    """A gateway, a way to it, and how each message is addressed."""

    def __init__(self, kubectl: Kubectl, gateway: Gateway, forward: PortForward, message: Mapping[str, str]) -> None:
        self._kubectl = kubectl
        self._gateway = gateway
        self._forward = forward
        self._message = message
        self._token = read_token(kubectl, gateway)

    def say(self, text: str) -> None:
        """Send a message and print the answer as it comes.

        Raises:
            CliError: where there is none.
        """
        self._revive()
        ended = True
        for name, data in ask(self._forward.port, self._token, {**self._message, "text": text}):
            if name == "delta":
                piece = harmless(str(data.get("text", "")))
                sys.stdout.write(piece)
                sys.stdout.flush()
                ended = piece.endswith("\n") if piece else ended
        if not ended:
            print(flush=True)

    def renew_token(self) -> None:
        """Read the token again: it may have been rotated."""
        self._token = read_token(self._kubectl, self._gateway)

    def _revive(self) -> None:
        """Open the way again where it was lost since the last message: the pod was replaced, or the machine slept."""
        if not self._forward.alive:
            say("the port-forward has ended; opening it again")
            self._forward.reopen()


def run(kubectl: Kubectl, name: str | None, text: str | None, message: Mapping[str, str]) -> None:
    """Send one message, from the command line or standard input; or hold a conversation on a terminal."""
    if text is None and not sys.stdin.isatty():
        text = sys.stdin.read(MAX_TEXT)
    if text is not None and not text.strip():
        raise CliError("nothing to say: the text is empty")
    gateway = find_gateway(kubectl, name)
    demand_ready_pod(gateway)
    with PortForward(kubectl, gateway) as forward:
        session = Session(kubectl, gateway, forward, message)
        if text is not None:
            session.say(text)
        else:
            _converse(session, gateway)


def _converse(session: Session, gateway: Gateway) -> None:
    """Ask and answer until Ctrl-D, /quit, or Ctrl-C at the prompt. Ctrl-C in an answer ends that answer alone."""
    history = _open_history()
    say(f"{gateway.namespace}/{gateway.name}. Ctrl-C ends an answer, Ctrl-D or /quit the conversation.")
    try:
        while True:
            try:
                text = input(PROMPT).strip()
            except (EOFError, KeyboardInterrupt):
                print()
                return
            if text == "/quit":
                return
            if text:
                _turn(session, text)
    finally:
        _save_history(history)


def _turn(session: Session, text: str) -> None:
    try:
        session.say(text)
    except KeyboardInterrupt:
        print()
        say("(interrupted; this turn is not remembered)")
    except Refused as error:
        print()
        say(f"error: {harmless(str(error))}")
        session.renew_token()
    except Disconnected as error:
        print()
        say(f"error: {harmless(str(error))}. Say it again to try over a new connection.")


def _open_history() -> Path | None:
    """Let the prompt remember earlier lines; None where there is no line editor or no place for them."""
    try:
        import readline
    except ImportError:
        return None
    file = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / HISTORY
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        readline.read_history_file(file)
    except OSError:
        return None
    readline.set_history_length(1000)
    return file


def _save_history(file: Path | None) -> None:
    if file is None:
        return
    import readline

    try:
        readline.write_history_file(file)
    except OSError as error:
        say(f"the history was not kept: {error.strerror}")
