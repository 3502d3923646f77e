import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dev.cluster import addons, components, containerd, kind_config, node_config
from dev.cluster.audit import read_events
from dev.cluster.components import ApiServer
from dev.cluster.kubeconfig import write_kubeconfig
from dev.cluster.layout import Layout
from dev.cluster.pki import Authority, Credentials, Identity, request_config
from dev.errors import DevError

HERE = Path("/state")


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.delenv("CLUSTER_NAME", raising=False)
    return Layout.of()


def test_a_cluster_of_another_name_shares_nothing_with_the_first(layout: Layout) -> None:
    other = Layout.of("other")
    for name in ("state", "node", "link", "host_address", "node_address", "kubeconfig", "lock"):
        assert getattr(other, name) != getattr(layout, name)
    assert not other.state.is_relative_to(layout.state)


def test_the_state_of_the_usual_cluster_is_in_its_place(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert layout.kubeconfig == Path("/cache/tenantry/cluster/local/kubeconfig")
    monkeypatch.setenv("CLUSTER_NAME", "other")
    assert Layout.of().kubeconfig == Path("/cache/tenantry/cluster/local-other/kubeconfig")


@given(st.from_regex(r"\A[a-z]([-a-z0-9]{0,18}[a-z0-9])?\Z"))
def test_the_names_that_follow_from_a_name_are_accepted_by_the_kernel(name: str) -> None:
    layout = Layout.of(name)
    assert len(layout.link) <= 15
    assert layout.host_address.rpartition(".")[0] == layout.node_address.rpartition(".")[0]
    assert 1 <= int(layout.node_address.split(".")[2]) <= 254


@pytest.mark.parametrize("name", ["Upper", "-x", "x-", "a" * 21, "a/b", "a b"])
def test_a_name_that_could_not_be_used_is_refused(name: str) -> None:
    with pytest.raises(DevError, match="cannot name a cluster"):
        Layout.of(name)


def test_kubelet_serves_nobody_without_credentials_and_stays_in_its_cgroup(layout: Layout) -> None:
    serving = Credentials(HERE / "kubelet.crt", HERE / "kubelet.key")
    config = yaml.safe_load(node_config.render_kubelet_config(layout, Authority(HERE), serving))
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["authentication"]["x509"] == {"clientCAFile": "/state/ca.crt"}
    assert config["authorization"] == {"mode": "Webhook"}
    assert config["cgroupRoot"] == "/tenantry-node"


def test_containerd_keeps_everything_in_the_state_folder(layout: Layout) -> None:
    config = containerd.render_config(layout)
    assert 'root = "/cache/tenantry/cluster/local/containerd/root"' in config
    assert 'state = "/cache/tenantry/cluster/local/containerd/state"' in config
    assert "restrict_oom_score_adj = true" in config


def test_pods_have_their_addresses_recorded_in_the_state_folder(layout: Layout) -> None:
    bridge, _ = json.loads(node_config.render_cni_config(layout))["plugins"]
    assert Path(bridge["ipam"]["dataDir"]).is_relative_to(layout.state)


def test_dns_asks_nobody_outside() -> None:
    assert "forward" not in node_config.render_corefile(HERE / "kubeconfig")


def test_only_the_administrator_is_a_master(layout: Layout) -> None:
    controllers = (components.CONTROLLER_MANAGER, components.SCHEDULER, components.PROXY)
    others = (*controllers, addons.DNS, addons.VOLUMES, addons.KUBELET_CLIENT)
    assert components.ADMIN.group == "system:masters"
    assert all(identity.group == "" for identity in others)
    rules = [rule for each in addons.addons(layout) for rule in each.get("rules", ())]
    assert rules
    assert all("*" not in (*rule["verbs"], *rule["resources"], *rule["apiGroups"]) for rule in rules)


def test_the_api_server_audits_only_where_it_is_told_to() -> None:
    serving = Credentials(HERE / "a.crt", HERE / "a.key")
    silent = components.api_server(ApiServer("10.0.0.1", 1, "http://e"), Authority(HERE), serving)
    loud = components.api_server(ApiServer("10.0.0.1", 1, "http://e", HERE / "p", HERE / "l"), Authority(HERE), serving)
    assert not any("audit" in argument for argument in silent.arguments)
    assert {"--audit-policy-file=/state/p", "--audit-log-path=/state/l"} <= set(loud.arguments)


def test_the_api_server_is_called_by_each_name_it_is_reached_at() -> None:
    names = ApiServer("10.250.7.2", 6443, "").identity.names
    assert {"IP:10.250.7.2", "IP:10.96.0.1", "IP:127.0.0.1", "DNS:kubernetes.default.svc"} <= set(names)
    assert len(ApiServer("127.0.0.1", 1, "").identity.names) == len(names) - 1


def test_an_authority_signs_what_openssl_accepts(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki")
    issued = authority.issue("bob", Identity("system:bob", "friends", ("IP:127.0.0.1", "DNS:bob")))
    verify = ["openssl", "verify", "-CAfile", str(authority.certificate), str(issued.certificate)]
    assert subprocess.run(verify, capture_output=True, check=True).returncode == 0
    show = ["openssl", "x509", "-noout", "-subject", "-ext", "subjectAltName", "-in", str(issued.certificate)]
    shown = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    assert "O = friends, CN = system:bob" in shown
    assert "IP Address:127.0.0.1, DNS:bob" in shown
    assert issued.key.stat().st_mode & 0o077 == 0


def test_an_identity_without_names_asks_for_none() -> None:
    assert "subjectAltName" not in request_config(Identity("me"), authority=False)
    assert "CA:FALSE" in request_config(Identity("me"), authority=False)
    assert "CA:TRUE" in request_config(Identity("me"), authority=True)


def test_a_kubeconfig_is_complete_in_itself_and_private(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki")
    credentials = authority.issue("admin", components.ADMIN)
    path = write_kubeconfig(tmp_path / "kubeconfig", "https://here:1", authority, credentials, "here")
    config = yaml.safe_load(path.read_text())
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    assert base64.b64decode(user["client-certificate-data"]) == credentials.certificate.read_bytes()
    assert base64.b64decode(cluster["certificate-authority-data"]) == authority.certificate.read_bytes()
    assert cluster["server"] == "https://here:1"
    assert path.stat().st_mode & 0o777 == 0o600


LISTING = """REF TYPE DIGEST SIZE PLATFORMS LABELS
sha256:aaa application/x sha256:111 149.1 MiB linux/amd64 managed
sha256:bbb application/x sha256:222 1.4 MiB linux/amd64 managed
example/one:1 application/x sha256:111 149.1 MiB linux/amd64 managed
example/two:1 application/x sha256:222 1.4 MiB linux/amd64 managed
"""


@pytest.mark.parametrize(
    ("name", "image_id", "held"),
    [
        ("example/one:1", "sha256:aaa", True),
        ("example/one:1", "sha256:bbb", False),
        ("example/two:1", "sha256:bbb", True),
        ("example/three:1", "sha256:aaa", False),
        ("example/one:1", "sha256:ccc", False),
    ],
)
def test_an_image_is_held_if_its_name_stands_for_that_very_image(name: str, image_id: str, *, held: bool) -> None:
    assert containerd.holds_image(LISTING, name, image_id) is held


def test_the_audit_log_is_read_without_a_line_that_is_being_written(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    assert read_events(log) == []
    log.write_text('{"verb": "get"}\n{"verb": "li')
    assert read_events(log) == [{"verb": "get"}]


def test_a_machine_adds_to_the_kind_configuration() -> None:
    base = kind_config.base_config(HERE)
    extra: dict[str, Any] = {
        "networking": {"disableDefaultCNI": True},
        "nodes": [
            {"role": "control-plane", "extraPortMappings": [1], "kubeadmConfigPatches": ["x"]},
            {"role": "worker"},
        ],
        "containerdConfigPatches": ["y"],
    }
    merged = kind_config.merge(base, extra)
    first, second = merged["nodes"]
    assert first["extraMounts"] == base["nodes"][0]["extraMounts"]
    assert first["extraPortMappings"] == [1]
    assert first["kubeadmConfigPatches"] == [*base["nodes"][0]["kubeadmConfigPatches"], "x"]
    assert second == {"role": "worker"}
    assert merged["networking"] == {"disableDefaultCNI": True}
    assert merged["containerdConfigPatches"] == ["y"]


_values = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), _values, max_size=3))
def test_an_empty_addition_changes_nothing_and_an_addition_to_nothing_is_itself(config: dict[str, Any]) -> None:
    assert kind_config.merge(config, {}) == config
    assert kind_config.merge({}, config) == config
