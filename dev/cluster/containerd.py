"""containerd in the node: its configuration, and images through its ctr command."""

import subprocess
from pathlib import Path

from dev.cluster.layout import Layout
from dev.errors import DevError

PAUSE_IMAGE = "tenantry.dev/pause:1"
NAMESPACE = "k8s.io"


def render_config(layout: Layout) -> str:
    """Return containerd's configuration: everything below the state folder, the pause image our own."""
    state, plugin = layout.state / "containerd", 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{state / "root"}"
state = "{state / "state"}"
[grpc]
  address = "{layout.containerd_socket}"
[{plugin}]
  sandbox_image = "{PAUSE_IMAGE}"
  # Root may lack CAP_SYS_RESOURCE; runc then cannot lower oom_score_adj and no sandbox would start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[{plugin}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{layout.state / "cni" / "conf"}"
"""


def is_ready(layout: Layout) -> bool:
    """Say whether containerd answers."""
    return layout.containerd_socket.exists() and _ctr(layout, "version").returncode == 0


def image_digests(listing: str) -> dict[str, str]:
    """Read reference → target digest from what `ctr images ls` prints."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {row[0]: row[2] for row in rows if len(row) > 2}


def holds_image(listing: str, name: str, image_id: str) -> bool:
    """Say whether a name stands for the image with an id (`sha256:…`, the digest of its configuration).

    Kubernetes' part of containerd refers to each image by its id as well, so both must lead to the same target.
    """
    digests = image_digests(listing)
    return name in digests and digests[name] == digests.get(image_id)


def list_images(layout: Layout) -> str:
    """Return what `ctr images ls` prints."""
    return _checked(_ctr(layout, "images", "ls"), "ctr images ls")


def import_archive(layout: Layout, archive: Path) -> None:
    """Load all images of a docker-archive or OCI tar."""
    _checked(_ctr(layout, "images", "import", str(archive)), f"ctr images import {archive}")


def _ctr(layout: Layout, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ctr", f"--address={layout.containerd_socket}", f"--namespace={NAMESPACE}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _checked(result: subprocess.CompletedProcess[str], what: str) -> str:
    if result.returncode != 0:
        raise DevError(f"{what}: {(result.stderr or result.stdout).strip()}")
    return result.stdout
