import pytest

from tenantry_operator.conditions.deployment import deployment_available
from tests.unit.tenantry_operator.objects import deployment_view, gateway, observation, pod_view


def test_a_complete_rollout_is_available() -> None:
    assert deployment_available(observation()).status == "True"


def test_no_deployment_yet() -> None:
    assert deployment_available(observation(deployment=None)).reason == "DeploymentMissing"


def test_counts_of_an_older_generation_are_not_believed() -> None:
    found = deployment_available(observation(deployment=deployment_view(generation=2)))

    assert (found.status, found.reason) == ("False", "DeploymentProgressing")


def test_an_old_replica_is_not_the_new_one() -> None:
    assert deployment_available(observation(deployment=deployment_view(updated=0))).status == "False"


def test_pods_that_are_on_their_way_are_counted() -> None:
    pods = (pod_view(ready=False, problem="ContainerCreating"),)

    found = deployment_available(observation(deployment=deployment_view(ready=0), pods=pods))

    assert (found.reason, found.message) == (
        "DeploymentProgressing",
        "Deployment team-a/assistants-gateway: 0 of 1 pods are ready",
    )


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("ImagePullBackOff: Back-off pulling image", "cannot pull the image tenantry.dev/gateway:dev. Fix: correct"),
        ("ErrImagePull: rpc error: code = NotFound", "cannot pull the image tenantry.dev/gateway:dev. Fix: correct"),
        ("CrashLoopBackOff: back-off 20s restarting", "keeps ending (CrashLoopBackOff). See: kubectl -n team-a logs"),
        ("Unschedulable: 0/1 nodes are available", "cannot be scheduled: 0/1 nodes are available"),
        ("CreateContainerConfigError: no such thing", "lacks what spec.env refers to: no such thing"),
        ("CreateContainerError: odd", "CreateContainerError: odd"),
    ],
)
def test_a_pods_problem_is_named_with_what_to_do(problem: str, text: str) -> None:
    pods = (pod_view(ready=False, problem=problem),)

    found = deployment_available(observation(deployment=deployment_view(ready=0), pods=pods))

    assert found.reason == "DeploymentProgressing"
    assert "pod assistants-gateway-1" in found.message
    assert text in found.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CrashLoopBackOff: back-off 10s restarting", "CrashLoopBackOff: back-off 5m0s restarting"),
        ("ErrImagePull: rpc error", "ImagePullBackOff: Back-off pulling image"),
    ],
)
def test_a_kubelets_retries_do_not_change_the_message(one: str, other: str) -> None:
    short = deployment_view(ready=0)
    found = [
        deployment_available(observation(deployment=short, pods=(pod_view(ready=False, problem=problem),)))
        for problem in (one, other)
    ]

    assert found[0] == found[1]


def test_the_problem_of_a_pod_that_is_going_is_not_the_gateways() -> None:
    pods = (pod_view(ready=False, deleting=True, problem="CrashLoopBackOff: x"),)

    found = deployment_available(observation(deployment=deployment_view(ready=0), pods=pods))

    assert "CrashLoopBackOff" not in found.message


def test_a_quota_that_refuses_pods_is_named_without_the_random_name_of_the_pod() -> None:
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "message": 'pods "assistants-gateway-5d-x7x2p" is forbidden: exceeded quota: team, requested: cpu=50m',
    }

    found = deployment_available(observation(deployment=deployment_view(ready=0, conditions=[failure])))

    assert found.reason == "ReplicaFailure"
    assert "cannot create its pods: pods is forbidden: exceeded quota: team" in found.message


def test_a_rollout_past_its_deadline_says_so_and_why() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    pods = (pod_view(ready=False, problem="Unschedulable: no nodes"),)

    found = deployment_available(observation(deployment=deployment_view(ready=0, conditions=[late]), pods=pods))

    assert found.reason == "ProgressDeadlineExceeded"
    assert "did not become ready in time: pod assistants-gateway-1 cannot be scheduled: no nodes" in found.message


def test_a_late_rollout_that_is_complete_is_available() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}

    assert deployment_available(observation(deployment=deployment_view(conditions=[late]))).status == "True"


def test_fewer_pods_than_wanted_are_not_available_however_well_they_are() -> None:
    some = deployment_view(wanted=2)

    assert deployment_available(observation(deployment=some)).message.endswith("1 of 2 pods are ready")


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("exceeded quota: team, requested: pods=1", "Fix: lower spec.resources or spec.replicas"),
        ("failed quota: team: must specify limits.cpu", "Fix: name what the quota asks for in spec.resources"),
        ("no PriorityClass with name x was found", "Fix: correct spec.priorityClassName"),
        ('pod rejected: RuntimeClass "x" not found', "Fix: correct spec.runtimeClassName"),
        ("maximum memory usage per Container is 64Mi", "Fix: change spec.resources to what the namespace allows"),
        (
            'violates PodSecurity "restricted:latest"',
            "Fix: see the labels of the namespace: kubectl get namespace team-a",
        ),
        ("something else", "See: kubectl -n team-a get events"),
    ],
)
def test_what_refuses_pods_is_named_with_what_to_do(text: str, fix: str) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": text}

    found = deployment_available(observation(deployment=deployment_view(ready=0, conditions=[failure])))

    assert text in found.message
    assert fix in found.message


def test_a_pod_that_finds_no_node_is_told_the_fields_that_narrow_the_choice() -> None:
    subject = gateway({"nodeSelector": {"pool": "gpu"}, "tolerations": [{"operator": "Exists"}]})
    pods = (pod_view(ready=False, problem="Unschedulable: 0/1 nodes fit."),)

    found = deployment_available(observation(subject, deployment=deployment_view(ready=0), pods=pods))

    assert "Fix: change spec.nodeSelector or tolerations or resources.requests" in found.message


NO_PODS = deployment_view(ready=0, wanted=0, replicas=0, updated=0)


@pytest.mark.parametrize(("spec", "field"), [({"suspended": True}, "suspended"), ({"replicas": 0}, "replicas")])
def test_a_suspended_gateway_says_how_to_resume_it(spec: dict[str, object], field: str) -> None:
    found = deployment_available(observation(gateway(spec), deployment=NO_PODS, pods=()))

    assert (found.status, found.reason) == ("False", "Suspended")
    assert f"(spec.{field})" in found.message
    assert "kubectl -n team-a patch tgw assistants" in found.message


def test_a_gateway_is_not_suspended_before_its_pods_have_gone() -> None:
    going = (pod_view(ready=True, deleting=True),)

    found = deployment_available(observation(gateway({"suspended": True}), deployment=NO_PODS, pods=going))

    assert (found.reason, found.message) == ("Suspended", "The gateway is suspended: its pods are ending.")


def test_a_resumed_gateway_is_not_available_before_its_deployment_follows() -> None:
    assert deployment_available(observation(deployment=NO_PODS, pods=())).status == "False"


def test_of_several_pods_one_serves_and_the_others_stand_by() -> None:
    pods = (pod_view(), pod_view(name="assistants-gateway-2", ready=False))
    found = deployment_available(observation(deployment=deployment_view(wanted=3, replicas=3, updated=3), pods=pods))

    assert (found.status, found.reason) == ("True", "Available")
    assert found.message.endswith("is available: 1 of 3 pods serves, the others stand by.")


def test_a_standby_that_keeps_ending_is_no_standby() -> None:
    pods = (pod_view(), pod_view(name="assistants-gateway-2", ready=False, problem="CrashLoopBackOff: again"))

    assert (
        deployment_available(observation(deployment=deployment_view(wanted=2, replicas=2, updated=2), pods=pods)).status
        == "False"
    )
