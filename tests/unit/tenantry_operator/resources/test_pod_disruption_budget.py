import pytest

from tenantry_operator.resources.pod_disruption_budget import build_pod_disruption_budget
from tests.unit.tenantry_operator.objects import gateway


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_single_pod_has_no_budget_that_would_block_drains(replicas: int) -> None:
    assert build_pod_disruption_budget(gateway({"replicas": replicas})) is None


def test_one_of_several_pods_is_kept_through_drains() -> None:
    many = gateway({"replicas": 2, "storage": {"accessModes": ["ReadWriteMany"]}})

    budget = build_pod_disruption_budget(many)

    assert budget is not None
    assert budget["spec"] == {
        "minAvailable": 1,
        "selector": {
            "matchLabels": {"app.kubernetes.io/name": "tenantry-gateway", "tenantry.dev/gateway": "assistants"}
        },
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
