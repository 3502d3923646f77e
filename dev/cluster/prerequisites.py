"""What a machine must have to run a local cluster; Debian's packages are installed where they are missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.cluster import cgroups
from dev.cluster.layout import Layout
from dev.cluster.node import OWN_FOLDERS
from dev.console import say, step
from dev.errors import DevError

CNI_PLUGINS = Path("/usr/lib/cni")
NEEDED_CNI_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the tools are: a PATH without the sbin folders is common, and hides iptables."""

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "sysctl": "procps",
    "mount": "mount",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setsid": "util-linux",
    "openssl": "openssl",
}
"""Command → the Debian package that has it."""

IMAGE_PACKAGES = {"buildah": "buildah", "debootstrap": "debootstrap"}
"""What makes images where no container engine does."""


def ensure(layout: Layout, commands: Mapping[str, str] = PACKAGES) -> None:
    """Install the packages of commands that are missing, then check the rest.

    Raises:
        DevError: naming everything that is missing, one line.
    """
    packages = missing_packages(commands)
    if packages and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(packages)
    problems = find_problems(layout, commands)
    if problems:
        raise DevError(f"a local cluster cannot run here: {'; '.join(problems)}")


def find_problems(layout: Layout, commands: Mapping[str, str] = PACKAGES) -> list[str]:
    """Say what keeps a local cluster from running, in the order in which it must be put right."""
    problems = []
    if sys.platform != "linux":
        return ["it needs Linux (use CLUSTER=kind)"]
    if os.geteuid() != 0:
        problems.append("it needs root (use sudo, or CLUSTER=kind with a container engine)")
    missing = cgroups.missing_controllers()
    if missing:
        problems.append(f"no cgroup controllers {', '.join(sorted(missing))} are mounted under /sys/fs/cgroup")
    packages = missing_packages(commands)
    if packages:
        problems.append(f"missing: apt-get install {' '.join(packages)}")
    problems += [f"the cache must not be below {path}" for path in OWN_FOLDERS if layout.state.is_relative_to(path)]
    return problems


def missing_packages(commands: Mapping[str, str]) -> list[str]:
    """Name the Debian packages of which something is not there."""
    packages = {package for command, package in commands.items() if shutil.which(command, path=SEARCH) is None}
    if not all((CNI_PLUGINS / plugin).exists() for plugin in NEEDED_CNI_PLUGINS):
        packages.add("containernetworking-plugins")
    return sorted(packages)


def _install(packages: list[str]) -> None:
    say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step("apt-get install"):
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = ["apt-get", "-qq", *arguments]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                raise DevError(f"{' '.join(command)}: {(result.stderr or result.stdout).strip()}")
