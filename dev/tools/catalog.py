"""Which tools there are, and how each is built."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev.errors import DevError

MODULES = Path(__file__).parent
"""Each tool's Go module is the folder of its name here: go.mod and go.sum pin it, so that a build resolves nothing."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A Go program: the module folder, the package in it, and the other names that the binary answers to.

    Or only files of a Go module, such as a project's custom resource definitions.
    """

    name: str
    package: str = "."
    """Empty where nothing is compiled: then the module is only downloaded, for its files."""
    links: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    version_of: str = ""
    """The required module whose version the progress line shows."""
    version_variables: tuple[str, ...] = ()
    """Go packages with gitVersion, gitMajor and gitMinor to set: unset, Kubernetes calls itself v0.0.0-master."""
    joined_files: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Files made from the required module's own: a name, and the paths in the module whose YAML documents it joins."""
    cold_minutes: float = field(default=1.0, repr=False)
    """What the progress line promises; no part of the cache key."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every executable and file that there is."""
        executables = (self.name, *self.links) if self.package else ()
        return (*executables, *(name for name, _ in self.joined_files))

    @property
    def module(self) -> Path:
        """The folder with go.mod."""
        return MODULES / self.name

    @property
    def go(self) -> tuple[int, ...]:
        """The Go version that go.mod asks for."""
        found = re.search(r"^go (\S+)$", (self.module / "go.mod").read_text(), re.MULTILINE)
        if found is None:
            raise DevError(f"{self.module}/go.mod has no go line")
        return tuple(map(int, found[1].split(".")))

    @property
    def version(self) -> str:
        """The version that go.mod requires, with its leading v; empty for a program of our own."""
        if not self.version_of:
            return ""
        return required_version((self.module / "go.mod").read_text(), self.version_of)


KWOK_STAGES = tuple(
    f"kustomize/stage/{name}.yaml"
    for name in (
        "node/fast/node-initialize",
        "node/heartbeat-with-lease/node-heartbeat-with-lease",
        "pod/fast/pod-ready",
        "pod/fast/pod-complete",
        "pod/fast/pod-delete",
    )
)
"""What fake nodes and pods do when left alone; kwok itself does nothing that no stage says."""

GATEWAY_API_CRDS = tuple(
    f"config/crd/standard/gateway.networking.k8s.io_{plural}.yaml"
    for plural in ("gatewayclasses", "gateways", "httproutes")
)
PROMETHEUS_OPERATOR_CRDS = tuple(
    f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
    for plural in ("servicemonitors", "prometheusrules")
)

TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "kubebox",
            links=(
                "etcd",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "kubelet",
                "kubectl",
                "kubeadm",
                "volume-provisioner",
            ),
            tags=("selinux_none", "providerless"),
            version_of="k8s.io/kubernetes",
            version_variables=("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
            cold_minutes=8,
        ),
        Tool("pause", cold_minutes=0.5),
        Tool("coredns", version_of="github.com/coredns/coredns"),
        Tool(
            "kwok",
            package="sigs.k8s.io/kwok/cmd/kwok",
            version_of="sigs.k8s.io/kwok",
            joined_files=(("stages.yaml", KWOK_STAGES),),
            cold_minutes=2,
        ),
        Tool("kind", package="sigs.k8s.io/kind", version_of="sigs.k8s.io/kind"),
        Tool("helm", package="helm.sh/helm/v4/cmd/helm", version_of="helm.sh/helm/v4", cold_minutes=2),
        Tool("promcheck", version_of="github.com/prometheus/prometheus"),
        Tool("netpol", version_of="github.com/mattfenwick/cyclonus"),
        Tool("gitops", version_of="github.com/argoproj/argo-cd/v3", cold_minutes=6),
        Tool(
            "gateway-api",
            package="",
            version_of="sigs.k8s.io/gateway-api",
            joined_files=(("gateway-api.yaml", GATEWAY_API_CRDS),),
            cold_minutes=0.1,
        ),
        Tool(
            "prometheus-operator",
            package="",
            version_of="github.com/prometheus-operator/prometheus-operator",
            joined_files=(("prometheus-operator.yaml", PROMETHEUS_OPERATOR_CRDS),),
            cold_minutes=0.1,
        ),
    )
}


def find_tool(name: str) -> Tool:
    """Return the tool that an executable or file belongs to (`kubectl` is kubebox's). Raises DevError for none."""
    for tool in TOOLS.values():
        if name == tool.name or name in tool.names:
            return tool
    known = sorted({*TOOLS, *(name for tool in TOOLS.values() for name in tool.names)})
    raise DevError(f"no tool is called {name!r}; there are: {', '.join(known)}")


def required_version(go_mod: str, module: str) -> str:
    """Return the version at which a go.mod requires a module. Raises DevError when it does not."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise DevError(f"go.mod does not require {module}")
    return found[1]


def linker_flags(tool: Tool, version: str) -> str:
    """Return the value of -ldflags: stripped, and with the version in the packages that print it."""
    major, _, rest = version.removeprefix("v").partition(".")
    settings = {"gitVersion": version, "gitMajor": major, "gitMinor": rest.partition(".")[0]}
    pairs = [f"-X {package}.{name}={value}" for package in tool.version_variables for name, value in settings.items()]
    return " ".join(["-s", "-w", *pairs])
