from collections.abc import AsyncIterator, Sequence

import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tenantry_operator.kube.client import apply_body, lines
from tenantry_operator.kube.errors import ForbiddenError, GoneError, UnavailableError
from tenantry_operator.kube.kinds import CONFIG_MAP, GATEWAY, SECRET
from tests.unit.tenantry_operator.kube.scripted import Answer, line, scripted, status

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "ns", "name": "x"}, "data": {"k": "v"}}
OBJECT = {"metadata": {"namespace": "ns", "name": "x", "resourceVersion": "2"}}


def page(*names: str, more: str = "") -> Answer:
    items = [{"metadata": {"name": name}} for name in names]
    return Answer(body={"metadata": {"resourceVersion": "9", "continue": more}, "items": items})


async def chunks(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@given(st.lists(st.text("abc{}", max_size=6).map(str.encode), max_size=6), st.data())
async def test_lines_are_whole_however_the_stream_is_cut(texts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(text + b"\n" for text in texts) + b"unfinished"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    parts = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert [found async for found in lines(chunks(parts))] == [text for text in texts if text]


async def test_a_list_is_read_page_by_page() -> None:
    async with scripted(page("a", "b", more="token"), page("c")) as script:
        pages = []
        names = []
        async for found in script.client.list_pages(CONFIG_MAP, selector="x=y"):
            pages.append(found)
            names.append([item["metadata"]["name"] for item in found.items])

    assert names == [["a", "b"], ["c"]]
    assert [list(found.items) for found in pages] == [[], []], "whoever keeps pages keeps no objects"
    assert [request.query.get("continue") for request in script.asked] == [None, "token"]
    assert {request.query["labelSelector"] for request in script.asked} == {"x=y"}


async def test_secrets_can_be_listed_and_watched_without_their_values() -> None:
    async with scripted(page(), Answer(chunks=(line("ADDED", OBJECT),))) as script:
        async for _ in script.client.list_pages(SECRET, metadata_only=True):
            pass
        async for _ in script.client.watch(SECRET, "1", 60, metadata_only=True):
            pass

    assert "PartialObjectMetadataList" in script.asked[0].headers["Accept"]
    assert "as=PartialObjectMetadata;" in script.asked[1].headers["Accept"]


async def test_an_apply_is_forced_under_our_name() -> None:
    async with scripted(Answer(body=OBJECT)) as script:
        await script.client.apply(CONFIG_MAP, MANIFEST)

    (request,) = script.asked
    assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/ns/configmaps/x")
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert dict(request.query) == {"fieldManager": "tenantry-operator", "force": "true"}
    assert script.bodies == [MANIFEST]


async def test_an_apply_can_be_bound_to_one_object_or_to_none() -> None:
    async with scripted(Answer(body=OBJECT), Answer(body=OBJECT)) as script:
        await script.client.apply(CONFIG_MAP, MANIFEST, uid="u")
        await script.client.apply(CONFIG_MAP, MANIFEST, create_only=True)

    bound, new = (body["metadata"] for body in script.bodies)
    assert bound["uid"] == "u"
    assert new["resourceVersion"] == "1"
    assert "uid" not in MANIFEST["metadata"]


async def test_a_status_is_applied_to_its_subresource() -> None:
    async with scripted(Answer(body=OBJECT)) as script:
        await script.client.apply(GATEWAY, {**MANIFEST, "kind": "Gateway"}, subresource="status")

    assert script.asked[0].path.endswith("/gateways/x/status")


async def test_a_delete_names_the_very_object() -> None:
    async with scripted(Answer(body={})) as script:
        await script.client.delete(CONFIG_MAP, "ns", "x", "u")

    assert script.bodies == [{"propagationPolicy": "Background", "preconditions": {"uid": "u"}}]


async def test_a_watch_drops_a_line_that_was_cut_off() -> None:
    cut = line("ADDED", OBJECT)[:-20]
    async with scripted(Answer(chunks=(line("ADDED", OBJECT), cut))) as script:
        events = [event async for event in script.client.watch(CONFIG_MAP, "1", 60)]

    assert [event.type for event in events] == ["ADDED"]


async def test_a_watch_that_sends_something_else_is_broken() -> None:
    async with scripted(Answer(chunks=(b"what?\n",))) as script:
        with pytest.raises(UnavailableError):
            async for _ in script.client.watch(CONFIG_MAP, "1", 60):
                pass


async def test_a_watch_from_too_long_ago_is_gone() -> None:
    async with scripted(status(410, "Expired")) as script:
        with pytest.raises(GoneError):
            async for _ in script.client.watch(CONFIG_MAP, "1", 60):
                pass


async def test_a_pods_answer_counts_whatever_its_status_but_not_a_refusal() -> None:
    async with scripted(Answer(503, {"configHash": "h"}), status(403, "Forbidden")) as script:
        assert await script.client.pod_json("ns", "p", 1, "/ready") == {"configHash": "h"}
        with pytest.raises(ForbiddenError):
            await script.client.pod_json("ns", "p", 1, "/ready")

    assert script.asked[0].path == "/api/v1/namespaces/ns/pods/p:1/proxy/ready"


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("\x7f\x85\u2028\u2029\ufeff\ufffe\uffff tab\t nul\x00 \U0001f600")
def test_an_applied_object_is_the_same_read_as_yaml_and_as_json(text: str) -> None:
    body = apply_body({"data": {text: text}})

    assert orjson.loads(body) == yaml.safe_load(body) == {"data": {text: text}}
