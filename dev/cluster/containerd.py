"""containerd in the node: its configuration, and images through its ctr command."""

from pathlib import Path

from dev.cluster.layout import Layout
from dev.cluster.node import Node
from dev.errors import DevError

PAUSE_IMAGE = "tenantry.dev/pause:1"
SOCKET = "/run/containerd/containerd.sock"
"""The usual path, which is the cluster's own in its node."""

NAMESPACE = "k8s.io"
CTR = ("ctr", f"--address={SOCKET}", f"--namespace={NAMESPACE}")


def render_config(layout: Layout) -> str:
    """Return containerd's configuration: everything below the state folder, the pause image our own."""
    state, plugin = layout.state / "containerd", 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{state / "root"}"
state = "{state / "state"}"
[grpc]
  address = "{SOCKET}"
[{plugin}]
  sandbox_image = "{PAUSE_IMAGE}"
  # Root may lack CAP_SYS_RESOURCE; runc then cannot lower oom_score_adj and no sandbox would start.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[{plugin}.cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{layout.state / "cni" / "conf"}"
"""


def is_ready(node: Node) -> bool:
    """Say whether containerd answers."""
    try:
        node.run([*CTR, "version"])
    except DevError:
        return False
    return True


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


def list_images(node: Node) -> str:
    """Return what `ctr images ls` prints."""
    return node.run([*CTR, "images", "ls"])


def import_archive(node: Node, archive: Path) -> None:
    """Load all images of a docker-archive or OCI tar. Raises DevError where containerd refuses it."""
    node.run([*CTR, "images", "import", "-"], stdin=archive)
