import pytest

from tenantry_operator.handlers.lists import EmptyLists
from tenantry_operator.kube.kinds import AGENT_BINDING, GATEWAY, Kind
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted, status

ROOT = "/apis/tenantry.dev/v1alpha1"


async def asked_for(
    path: str, answer: Answer, *namespaces: str, **query: str
) -> tuple[str, list[tuple[Kind, str | None]]]:
    """The query that reaches the API server, and what is told of the answer."""
    told: list[tuple[Kind, str | None]] = []
    async with scripted(answer) as script:
        session = script.client.transport.new_session(EmptyLists(lambda *what: told.append(what), namespaces))
        async with session.get(f"{script.client.transport.credentials.server}{path}", params=query):
            pass
        await session.close()
    return script.asked[0].query_string, told


@pytest.mark.parametrize(
    ("path", "namespaces", "kind", "namespace"),
    [
        (f"{ROOT}/gateways", (), GATEWAY, None),
        (f"/behind/a/proxy{ROOT}/agentbindings", (), AGENT_BINDING, None),
        (f"{ROOT}/namespaces/b/gateways", ("a", "b"), GATEWAY, "b"),
    ],
)
async def test_a_list_of_ours_is_asked_for_without_objects_and_told_of_once_it_is_answered(
    path: str, namespaces: tuple[str, ...], kind: Kind, namespace: str | None
) -> None:
    query, told = await asked_for(path, Answer(), *namespaces, limit="500")

    assert query == "limit=500&fieldSelector=metadata.name%3D-"
    assert told == [(kind, namespace)]


async def test_a_forbidden_namespace_is_told_of_so_that_it_holds_up_no_other() -> None:
    _, told = await asked_for(f"{ROOT}/namespaces/b/gateways", status(403, "Forbidden"), "a", "b")
    assert told == [(GATEWAY, "b")]


async def test_a_list_that_failed_is_not_told_of() -> None:
    _, told = await asked_for(f"{ROOT}/gateways", status(500, "InternalError"))
    assert told == []


@pytest.mark.parametrize(
    ("path", "query"), [(f"{ROOT}/gateways", {"watch": "true"}), ("/api/v1/namespaces", {}), (f"{ROOT}/other", {})]
)
async def test_whatever_else_kopf_asks_passes_as_it_is(path: str, query: dict[str, str]) -> None:
    found, told = await asked_for(path, Answer(), **query)

    assert "fieldSelector" not in found
    assert told == []
