import pytest

from dev.cluster.control_plane import ControlPlane
from dev.cluster.processes import find_processes
from dev.kubectl import Kubectl, KubectlError

COMPONENTS = frozenset({"etcd", "kube-apiserver", "kube-controller-manager"})


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    return Kubectl(control_plane.kubectl, control_plane.kubeconfig)


def test_the_api_server_stores_what_it_is_given(kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", "stores")
    kubectl.run("-n", "stores", "create", "configmap", "one", "--from-literal=key=value")

    assert kubectl.get("configmap", "one", "stores")["data"] == {"key": "value"}


def test_controllers_run_and_remove_what_an_absent_owner_owned(kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", "owned")
    kubectl.run("-n", "owned", "create", "deployment", "web", "--image=none")
    kubectl.run("-n", "owned", "wait", "--for=create", "replicaset", "-l", "app=web", "--timeout=30s")

    kubectl.run("-n", "owned", "delete", "deployment", "web")

    kubectl.run("-n", "owned", "wait", "--for=delete", "replicaset", "-l", "app=web", "--timeout=30s")
    assert kubectl.items("replicasets", "owned") == []


def test_another_user_may_do_only_what_rbac_grants(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", "granted")
    kubectl.run("-n", "granted", "create", "rolebinding", "reader", "--clusterrole=view", "--user=system:reader")
    reader = Kubectl(control_plane.kubectl, control_plane.kubeconfig_for("system:reader"))

    assert reader.run("-n", "granted", "auth", "can-i", "list", "pods").strip() == "yes"
    with pytest.raises(KubectlError, match=r'User "system:reader" cannot list resource "pods"'):
        reader.items("pods", "default")


def test_the_audit_log_names_each_request_and_its_user_agent(control_plane: ControlPlane, kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", "audited")
    kubectl.run("get", "namespace", "audited")

    requests = [
        (event["verb"], event["responseStatus"]["code"])
        for event in control_plane.audit_events()
        if event.get("objectRef", {}).get("name") == "audited" and event["userAgent"].startswith("kubectl/")
    ]

    assert requests == [("create", 201), ("get", 200)]


def test_a_second_control_plane_runs_beside_the_first_and_leaves_nothing(control_plane: ControlPlane) -> None:
    with ControlPlane() as second:
        assert second.url != control_plane.url
        folder = second.folder
        assert {process.name for process in find_processes(COMPONENTS, folder)} >= {"etcd", "kube-apiserver"}

    assert not folder.exists()
    assert find_processes(COMPONENTS, folder) == []
