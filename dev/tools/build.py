"""Build a tool into the cache, once for each state of its sources and its toolchain."""

import os
import platform
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from dev.cache import cache_root, content_key, exclusive
from dev.console import say
from dev.errors import DevError
from dev.tools.catalog import Tool, find_tool, linker_flags
from dev.tools.toolchain import build_environment, find_go, prepare

PROGRESS_SECONDS = 15.0
SOURCES = ("go.mod", "go.sum", "*.go")


def tool_path(name: str) -> Path:
    """Return the path of an executable such as `kubectl`, after building the tool it belongs to if it is not built.

    The same for a file such as `gateway-api.yaml`.
    """
    return ensure(find_tool(name)) / name


def ensure(tool: Tool) -> Path:
    """Return the folder that holds a tool and its links; build it first where it is missing.

    Safe when several processes ask at once: one builds, the others wait. A build that is cut short leaves nothing.
    """
    go = find_go(tool.go)
    folder = cache_root() / "bin" / build_key(tool, go.version)
    if folder.exists():
        return folder
    with exclusive(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(tool, prepare(go), folder)
    return folder


def build_key(tool: Tool, go_version: str) -> str:
    """Name the build: it changes with the module's files, the way of building, the Go version and the platform."""
    return f"{tool.name}-{content_key(_ingredients(tool, go_version))}"


def _ingredients(tool: Tool, go_version: str) -> Iterable[bytes]:
    yield f"{tool!r} go{go_version} {platform.system()} {platform.machine()}".encode()
    for pattern in SOURCES:
        for source in sorted(tool.module.glob(pattern)):
            yield source.name.encode()
            yield source.read_bytes()


def _build(tool: Tool, go: Path, folder: Path) -> None:
    """Build next to the final folder and move it there whole."""
    doing, done = ("building", "built") if tool.package else ("downloading", "downloaded")
    say(f"{doing} {tool.name} {tool.version or '(ours)'} (about {tool.cold_minutes:g} min when nothing is cached)")
    started = time.monotonic()
    staging = folder.with_name(f".{folder.name}.{os.getpid()}")
    staging.mkdir(parents=True, exist_ok=True)
    try:
        if tool.package:
            _compile(tool, go, staging, started)
        else:
            _go(tool, go, "mod", "download", tool.version_of)
        _add_companions(tool, go, staging)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    say(f"{done} {tool.name} in {time.monotonic() - started:.0f} s")


def _compile(tool: Tool, go: Path, folder: Path, started: float) -> None:
    command = [str(go), "build", "-v", "-trimpath", f"-tags={','.join(tool.tags)}"]
    command += [f"-ldflags={linker_flags(tool, tool.version)}", "-o", str(folder / tool.name), tool.package]
    _run_with_progress(command, tool, started)


def _run_with_progress(command: list[str], tool: Tool, started: float) -> None:
    """Run `go build -v`, which prints a line a module fetched and a package compiled; say at times how far it is."""
    counts = {"fetched": 0, "compiled": 0}
    errors: list[str] = []
    finished = threading.Event()

    def progress() -> str:
        seconds = time.monotonic() - started
        done = f"{counts['fetched']} modules fetched, {counts['compiled']} packages compiled"
        return f"  {tool.name}: {done}, {seconds:.0f} s"

    reporter = threading.Thread(target=_report, args=(finished, progress))
    reporter.start()
    environment = build_environment(os.environ)
    try:
        with subprocess.Popen(command, cwd=tool.module, env=environment, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr or ():
                kind = classify(line)
                if kind is None:
                    errors.append(line.rstrip())
                else:
                    counts[kind] += 1
    finally:
        finished.set()
        reporter.join()
    if process.returncode != 0:
        for line in errors:
            say(f"  {line}")
        raise DevError(f"go build of {tool.name} failed with code {process.returncode}; its output is above")


def _add_companions(tool: Tool, go: Path, folder: Path) -> None:
    """Put the tool's links and files next to it."""
    for link in tool.links:
        (folder / link).symlink_to(tool.name)
    for name, sources in tool.joined_files:
        module = _module_folder(tool, go)
        documents = [(module / source).read_text() for source in sources]
        (folder / name).write_text("\n---\n".join(documents))


def _module_folder(tool: Tool, go: Path) -> Path:
    """Return where Go keeps the sources of the module that the tool comes from."""
    return Path(_go(tool, go, "list", "-m", "-f", "{{.Dir}}", tool.version_of))


def _go(tool: Tool, go: Path, *arguments: str) -> str:
    """Return what a go command says in the tool's module."""
    environment = build_environment(os.environ)
    command = [str(go), *arguments]
    result = subprocess.run(command, cwd=tool.module, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DevError(f"go {arguments[0]} {arguments[1]} for {tool.name} failed: {result.stderr.strip()}")
    return result.stdout.strip()


def classify(line: str) -> str | None:
    """Tell what a line of `go build -v` counts as; None where it is an error's text."""
    if line.startswith("go: downloading "):
        return "fetched"
    word = line.strip()
    return "compiled" if word and " " not in word and ":" not in word and not line.startswith(("\t", "#")) else None


def _report(finished: threading.Event, line: Callable[[], str]) -> None:
    while not finished.wait(PROGRESS_SECONDS):
        say(line())
