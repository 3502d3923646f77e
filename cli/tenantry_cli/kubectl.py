"""kubectl as a subprocess: contexts, credential plugins, proxies and impersonation work as they do for the user."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tenantry_cli.errors import CliError

Manifest = dict[str, Any]
TIMEOUT = 60.0
"""Seconds after which kubectl is taken for stuck; it gives up by itself on a server that does not answer."""


class KubectlError(CliError):
    """kubectl ended with an error; the text is its own."""


class Forbidden(KubectlError):
    """The user may not do this."""


class NotFound(KubectlError):
    """There is no such object."""


class NoSuchKind(KubectlError):
    """The API server does not know the kind: our definitions are not installed."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """How the user wants kubectl to be called."""

    flags: tuple[str, ...] = ()
    """Those that say which cluster, and as whom."""
    namespace: str | None = None
    """None: the context's."""

    @staticmethod
    def binary() -> str:
        """`KUBECTL`, else the one on PATH.

        Raises:
            CliError: where there is none.
        """
        wanted = os.environ.get("KUBECTL") or "kubectl"
        found = shutil.which(wanted)
        if found is None:
            raise CliError(f"{wanted} is not on PATH: install kubectl, or set KUBECTL to where it is")
        return found

    def command(self, *arguments: str, namespace: str | None = None) -> list[str]:
        """The whole command line; `namespace` wins over the user's."""
        where = namespace or self.namespace
        return [self.binary(), *self.flags, *(("-n", where) if where else ()), *arguments]

    def run(
        self, *arguments: str, namespace: str | None = None, stdin: str | None = None, timeout: float = TIMEOUT
    ) -> str:
        """Return kubectl's standard output.

        Raises:
            KubectlError: with kubectl's error text, where it ends with another code than 0 or not in time.
        """
        command = self.command(*arguments, namespace=namespace)
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"no answer within {timeout:.0f} s from: kubectl {' '.join(arguments)}") from error
        except OSError as error:
            raise CliError(f"{command[0]} cannot be run: {error.strerror}") from error
        if done.returncode:
            raise failure(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def get(self, *arguments: str, namespace: str | None = None) -> Manifest:
        """What `kubectl get … -o json` says."""
        found: Manifest = json.loads(self.run("get", *arguments, "-o", "json", namespace=namespace))
        return found

    def items(self, *arguments: str, namespace: str | None = None) -> list[Manifest]:
        """The objects of a list."""
        items: list[Manifest] = self.get(*arguments, namespace=namespace)["items"]
        return items

    def default_namespace(self) -> str:
        """The namespace that is meant where none is named."""
        if self.namespace:
            return self.namespace
        found = self.run("config", "view", "--minify", "-o", "jsonpath={..namespace}").strip()
        return found or "default"

    def start(self, arguments: Sequence[str], namespace: str, **how: Any) -> "subprocess.Popen[str]":
        """Start kubectl and leave it running."""
        command = self.command(*arguments, namespace=namespace)
        return subprocess.Popen(command, text=True, errors="replace", **how)


def failure(text: str) -> KubectlError:
    """The error that kubectl's last words mean."""
    kinds: tuple[tuple[type[KubectlError], tuple[str, ...]], ...] = (
        (Forbidden, ("(Forbidden)",)),
        (NoSuchKind, ("the server doesn't have a resource type", "no matches for kind")),
        (NotFound, ("(NotFound)",)),
    )
    for kind, marks in kinds:
        if any(mark in text for mark in marks):
            return kind(text)
    return KubectlError(text or "kubectl failed without a word")
