"""The provider `kind`: a cluster in containers, wherever a container engine answers."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.cache import cache_root, exclusive
from dev.cluster import audit, kind_config
from dev.cluster.containerd import NAMESPACE, holds_image
from dev.cluster.image_archive import read_images
from dev.cluster.layout import DEFAULT_NAME
from dev.cluster.provider import ImageArchive
from dev.console import say, step
from dev.errors import DevError
from dev.kubectl import Kubectl, KubectlError
from dev.tools.build import tool_path

ENGINES = ("docker", "podman", "nerdctl")
ENGINE_SECONDS = 15
SYSTEM_DEPLOYMENTS = (("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner"))


@cache
def find_engine() -> str | None:
    """Return the first container engine that answers; a command without its daemon does not."""
    for engine in ENGINES:
        if shutil.which(engine) is None:
            continue
        try:
            result = subprocess.run([engine, "info"], capture_output=True, timeout=ENGINE_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            continue
        if result.returncode == 0:
            return engine
    return None


class KindProvider:
    """A cluster that kind makes and removes.

    KIND_NODE_IMAGE replaces kind's default node image; KIND_CONFIG names a file of kind configuration that is laid over
    ours, for machines whose kernel needs it.
    """

    name = "kind"

    def __init__(self, cluster: str | None = None) -> None:
        self.cluster = cluster or os.environ.get("CLUSTER_NAME") or DEFAULT_NAME
        folder = "kind" if self.cluster == DEFAULT_NAME else f"kind-{self.cluster}"
        self._state = cache_root() / "cluster" / folder

    @property
    def kubeconfig(self) -> Path:
        """Where the administrator's kubeconfig is while the cluster is up."""
        return self._state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The API server's audit log."""
        return self._state / "audit" / kind_config.LOG

    @property
    def kubectl(self) -> Path:
        """The machine's own kubectl, or else the one that the tools build."""
        found = shutil.which("kubectl")
        return Path(found) if found else tool_path("kubectl")

    def problems(self) -> list[str]:
        """Say what is wrong with a cluster that should be up; nothing means that it is up and well."""
        if find_engine() is None:
            return [_no_engine()]
        if self.cluster not in self._kind("get", "clusters").split():
            return ["it is not running"]
        if not self.kubeconfig.exists():
            return [f"{self.kubeconfig} is missing"]
        try:
            Kubectl(self.kubectl, self.kubeconfig).run("get", "--raw", "/readyz", "--request-timeout=5s")
        except KubectlError as error:
            return [f"the API server is not ready: {error}"]
        return []

    def is_up(self) -> bool:
        """Say whether the cluster is up and its API server ready."""
        return not self.problems()

    def prepare(self) -> None:
        """Check that a container engine answers; everything else is in its images."""
        if find_engine() is None:
            raise DevError(_no_engine())

    def up(self) -> None:
        """Create the cluster unless it is up and well; one that is not is replaced.

        Raises:
            DevError: where no container engine answers, or kind fails.
        """
        self.prepare()
        with exclusive(self._state.with_name(f"{self._state.name}.lock")):
            if self.is_up():
                say(f"cluster {self.cluster} is up")
                return
            with step(f"cluster {self.cluster} is up"):
                self._delete()
                self._create()

    def down(self) -> None:
        """Delete the cluster with everything that kind made for it."""
        self.prepare()
        with exclusive(self._state.with_name(f"{self._state.name}.lock")):
            self._delete()

    def load(self, archives: Iterable[ImageArchive]) -> None:
        """Put images on every node, without those that are there already."""
        nodes = self._kind("get", "nodes", "--name", self.cluster).split()
        for archive in archives:
            images = [(name, image.id) for image in read_images(archive.path) for name in image.names]
            if nodes and all(self._holds(node, images) for node in nodes):
                continue
            with step(f"load {' '.join(name for name, _ in images)}"):
                self._kind("load", "image-archive", str(archive.path), "--name", self.cluster)

    def on_node(self, *command: str) -> str:
        """Return what a command says on the control plane's node."""
        return _run([find_engine() or "", "exec", f"{self.cluster}-control-plane", *command])

    def _create(self) -> None:
        folder = self.audit_log.parent
        folder.mkdir(parents=True)
        audit.write_policy(folder / kind_config.POLICY)
        config = kind_config.merge(kind_config.base_config(folder), _machine_config())
        file = self._state / "kind.yaml"
        file.write_text(yaml.safe_dump(config))
        image = os.environ.get("KIND_NODE_IMAGE")
        command = ["create", "cluster", "--name", self.cluster, "--kubeconfig", str(self.kubeconfig)]
        command += ["--config", str(file), "--wait", "180s", *(["--image", image] if image else [])]
        self._kind(*command)
        kubectl = Kubectl(self.kubectl, self.kubeconfig)
        for namespace, name in SYSTEM_DEPLOYMENTS:
            try:
                kubectl.run("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=180s", timeout=190)
            except KubectlError as error:
                raise DevError(f"{namespace}/{name} does not become ready: {error}") from error

    def _delete(self) -> None:
        self._kind("delete", "cluster", "--name", self.cluster, "--kubeconfig", str(self.kubeconfig))
        shutil.rmtree(self._state, ignore_errors=True)

    def _holds(self, node: str, images: Sequence[tuple[str, str]]) -> bool:
        command = [find_engine() or "", "exec", node, "ctr", f"--namespace={NAMESPACE}", "images", "ls"]
        try:
            listing = _run(command)
        except DevError:  # then they are loaded once more, and that says what is wrong
            return False
        return all(holds_image(listing, name, image_id) for name, image_id in images)

    def _kind(self, *arguments: str) -> str:
        command = shutil.which("kind") or str(tool_path("kind"))
        return _run([command, *arguments])


def _machine_config() -> dict[str, Any]:
    """Read the file that KIND_CONFIG names."""
    file = os.environ.get("KIND_CONFIG")
    if not file:
        return {}
    try:
        config = yaml.safe_load(Path(file).read_text())
    except (OSError, yaml.YAMLError) as error:
        raise DevError(f"KIND_CONFIG: {error}") from error
    if not isinstance(config, dict):
        raise DevError(f"KIND_CONFIG: {file} holds no mapping")
    # The name is ours: it says which cluster `down` removes.
    return {key: value for key, value in config.items() if key != "name"}


def _no_engine() -> str:
    return f"no container engine answers: start one of {', '.join(ENGINES)}, or use CLUSTER=local on Linux as root"


def _run(command: list[str]) -> str:
    engine = find_engine()
    provider = {"KIND_EXPERIMENTAL_PROVIDER": engine} if engine not in (None, "docker") else {}
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **provider}, check=False)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise DevError(f"{Path(command[0]).name} {' '.join(command[1:3])} ended with {result.returncode}: {said}")
    return result.stdout
