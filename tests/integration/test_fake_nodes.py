from dev.cluster.control_plane import ControlPlane
from dev.cluster.kwok import add_fake_nodes
from dev.kubectl import Kubectl


def test_a_deployment_becomes_available_on_fake_nodes() -> None:
    with ControlPlane(scheduler=True) as control_plane:
        add_fake_nodes(control_plane, 2)
        kubectl = Kubectl(control_plane.kubectl, control_plane.kubeconfig)

        kubectl.run("create", "deployment", "fleet", "--image=none", "--replicas=20")

        kubectl.wait("condition=Available", "deployment/fleet", "default", 60)
        pods = kubectl.items("pods", "default", "app=fleet")
        assert {pod["spec"]["nodeName"] for pod in pods} == {"fake-0", "fake-1"}
        assert all(pod["status"]["podIP"] for pod in pods)
