from tenantry_operator.kube.observe import NO_ANSWER, DirectProbe, PodAnswer, ProxyProbe
from tests.unit.tenantry_operator.kube.scripted import Answer, Script, scripted, status

POD = ("ns", "p")
READY = {"status": "ready", "configHash": "h", "tokenVersion": "v2"}


def port_of(script: Script) -> int:
    return int(script.client.transport.credentials.server.rpartition(":")[2])


async def test_a_pod_is_asked_at_its_own_address_and_answers_while_it_is_not_ready_too() -> None:
    async with scripted(Answer(body=READY), Answer(503, {"configHash": "i"}), Answer()) as script:
        probe = DirectProbe()
        answers = [await probe.ask(POD, "127.0.0.1", port_of(script)) for _ in range(3)]
        await probe.close()

    assert answers == [PodAnswer("h", "v2"), PodAnswer("i"), NO_ANSWER]
    assert script.asked[0].path == "/ready"


async def test_a_pod_that_is_not_there_gives_no_answer() -> None:
    async with scripted() as script:
        port = port_of(script)
    probe = DirectProbe()

    assert await probe.ask(POD, "127.0.0.1", port) == NO_ANSWER
    await probe.close()


async def test_outside_the_cluster_a_pod_is_asked_through_the_api_server() -> None:
    async with scripted(Answer(body=READY), status(403, "Forbidden"), status(404, "NotFound")) as script:
        probe = ProxyProbe(script.client)
        answers = [await probe.ask(POD, "10.0.0.1", 18789) for _ in range(3)]

    assert answers == [PodAnswer("h", "v2"), NO_ANSWER, NO_ANSWER]
    assert script.asked[0].path == "/api/v1/namespaces/ns/pods/p:18789/proxy/ready"
