"""The development cluster itself, under a second name, so that the one in use is not disturbed."""

import contextlib
import os
import platform
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.cluster import Provider, choose_provider
from dev.cluster.image_archive import pack_executable
from dev.cluster.kind import KindProvider, find_engine
from dev.cluster.layout import Layout
from dev.cluster.local import LocalProvider
from dev.cluster.node import find_node
from dev.kubectl import Kubectl
from dev.tools.build import tool_path

NAME = "lifecycle"
IMAGE = "tenantry.dev/idle:1"
IDLE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "idle", "namespace": "default"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532},
        "containers": [
            {
                "name": "idle",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "default"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@dataclass(frozen=True)
class ImageFile:
    path: Path


@pytest.fixture
def cluster() -> Iterator[Provider]:
    kind = choose_provider().name == "kind"
    provider: Provider = KindProvider(NAME) if kind else LocalProvider(Layout.of(NAME))
    provider.down()
    yield provider
    provider.down()


@pytest.fixture
def idle_image(tmp_path: Path) -> ImageFile:
    archive = tmp_path / "idle.tar"
    pack_executable(tool_path("pause"), IMAGE, platform.machine(), archive)
    return ImageFile(archive)


def test_a_cluster_runs_pods_survives_a_crash_and_leaves_nothing(cluster: Provider, idle_image: ImageFile) -> None:
    before = traces()

    cluster.up()
    run_a_pod(cluster, idle_image)
    crash(cluster, everything=False)
    assert not cluster.is_up()

    cluster.up()
    run_a_pod(cluster, idle_image)
    crash(cluster, everything=True)
    cluster.down()

    assert traces() == before
    assert not cluster.kubeconfig.exists()


def test_what_is_there_already_is_not_made_again(
    cluster: Provider, idle_image: ImageFile, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.up()
    cluster.load([idle_image])
    made = Kubectl(cluster.kubectl, cluster.kubeconfig).get("namespace", "default", "")["metadata"]["uid"]
    capsys.readouterr()

    cluster.up()
    cluster.load([idle_image])

    assert Kubectl(cluster.kubectl, cluster.kubeconfig).get("namespace", "default", "")["metadata"]["uid"] == made
    assert capsys.readouterr().err == f"cluster {NAME} is up\n"


def run_a_pod(cluster: Provider, image: ImageFile) -> None:
    cluster.load([image])
    kubectl = Kubectl(cluster.kubectl, cluster.kubeconfig)
    kubectl.run("-n", "default", "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    kubectl.apply(CLAIM, IDLE)
    kubectl.wait("condition=Ready", "pod/idle", "default")
    assert kubectl.get("pvc", "data", "default")["status"]["phase"] == "Bound"


def crash(cluster: Provider, *, everything: bool) -> None:
    """Kill the cluster's processes without a warning: what runs in it, or all including what holds it together."""
    if isinstance(cluster, KindProvider):
        subprocess.run([find_engine() or "", "kill", f"{NAME}-control-plane"], capture_output=True, check=True)
        return
    node = find_node(Layout.of(NAME))
    assert node is not None
    inside = Path(f"/proc/{node.init}/ns/pid").readlink()
    for pid in processes_in(inside):
        if everything or pid != node.init:
            with contextlib.suppress(ProcessLookupError):  # it went with the first
                os.kill(pid, signal.SIGKILL)


def processes_in(namespace: Path) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "ns/pid").readlink() == namespace:
                found.add(int(entry.name))
        except OSError:  # it has ended, or is none of ours to look at
            continue
    return found


def traces() -> dict[str, list[str]]:
    """What a cluster of this name could leave on the machine, seen without the code that removes it."""
    if find_engine() is not None:
        containers = lines(find_engine() or "", "ps", "--all", "--format", "{{.Names}}")
        return {"containers": [name for name in containers if NAME in name]}
    in_use = Layout.of()
    links = [line.split()[0].split("@")[0] for line in lines("ip", "-brief", "link")]
    return {
        "processes": [line for line in lines("ps", "-ww", "-eo", "args") if f"local-{NAME}" in line],
        "mounts": [line for line in lines("cat", "/proc/self/mounts") if NAME in line or "cni-" in line],
        "namespaces": [name for name in lines("ip", "netns", "list") if not name.startswith(in_use.node)],
        "links": [name for name in links if name != in_use.link],
        "rules": [line for line in lines("iptables-save") if line.startswith("-")],
        "cgroups": lines("find", "/sys/fs/cgroup", "-type", "d", "-name", f"*{NAME}*"),
        "forwarding": lines("cat", "/proc/sys/net/ipv4/ip_forward"),
        "folders": [str(path) for path in (Path("/var/lib/cni"), Path("/run/containerd")) if path.exists()],
    }


def lines(*command: str) -> list[str]:
    return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
