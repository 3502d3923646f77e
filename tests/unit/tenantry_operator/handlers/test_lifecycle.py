import itertools

import kopf

from tenantry_operator.handlers.lifecycle import WATCH_SECONDS, Backoffs, NoDiffBase, NoMemories, WatchTimes, configure
from tenantry_operator.reconcile.engine import STALE_SECONDS
from tests.unit.tenantry_operator.kube.scripted import Answer, scripted


def test_kopf_posts_nothing_scans_nothing_and_never_gives_up() -> None:
    settings = kopf.OperatorSettings()

    configure(settings, lambda: 0.5, 77.0)

    assert (settings.posting.enabled, settings.scanning.disabled, settings.peering.standalone) == (False, True, True)
    assert str(settings.watching.server_timeout).isdigit()  # It goes into the URL as it is.
    assert isinstance(settings.networking.error_backoffs, Backoffs)
    assert isinstance(settings.persistence.diffbase_storage, NoDiffBase)
    assert settings.watching.inactivity_timeout == 77.0


async def test_kopf_remembers_nothing_of_an_object_that_it_has_seen() -> None:
    memories = NoMemories()

    await memories.recall({"metadata": {"uid": "1"}}, noticed_by_listing=True)

    assert list(memories.iter_all_memories()) == []


def test_pauses_grow_to_ten_seconds_and_never_end() -> None:
    pauses = list(itertools.islice(Backoffs(lambda: 0.5), 1000))

    assert pauses[:3] == [0.5, 1.0, 2.0]
    assert pauses[-1] == 10.0


async def test_a_kind_that_kopf_asks_for_no_longer_is_stale() -> None:
    now = 0.0
    times = WatchTimes(lambda: now, ("a", "b"))
    async with scripted(Answer(), Answer()) as script:
        assert times.stale() == {}
        times.start()
        session = script.client.transport.new_session(times)
        server = script.client.transport.credentials.server
        now = WATCH_SECONDS + STALE_SECONDS + 1
        root = "/apis/tenantry.dev/v1alpha1/namespaces"
        paths = {f"{root}/{where}/{kind}" for where in ("a", "b") for kind in ("gateways", "agentbindings")}
        assert set(times.stale()) == paths

        async with session.get(f"{server}{root}/a/gateways", params={"watch": "true"}):
            pass
        async with session.get(f"{server}/prefix{root}/b/agentbindings"):
            pass
        await session.close()

    assert set(times.stale()) == paths - {f"{root}/a/gateways", f"{root}/b/agentbindings"}
    assert [request.headers["Authorization"] for request in script.asked] == ["Bearer first"] * 2
