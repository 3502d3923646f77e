from tenantry_operator.resources.metadata import child_name, labels, metadata, owner_reference, selector
from tests.unit.tenantry_operator.objects import gateway


def test_children_are_owned_by_the_gateway_as_their_controller() -> None:
    subject = gateway()

    assert owner_reference(subject) == {
        "apiVersion": "tenantry.dev/v1alpha1",
        "kind": "Gateway",
        "name": "assistants",
        "uid": subject.meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_the_selector_is_a_part_of_the_labels_and_holds_nothing_that_may_change() -> None:
    assert selector("x") == {"app.kubernetes.io/name": "tenantry-gateway", "tenantry.dev/gateway": "x"}
    assert selector("x").items() < labels("x").items()


def test_labels_say_what_belongs_to_whom_and_hold_no_version() -> None:
    assert labels("x") == {
        "app.kubernetes.io/name": "tenantry-gateway",
        "app.kubernetes.io/instance": "x",
        "app.kubernetes.io/component": "gateway",
        "app.kubernetes.io/part-of": "tenantry",
        "app.kubernetes.io/managed-by": "tenantry-operator",
        "tenantry.dev/gateway": "x",
    }


def test_the_longest_gateway_name_gives_names_and_labels_that_kubernetes_takes() -> None:
    longest = "a" * 40

    assert len(child_name(longest)) <= 63
    assert all(len(value) <= 63 for value in labels(longest).values())


def test_the_gateways_own_labels_are_not_copied() -> None:
    subject = gateway(
        metadata={
            "name": "assistants",
            "namespace": "team-a",
            "uid": "u",
            "labels": {"argocd.argoproj.io/instance": "app"},
        }
    )

    assert metadata(subject)["labels"] == labels("assistants")
