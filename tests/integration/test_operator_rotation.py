"""Rotation of the generated token: staged, promoted, and the old one withdrawn after the overlap."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from dev.kubectl import Kubectl
from tests.integration.operator_harness import Manifest, Operator, Pods, eventually, gateway
from tests.integration.rotation_harness import ROTATE, Tenant

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def tenant(kubectl: Kubectl, namespace: str) -> Tenant:
    """A namespace for a tenant."""
    kubectl.run("-n", namespace, "create", "secret", "generic", "anthropic", "--from-literal=api-key=sk-ant-x")
    return Tenant(kubectl, namespace)


def with_pod(tenant: Tenant, pods: Pods) -> Manifest:
    """Give the tenant a ready pod; returns it."""
    tenant.apply(port=pods.port)
    pods.config_hash = eventually(lambda: tenant.kubectl.get("tgw", "a", tenant.namespace)["status"].get("configHash"))
    return pods.run(tenant.namespace, "a")


def test_without_pods_a_request_rotates_at_once_and_both_tokens_are_in_the_secret(
    tenant: Tenant, operator: Operator
) -> None:
    old = tenant.apply().tokens()["token"]

    tenant.ask("1")

    found = tenant.reaches("Overlap")
    assert found["previous-token"] == old != found["token"]
    assert len(found["token"]) >= 32
    said = tenant.says("InOverlap")
    assert said["status"] == "True"
    assert "the previous one is accepted until" in said["message"]
    assert tenant.kubectl.get("tgw", "a", tenant.namespace)["status"]["lastTokenRotation"] == "1"
    events = tenant.kubectl.items("events.v1.events.k8s.io", tenant.namespace)
    assert [each["reason"] for each in events].count("TokenRotated") == 1
    told = json.dumps([*events, tenant.kubectl.get("tgw", "a", tenant.namespace)]) + operator.log.read_text()
    assert not any(token in told for token in found.values() if len(token) > 20)


def test_a_new_token_appears_only_when_every_pod_accepts_it_and_no_pod_restarts(
    tenant: Tenant, operator: Operator, pods: Pods
) -> None:
    pod = with_pod(tenant, pods)
    old = tenant.tokens()["token"]
    deployment = tenant.kubectl.get("deployment", "a-gateway", tenant.namespace)["metadata"]["generation"]

    tenant.ask("1")

    staged = tenant.reaches("Staged")
    assert (staged["token"], staged["previous-token"] != old) == (old, True)
    tenant.says("RotationStaged")
    refresh = "tenantry.dev/refresh"
    eventually(lambda: refresh in live(tenant, pod)["metadata"].get("annotations", {}) or None)
    asked = pods.asked
    eventually(lambda: pods.asked > asked + 1 or None)
    assert tenant.tokens() == staged

    pods.token_version = staged["token-version"]
    done = tenant.reaches("Overlap")
    assert (done["token"], done["previous-token"]) == (staged["previous-token"], old)
    assert live(tenant, pod)["metadata"]["uid"] == pod["metadata"]["uid"]
    after = tenant.kubectl.get("deployment", "a-gateway", tenant.namespace)["metadata"]["generation"]
    assert after == deployment
    operator.rests()


def live(tenant: Tenant, pod: Manifest) -> Manifest:
    return tenant.kubectl.get("pod", pod["metadata"]["name"], tenant.namespace)


def test_the_previous_token_goes_when_the_overlap_is_over(tenant: Tenant) -> None:
    tenant.apply(auth={"rotation": {"overlap": "10m"}})
    tenant.ask("1")
    new = tenant.reaches("Overlap")["token"]

    tenant.age("rotated-at", 599)

    found = tenant.reaches(None)
    assert found["token"] == new
    assert "previous-token" not in found
    assert "rotated at" in tenant.says("Rotated")["message"]


def test_a_token_is_rotated_when_it_is_as_old_as_the_interval(tenant: Tenant) -> None:
    old = tenant.apply(auth={"rotation": {"interval": "720h"}}).tokens()["token"]
    assert "The next rotation is at" in tenant.says("NotDue")["message"]

    tenant.age("rotated-at", 720 * 3600 - 2)

    found = tenant.reaches("Overlap")
    assert found["previous-token"] == old
    assert tenant.says("InOverlap")["status"] == "True"


def test_a_request_is_served_once_also_by_an_operator_that_starts_again(tenant: Tenant, operator: Operator) -> None:
    tenant.apply()
    tenant.ask("1")
    tenant.reaches("Overlap")
    tenant.age("rotated-at", 3600)
    done = tenant.reaches(None)
    tenant.says("Rotated")
    operator.rests()
    operator.kill()
    before = operator.audited()

    operator.start()

    eventually(lambda: operator.metric("tenantry_operator_reconcile_total") or None)
    tenant.kubectl.run("-n", tenant.namespace, "annotate", "tgw", "a", "theirs=1")
    operator.rests()
    assert tenant.tokens() == done
    assert not [write for write in operator.writes(tenant.namespace, before) if "secrets" in write]


def test_a_request_that_comes_during_an_overlap_is_served_after_it(tenant: Tenant) -> None:
    tenant.apply()
    tenant.ask("1")
    first = tenant.reaches("Overlap")

    tenant.ask("2")
    assert "begins at" in tenant.says("RotationPending")["message"]
    tenant.ask("3")
    assert tenant.tokens() == first

    tenant.age("rotated-at", 3600)
    second = eventually(lambda: now if (now := tenant.tokens())["token"] != first["token"] else None)
    assert second["previous-token"] == first["token"]
    assert eventually(lambda: served if (served := last_rotation(tenant)) == "3" else None)


def last_rotation(tenant: Tenant) -> str | None:
    status = tenant.kubectl.get("tgw", "a", tenant.namespace)["status"]
    found: str | None = status.get("lastTokenRotation")
    return found


def test_a_gateway_that_is_made_with_a_request_is_served_by_its_first_token(tenant: Tenant, operator: Operator) -> None:
    manifest = gateway("a", tenant.namespace)
    manifest["metadata"]["annotations"] = {ROTATE: "from-git"}
    tenant.kubectl.apply(manifest)

    assert tenant.says("NotDue")["status"] == "True"
    operator.rests()
    assert sorted(tenant.tokens()) == ["token"]
    assert last_rotation(tenant) == "from-git"


@pytest.mark.parametrize("phase", ["Staged", "Overlap"])
def test_an_operator_that_was_killed_goes_on_where_it_was(
    tenant: Tenant, operator: Operator, pods: Pods, phase: str
) -> None:
    with_pod(tenant, pods)
    old = tenant.tokens()["token"]
    tenant.ask("1")
    staged = tenant.reaches("Staged")
    if phase == "Overlap":
        pods.token_version = staged["token-version"]
        tenant.reaches("Overlap")
    operator.kill()
    pods.token_version = staged["token-version"]

    operator.start()

    done = tenant.reaches("Overlap")
    assert (done["token"], done["previous-token"]) == (staged["previous-token"], old)
    tenant.says("InOverlap")


def test_a_pod_that_never_answers_is_waited_for_three_minutes_and_named(tenant: Tenant, pods: Pods) -> None:
    pod = with_pod(tenant, pods)
    tenant.ask("1")
    staged = tenant.reaches("Staged")

    tenant.age("rotation-staged-at", 179)

    assert tenant.reaches("Overlap")["token"] == staged["previous-token"]
    assert f"Not confirmed by {pod['metadata']['name']}" in tenant.says("InOverlap")["message"]


@pytest.mark.parametrize("value", [None, "Z3Vlc3NlZA=="])
def test_a_staged_token_that_somebody_removes_or_replaces_is_staged_anew(
    tenant: Tenant, pods: Pods, value: str | None
) -> None:
    with_pod(tenant, pods)
    old = tenant.tokens()["token"]
    tenant.ask("1")
    staged = tenant.reaches("Staged")

    tenant.patch_secret({"data": {"previous-token": value}})

    def anew() -> dict[str, str] | None:
        now = tenant.tokens()
        return now if now["token-version"] != staged["token-version"] else None

    again = eventually(anew)
    assert (again["token"], tenant.phase()) == (old, "Staged")
    assert again["previous-token"] not in {"guessed", staged["previous-token"]}


def test_a_token_that_somebody_removes_while_the_next_is_staged_is_followed_by_it(tenant: Tenant, pods: Pods) -> None:
    with_pod(tenant, pods)
    tenant.ask("1")
    staged = tenant.reaches("Staged")

    tenant.patch_secret({"data": {"token": None}})

    eventually(lambda: tenant.tokens().get("token") == staged["previous-token"] or None)
    assert "previous-token" not in tenant.reaches(None)


def test_a_previous_token_that_somebody_withdraws_ends_the_overlap(tenant: Tenant) -> None:
    tenant.apply()
    tenant.ask("1")
    new = tenant.reaches("Overlap")["token"]

    tenant.patch_secret({"data": {"previous-token": None}})

    assert tenant.reaches(None)["token"] == new


def test_a_token_that_somebody_removes_comes_back_and_one_that_somebody_sets_stays(
    tenant: Tenant, operator: Operator
) -> None:
    tenant.apply()
    tenant.patch_secret({"data": {"token": None}})
    eventually(lambda: tenant.tokens().get("token"))

    tenant.patch_secret({"stringData": {"token": "set-by-a-person"}})
    operator.rests()
    assert tenant.tokens()["token"] == "set-by-a-person"
    tenant.ask("1")
    assert tenant.reaches("Overlap")["previous-token"] == "set-by-a-person"


def test_a_secret_that_is_deleted_in_mid_rotation_comes_back_with_a_new_token_and_serves_the_request(
    tenant: Tenant, operator: Operator
) -> None:
    tenant.apply()
    tenant.ask("1")
    known = tenant.reaches("Overlap")

    tenant.kubectl.run("-n", tenant.namespace, "delete", "secret", "a-token")

    fresh = eventually(tenant.tokens)
    assert fresh["token"] not in known.values()
    operator.rests()
    assert tenant.tokens() == fresh


def test_a_time_far_in_the_future_does_not_stall_the_overlap_for_ever(tenant: Tenant) -> None:
    tenant.apply()
    tenant.ask("1")
    tenant.reaches("Overlap")

    tenant.age("rotated-at", -365 * 24 * 3600)

    limit = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    note = "tenantry.dev/rotated-at"
    eventually(lambda: tenant.secret()["metadata"]["annotations"][note] < limit or None)
    assert tenant.phase() == "Overlap"


def test_a_secret_of_the_users_own_is_never_rotated_and_the_status_says_so(tenant: Tenant, operator: Operator) -> None:
    tenant.kubectl.run("-n", tenant.namespace, "create", "secret", "generic", "own", "--from-literal=token=mine")
    tenant.kubectl.apply(gateway("a", tenant.namespace, auth={"tokenSecretRef": {"name": "own"}}))
    tenant.ask("1")

    said = tenant.says("TokenNotGenerated")

    assert said["status"] == "False"
    assert f"kubectl -n {tenant.namespace} annotate tgw a {ROTATE}-" in said["message"]
    own = tenant.kubectl.get("secret", "own", tenant.namespace)
    assert own["data"] == {"token": base64.b64encode(b"mine").decode()}
    written = [write for write in operator.writes(tenant.namespace) if "secrets" in write]
    assert written == ["create secrets/ a-audit"]


def test_nothing_is_asked_or_written_while_an_overlap_lasts(tenant: Tenant, operator: Operator, pods: Pods) -> None:
    with_pod(tenant, pods)
    tenant.ask("1")
    pods.token_version = tenant.reaches("Staged")["token-version"]
    tenant.reaches("Overlap")
    tenant.says("InOverlap")
    settled = eventually(lambda: second_touch(tenant))
    operator.rests()
    asked, written = pods.asked, operator.writes(tenant.namespace)

    tenant.kubectl.run("-n", tenant.namespace, "annotate", "tgw", "a", "theirs=1")
    operator.rests()

    assert second_touch(tenant) == settled
    assert (pods.asked, operator.writes(tenant.namespace)) == (asked, written)


def second_touch(tenant: Tenant) -> str | None:
    """The refresh annotation once the pod was touched for the second time, after which nothing is due."""
    (pod,) = tenant.kubectl.items("pods", tenant.namespace, "tenantry.dev/gateway=a")
    found: str = pod["metadata"].get("annotations", {}).get("tenantry.dev/refresh", "")
    return found if found.endswith(".2") else None
