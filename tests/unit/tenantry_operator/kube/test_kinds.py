import pytest

from tenantry_operator.kube.kinds import APPLIED_KINDS, CONFIG_MAP, DEPLOYMENT, GATEWAY, key_of, kind_of


def test_core_kinds_and_kinds_of_groups_have_their_own_paths() -> None:
    assert CONFIG_MAP.path() == "/api/v1/configmaps"
    assert CONFIG_MAP.path("ns", "x") == "/api/v1/namespaces/ns/configmaps/x"
    assert DEPLOYMENT.path("ns") == "/apis/apps/v1/namespaces/ns/deployments"
    assert GATEWAY.path("ns", "x", "status") == "/apis/tenantry.dev/v1alpha1/namespaces/ns/gateways/x/status"


def test_a_manifest_names_its_kind_and_key() -> None:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "ns", "name": "x"}}

    assert (kind_of(manifest), key_of(manifest)) == (DEPLOYMENT, ("ns", "x"))


def test_a_kind_without_an_informer_cannot_be_applied() -> None:
    with pytest.raises(KeyError):
        kind_of({"apiVersion": "batch/v1", "kind": "Job"})


def test_the_deployment_is_applied_last() -> None:
    assert APPLIED_KINDS[-1] is DEPLOYMENT
