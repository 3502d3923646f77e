"""`kubectl tenantry` as the tests run it: the installed program, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "kubectl-tenantry"
COMPLETION = Path(sys.executable).parent / "kubectl_complete-tenantry"
SECONDS = 120


@dataclass(frozen=True)
class Cli:
    """One kubectl and one kubeconfig; output goes into pipes."""

    kubectl: Path
    kubeconfig: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, whatever that is."""
        return self._run(PROGRAM, *arguments, stdin=stdin, cwd=cwd)

    def __call__(self, *arguments: str, stdin: str = "", cwd: Path | None = None) -> str:
        """Standard output of a command that must end well."""
        done = self.run(*arguments, stdin=stdin, cwd=cwd)
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    def offers(self, *words: str) -> list[str]:
        """What kubectl's completion is offered after these words, without the help texts."""
        lines = self._run(COMPLETION, *words).stdout.splitlines()
        assert lines[-1] == ":4"
        return [line.partition("\t")[0] for line in lines[:-1]]

    def _run(
        self, program: Path, *arguments: str, stdin: str = "", cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        names = {"KUBECTL": str(self.kubectl), "KUBECONFIG": str(self.kubeconfig)}
        return subprocess.run(
            [str(program), *arguments],
            env={**os.environ, **names, **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=cwd,
        )
