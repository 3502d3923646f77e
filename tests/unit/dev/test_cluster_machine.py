import tarfile
from pathlib import Path

import pytest

from dev.cluster import cgroups, kind, kind_control_plane, prerequisites
from dev.cluster.__main__ import main
from dev.cluster.choice import choose_provider
from dev.cluster.image_archive import pack_executable, read_images
from dev.cluster.kind import KindProvider
from dev.cluster.layout import Layout
from dev.cluster.local import LocalProvider
from dev.cluster.processes import mentions
from dev.cluster.waiting import log_tail, wait_until
from dev.errors import DevError

VERSION_1 = """tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
"""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("CLUSTER", "CLUSTER_NAME", "KIND_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def test_version_1_controllers_are_read_from_the_mounts() -> None:
    assert cgroups.hierarchies(VERSION_1) == [Path("/sys/fs/cgroup/cpu,cpuacct"), Path("/sys/fs/cgroup/memory")]
    assert {"cpu", "cpuacct", "memory"} <= cgroups.controllers(VERSION_1)
    assert "pids" not in cgroups.controllers(VERSION_1)


def test_version_2_controllers_are_read_from_the_root_group(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    mounts = f"cgroup2 {tmp_path} cgroup2 rw,nosuid 0 0\n"
    assert cgroups.controllers(mounts) == {"cpu", "memory", "pids"}


def test_a_version_2_group_hands_its_controllers_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    root = tmp_path / "cgroup"
    root.mkdir()
    mounts.write_text(f"cgroup2 {root} cgroup2 rw 0 0\n")
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    (root / "cgroup.subtree_control").write_text("cpu\n")
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)

    cgroups.create("x-node")

    assert (root / "cgroup.subtree_control").read_text() == "+memory +pids"
    assert (root / "x-node").is_dir()
    cgroups.remove("x-node")
    assert not (root / "x-node").exists()


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DevError, match=r"it needs root \(use sudo, or CLUSTER=kind"):
        prerequisites.ensure(Layout.of())


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n")
    monkeypatch.setattr(cgroups, "MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(prerequisites, "SEARCH", str(tmp_path))
    monkeypatch.setattr(prerequisites, "CNI_PLUGINS", tmp_path)
    problems = "; ".join(prerequisites.find_problems(Layout.of()))
    assert "no cgroup controllers cpu, memory, pids are mounted" in problems
    assert "apt-get install conntrack containerd containernetworking-plugins iproute2 iptables" in problems


def test_a_cache_that_the_node_would_hide_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/run/cache")
    assert "the cache must not be below /run" in prerequisites.find_problems(Layout.of())


@pytest.mark.parametrize(
    ("wanted", "engine", "provider"),
    [
        ("", None, LocalProvider),
        ("", "docker", KindProvider),
        ("local", "docker", LocalProvider),
        ("kind", None, KindProvider),
    ],
)
def test_kind_serves_where_an_engine_answers_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, wanted: str, engine: str | None, provider: type[object]
) -> None:
    monkeypatch.setattr("dev.cluster.choice.find_engine", lambda: engine)
    monkeypatch.setenv("CLUSTER", wanted)
    assert isinstance(choose_provider(), provider)


@pytest.mark.parametrize(
    ("go", "engine", "from_kind"),
    [(True, None, False), (True, "docker", False), (False, "docker", True), (False, None, False)],
)
def test_kind_lends_its_api_server_where_go_is_missing(
    monkeypatch: pytest.MonkeyPatch, engine: str | None, *, go: bool, from_kind: bool
) -> None:
    monkeypatch.setattr(kind_control_plane, "machine_has_go", lambda _: go)
    monkeypatch.setattr(kind_control_plane, "find_engine", lambda: engine)
    chosen = kind_control_plane.choose_control_plane("tests")
    assert isinstance(chosen, kind_control_plane.KindControlPlane) is from_kind


def test_an_unknown_provider_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    with pytest.raises(DevError, match="'minikube' is neither kind nor local"):
        choose_provider()


def test_kind_without_an_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "find_engine", lambda: None)
    with pytest.raises(DevError, match="no container engine answers: start one of docker, podman, nerdctl"):
        KindProvider().up()
    assert KindProvider().problems()


def test_a_kind_configuration_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text, message in (("[1]", "holds no mapping"), ("a: [", "KIND_CONFIG: ")):
        (tmp_path / "kind.yaml").write_text(text)
        monkeypatch.setenv("KIND_CONFIG", str(tmp_path / "kind.yaml"))
        with pytest.raises(DevError, match=message):
            kind._machine_config()


def test_the_status_of_a_cluster_that_is_down_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLUSTER", "local")
    assert main(["status"]) == 1
    captured = capsys.readouterr()
    assert captured.err == "problem: it is not running\n"
    assert captured.out.endswith("state: not up\n")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("etcd", "--data-dir=/state/etcd"), True),
        (("pause", "--node=/state"), True),
        (("kubelet", "--config", "/state/kubelet.yaml"), True),
        (("etcd", "--data-dir=/state-of-another/etcd"), False),
        (("etcd",), False),
    ],
)
def test_a_process_belongs_to_the_folder_that_it_mentions(arguments: tuple[str, ...], *, found: bool) -> None:
    assert mentions(arguments, Path("/state")) is found


def test_an_executable_becomes_an_image_that_is_read_back(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    pack_executable(program, "example/program:1", "x86_64", tmp_path / "one.tar")
    pack_executable(program, "example/program:1", "x86_64", tmp_path / "two.tar")

    (image,) = read_images(tmp_path / "one.tar")

    assert image.names == ("example/program:1",)
    assert image.id.startswith("sha256:")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_what_is_no_image_archive_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tar")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    for name in ("text", "empty.tar", "absent"):
        with pytest.raises(DevError, match=r"is no docker-archive") as raised:
            read_images(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_waiting_ends_early_with_the_reason_or_late_without_one() -> None:
    with pytest.raises(DevError, match="it cannot become ready: it died"):
        wait_until(lambda: False, "it", 60, lambda: "it died")
    with pytest.raises(DevError, match="it is not ready after 0 s"):
        wait_until(lambda: False, "it", 0, lambda: None)
    wait_until(lambda: True, "it", 0, lambda: "never asked")


def test_the_end_of_a_log_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"line {number}\n" for number in range(9)))
    assert log_tail(tmp_path / "log") == "line 4 | line 5 | line 6 | line 7 | line 8"
    assert log_tail(tmp_path / "absent") == ""
