"""Hash-pinned requirements, one file an extra: `python -m dev.locks [--check]`.

The files name no index, so they install from whichever one pip is configured for. The images' files are constrained
by the development one: what is tested is what is shipped.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = Path("requirements")
PYTHON = "3.11"


def compile_lock(extra: str, output: Path, constraint: Path | None, *, upgrade: bool) -> None:
    """Resolve one extra for every platform and Python from PYTHON up, starting from the pins already in `output`."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", PYTHON]
    command += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
    command += ["--extra", extra, "--no-emit-package", "tenantry", "--output-file", str(output), "pyproject.toml"]
    command += ["--upgrade"] if upgrade else []
    command += ["--constraint", str(constraint)] if constraint else []
    subprocess.run(command, cwd=ROOT, check=True)


def compile_all(directory: Path, *, upgrade: bool) -> None:
    """Write dev.txt, then the images' files under its constraint."""
    compile_lock("dev", directory / "dev.txt", None, upgrade=upgrade)
    for extra in ("operator", "gateway"):
        compile_lock(extra, directory / f"{extra}.txt", directory / "dev.txt", upgrade=upgrade)


def stale() -> list[str]:
    """The names of the lock files that pyproject.toml no longer agrees with."""
    with TemporaryDirectory() as name:
        fresh = Path(name)
        files = [ROOT / DIRECTORY / f"{extra}.txt" for extra in ("dev", "operator", "gateway")]
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
