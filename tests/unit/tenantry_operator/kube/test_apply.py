from collections.abc import Mapping
from typing import Any

import pytest

from tenantry_operator.kube.apply import ChangedUnderneath, NameTaken, NotYetGone, Writer
from tenantry_operator.kube.cache import Cache, Labels, Record, record_of
from tenantry_operator.kube.fights import Fights
from tenantry_operator.kube.kinds import CONFIG_MAP, SECRET
from tenantry_operator.kube.ownership import Owner
from tenantry_operator.kube.projection import live_digest
from tenantry_operator.kube.secrets import Secrets
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, nobody, scripted, status

NAMES = Labels("tenantry.dev/gateway", "app.kubernetes.io/managed-by")
MANAGER = "tenantry-operator"
OWNER = Owner("a", "g", "tenantry.dev/Gateway", MANAGER)
REFERENCE = {"apiVersion": "tenantry.dev/v1alpha1", "kind": "Gateway", "name": "a", "uid": "g", "controller": True}
LABELS = {NAMES.gateway: "a", NAMES.managed_by: MANAGER}
MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"namespace": "ns", "name": "x", "labels": LABELS, "ownerReferences": [REFERENCE]},
    "data": {"k": "v"},
}
OWNED_META: dict[str, Any] = {"f:labels": {f"f:{name}": {} for name in LABELS}, "f:ownerReferences": {}}
FIELDS = {"f:metadata": OWNED_META, "f:data": {"f:k": {}}}


def live(version: int, owner_uid: str | None = "g", data: str = "v", **meta: Any) -> dict[str, Any]:
    references = [{**REFERENCE, "uid": owner_uid}] if owner_uid else []
    managed = [{"manager": MANAGER, "operation": "Apply", "fieldsV1": FIELDS}]
    metadata = {
        **MANIFEST["metadata"],
        "uid": "u",
        "resourceVersion": str(version),
        "ownerReferences": references,
        "managedFields": managed,
        **meta,
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": data}}


def project(body: dict[str, Any]) -> Record:
    return record_of(body, NAMES, live_digest(body, MANAGER))


class World:
    def __init__(self, script: Script) -> None:
        self.cache = Cache(CONFIG_MAP, project, nobody)
        secrets = Secrets(script.client, NAMES, nobody)
        self.writer = Writer(
            script.client, {CONFIG_MAP: self.cache, SECRET: secrets.cache}, secrets, script.metrics, Fights(lambda: 0.0)
        )
        self.metrics = script.metrics

    def drift(self) -> float | None:
        return self.metrics.registry.get_sample_value(
            "tenantry_operator_drift_corrections_total", {"kind": "ConfigMap"}
        )


async def test_what_is_not_there_is_created_and_only_created() -> None:
    async with scripted(Answer(201, live(5))) as script:
        world = World(script)

        assert await world.writer.apply(MANIFEST, OWNER)
        assert not await world.writer.apply(MANIFEST, OWNER)

    assert script.bodies[0]["metadata"]["resourceVersion"] == "1"
    assert len(script.asked) == 1


async def test_what_is_there_as_wanted_costs_no_request() -> None:
    async with scripted() as script:
        world = World(script)
        world.cache.put(live(5))

        assert not await world.writer.apply(MANIFEST, OWNER)
        assert world.drift() is None


async def test_what_differs_is_applied_to_that_very_object() -> None:
    async with scripted(Answer(body=live(6))) as script:
        world = World(script)
        world.cache.put(live(5, data="other"))

        assert await world.writer.apply(MANIFEST, OWNER)
        assert not await world.writer.apply(MANIFEST, OWNER)

    assert script.bodies[0]["metadata"]["uid"] == "u"


async def test_what_somebody_changed_after_us_is_put_right_and_counted() -> None:
    async with scripted(Answer(201, live(5)), Answer(body=live(7))) as script:
        world = World(script)
        await world.writer.apply(MANIFEST, OWNER)
        world.cache.put(live(6, data="edited"))

        assert await world.writer.apply(MANIFEST, OWNER)
        assert world.drift() == 1.0


async def test_a_value_that_the_server_writes_differently_does_not_loop() -> None:
    normalized = live(5, data="as the server writes it")
    async with scripted(Answer(201, normalized)) as script:
        world = World(script)
        await world.writer.apply(MANIFEST, OWNER)
        world.cache.put({**normalized, "metadata": {**normalized["metadata"], "resourceVersion": "9"}})

        assert not await world.writer.apply(MANIFEST, OWNER)


async def test_a_foreign_object_is_never_taken_over() -> None:
    foreign = live(3, owner_uid=None, labels={})
    async with scripted(status(409, "Conflict"), Answer(body=foreign)) as script:
        with pytest.raises(NameTaken, match="was not made by this operator"):
            await World(script).writer.apply(MANIFEST, OWNER)

    assert [request.method for request in script.asked] == ["PATCH", "GET"]


async def test_our_object_without_its_labels_is_put_right() -> None:
    stripped = live(3, labels={})
    async with scripted(status(409, "Conflict"), Answer(body=stripped), Answer(body=live(4))) as script:
        assert await World(script).writer.apply(MANIFEST, OWNER)

    assert script.bodies[2]["metadata"]["uid"] == "u"


@pytest.mark.parametrize("meta", [{"owner_uid": "old"}, {"deletionTimestamp": "now"}], ids=["earlier", "deleting"])
async def test_an_object_that_is_on_its_way_out_is_waited_for(meta: dict[str, Any]) -> None:
    async with scripted() as script:
        world = World(script)
        world.cache.put(live(5, **meta))

        with pytest.raises(NotYetGone):
            await world.writer.apply(MANIFEST, OWNER)


@pytest.mark.parametrize(
    "answer", [status(409, "Conflict"), status(422, "Invalid", "metadata.uid: Invalid value: field is immutable")]
)
async def test_an_object_replaced_between_look_and_write_is_looked_at_again(answer: Answer) -> None:
    async with scripted(answer) as script:
        world = World(script)
        world.cache.put(live(5, data="other"))

        with pytest.raises(ChangedUnderneath):
            await world.writer.apply(MANIFEST, OWNER)


async def test_a_generated_secret_that_somebody_else_created_first_counts() -> None:
    manifest = {**MANIFEST, "kind": "Secret"}
    mine = {**live(5), "data": {"token": "dGhlaXJz"}}
    async with scripted(status(409, "AlreadyExists"), Answer(body=mine)) as script:
        await World(script).writer.create_secret(manifest, OWNER)

    assert [request.method for request in script.asked] == ["POST", "GET"]


async def test_a_foreign_secret_of_that_name_is_not_used() -> None:
    manifest = {**MANIFEST, "kind": "Secret"}
    foreign = live(5, owner_uid=None, labels={})
    async with scripted(status(409, "AlreadyExists"), Answer(body=foreign)) as script:
        with pytest.raises(NameTaken):
            await World(script).writer.create_secret(manifest, OWNER)


async def test_deleting_what_is_gone_or_replaced_is_no_error() -> None:
    async with scripted(status(404, "NotFound"), status(409, "Conflict")) as script:
        world = World(script)
        for _ in range(2):
            await world.writer.delete(CONFIG_MAP, project(live(5)))

    assert len(script.asked) == 2


def token_secret(version: int, owner_uid: str | None = "g", **meta: Any) -> dict[str, Any]:
    return {**live(version, owner_uid, **meta), "kind": "Secret", "data": {"token": "b2xk"}}


def rotation(found: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"annotations": {"a": "b"}}, "data": {"previous-token": found["data"]["token"]}}


