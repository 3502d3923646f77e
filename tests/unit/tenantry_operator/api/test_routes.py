import pytest

from tenantry_config.document import BindingConfig
from tenantry_operator.api.v1alpha1.routes import in_order, inline_route, route_of
from tenantry_operator.errors import InvalidObject
from tests.unit.tenantry_operator.objects import binding, gateway

BAD_TEMPLATE = "${channel}${senderId}"


def test_an_agent_binding_becomes_a_route_with_its_name() -> None:
    route = route_of(binding("pager", match={"channel": "slack", "senderId": "alice"}, spec={"priority": 5}))

    assert route == BindingConfig(channel="slack", sender_id="alice", agent_id="main", priority=5, name="pager")


def test_an_inline_binding_becomes_a_route_without_a_name() -> None:
    inline = gateway({"bindings": [{"channel": "*", "agentId": "main", "sessionKey": "one"}]}).spec.bindings[0]

    assert inline_route(inline, 0) == BindingConfig(channel="*", agent_id="main", session_key="one")


def test_the_older_binding_comes_first_and_then_the_name_decides() -> None:
    young, first, second = binding("a", created="2026-03-01T00:00:00Z"), binding("b"), binding("c")

    assert in_order([young, second, first]) == [first, second, young]


def test_a_session_key_that_would_mix_senders_is_refused_with_its_path() -> None:
    with pytest.raises(InvalidObject, match=r"spec\.sessionKey: .*separator"):
        route_of(binding(spec={"sessionKey": BAD_TEMPLATE}))
    inline = gateway({"bindings": [{"channel": "*", "agentId": "main", "sessionKey": BAD_TEMPLATE}]}).spec.bindings[0]
    with pytest.raises(InvalidObject, match=r"spec\.bindings\[4\]\.sessionKey"):
        inline_route(inline, 4)
