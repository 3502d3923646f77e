"""Hash-pinned requirements, one file an extra or dependency group: `python -m dev.locks [--check]`.

The files name no index, so they install from whichever one pip is configured for. The images' files are constrained
by the development one: what is tested is what is shipped. LiteLLM's, which is only measured, is not.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = Path("requirements")
PYTHON = "3.11"
SELECTIONS = {
    **{extra: ("--extra", extra, "pyproject.toml") for extra in ("dev", "operator")},
    "gateway": ("--extra", "gateway", "--extra", "tracing", "pyproject.toml"),
    **{group: ("--group", f"pyproject.toml:{group}") for group in ("bench", "build", "litellm", "standin")},
}
"""Lock file -> what of pyproject.toml it holds; the development one comes first."""
UNCONSTRAINED = {"dev", "litellm"}


def compile_lock(selection: Sequence[str], output: Path, constraint: Path | None, *, upgrade: bool) -> None:
    """Resolve an extra or group for every platform and Python from PYTHON up, starting from the pins in `output`."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
    command += ["--no-emit-package", "tenantry", "--output-file", str(output), *selection]
    command += ["--upgrade"] if upgrade else []
    command += ["--constraint", str(constraint)] if constraint else []
    subprocess.run(command, cwd=ROOT, check=True)


def compile_all(directory: Path, *, upgrade: bool) -> None:
    """Write dev.txt, then the others under its constraint."""
    for name, selection in SELECTIONS.items():
        constraint = None if name in UNCONSTRAINED else directory / "dev.txt"
        compile_lock(selection, directory / f"{name}.txt", constraint, upgrade=upgrade)


def stale() -> list[str]:
    """The names of the lock files that pyproject.toml no longer agrees with."""
    with TemporaryDirectory() as directory:
        fresh = Path(directory)
        files = [ROOT / DIRECTORY / f"{name}.txt" for name in SELECTIONS]
        for file in files:
            (fresh / file.name).write_text(file.read_text())
        compile_all(fresh, upgrade=False)
        return [file.name for file in files if file.read_text() != (fresh / file.name).read_text()]


def main() -> int:
    """Run the command line; the exit code is 1 where a lock is stale."""
    if "--check" not in sys.argv[1:]:
        compile_all(ROOT / DIRECTORY, upgrade=True)
        return 0
    names = stale()
    if names:
        print(f"stale: {', '.join(names)} under {DIRECTORY}/. Run: make lock", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