async def test_a_secret_is_changed_upon_the_version_that_was_decided_on() -> None:
    async with scripted(Answer(body=token_secret(5)), Answer(body=token_secret(6))) as script:
        world = World(script)

        await world.writer.change_secret(("ns", "x"), 5, OWNER, rotation)

    assert (script.asked[1].method, script.asked[1].path) == ("PATCH", "/api/v1/namespaces/ns/secrets/x")
    assert script.bodies[1] == {
        "metadata": {"annotations": {"a": "b"}, "resourceVersion": "5"},
        "data": {"previous-token": "b2xk"},
    }


@pytest.mark.parametrize(
    "answers",
    [
        (status(404, "NotFound"),),
        (Answer(body=token_secret(6)),),
        (Answer(body=token_secret(5)), status(409, "Conflict")),
        (Answer(body=token_secret(5)), status(404, "NotFound")),
    ],
)
async def test_a_secret_that_is_not_what_it_was_is_not_changed(answers: tuple[Answer, ...]) -> None:
    async with scripted(*answers) as script:
        world = World(script)

        with pytest.raises(ChangedUnderneath) as refused:
            await world.writer.change_secret(("ns", "x"), 5, OWNER, rotation)

    assert len(script.asked) == len(answers)
    assert "b2xk" not in repr(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (token_secret(5, None, labels={}), NameTaken),
        (token_secret(5, "earlier"), NotYetGone),
        (token_secret(5, deletionTimestamp="2026-01-01T00:00:00Z"), NotYetGone),
    ],
)
async def test_a_secret_that_is_not_ours_is_never_changed(found: dict[str, Any], error: type[Exception]) -> None:
    async with scripted(Answer(body=found)) as script:
        world = World(script)

        with pytest.raises(error):
            await world.writer.change_secret(("ns", "x"), 5, OWNER, rotation)

    assert len(script.asked) == 1


def shout(manifest: Mapping[str, Any], record: Record) -> Mapping[str, Any]:
    """Applies something else to what exists, as claims need it."""
    return {**manifest, "data": {"k": f"kept of {record.uid}"}}


async def test_what_is_new_is_applied_as_it_is_and_what_exists_as_it_fits() -> None:
    async with scripted(Answer(201, live(5)), Answer(body=live(6, data="kept of u"))) as script:
        world = World(script)
        for _ in range(3):
            await world.writer.apply(MANIFEST, OWNER, shout)

    assert [body["data"]["k"] for body in script.bodies] == ["v", "kept of u"]


async def test_what_only_the_api_server_knew_to_exist_is_fitted_too() -> None:
    stripped = live(3, labels={})
    async with scripted(status(409, "Conflict"), Answer(body=stripped), Answer(body=live(4))) as script:
        await World(script).writer.apply(MANIFEST, OWNER, shout)

    assert script.bodies[2]["data"] == {"k": "kept of u"}
