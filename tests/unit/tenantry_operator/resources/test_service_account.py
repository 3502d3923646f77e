from tenantry_operator.resources.deployment import build_deployment
from tenantry_operator.resources.service_account import build_service_account
from tests.unit.tenantry_operator.objects import DEFAULTS, gateway


def test_the_account_is_the_pods_and_mounts_no_token() -> None:
    account = build_service_account(gateway())
    pod = build_deployment(gateway(), DEFAULTS)["spec"]["template"]["spec"]

    assert account["metadata"]["name"] == pod["serviceAccountName"]
    assert account["automountServiceAccountToken"] is False


def test_the_account_has_the_annotations_that_the_gateway_gives_it() -> None:
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}

    account = build_service_account(gateway({"serviceAccount": {"annotations": annotations}}))

    assert account["metadata"]["annotations"] == annotations
    assert "annotations" not in build_service_account(gateway())["metadata"]
