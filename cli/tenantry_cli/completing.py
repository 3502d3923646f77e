"""What the shell offers: names out of the cluster, or nothing where it does not answer at once."""

from collections.abc import Sequence
from typing import Any

from tenantry_cli.errors import CliError
from tenantry_cli.kubectl import Kubectl

SECONDS = 3.0
FLAGS = ("context", "kubeconfig", "cluster", "user", "as", "as-group", "request-timeout")


def cluster_flags(parameters: dict[str, Any]) -> tuple[str, ...]:
    """kubectl's flags out of a command's parameters, which are called as the flags are."""
    found: list[str] = []
    for name in FLAGS:
        value = parameters.get(f"{name.replace('-', '_')}_")
        for one in value if isinstance(value, list | tuple) else (value,) if value else ():
            found += [f"--{name}", str(one)]
    return tuple(found)


def names(parameters: dict[str, Any], kind: str) -> Sequence[str]:
    """The names of what there is of a kind in the namespace that the command line names so far."""
    kubectl = Kubectl(cluster_flags(parameters), parameters.get("namespace_"))
    try:
        found = kubectl.run("get", kind, "-o", "name", timeout=SECONDS)
    except CliError:
        return ()
    return [line.partition("/")[2] for line in found.splitlines()]


def contexts(parameters: dict[str, Any]) -> Sequence[str]:
    """The contexts of the kubeconfig."""
    flags = ("--kubeconfig", str(parameters["kubeconfig_"])) if parameters.get("kubeconfig_") else ()
    try:
        return Kubectl(flags).run("config", "get-contexts", "-o", "name", timeout=SECONDS).splitlines()
    except CliError:
        return ()
