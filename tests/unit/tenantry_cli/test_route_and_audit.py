"""What `route explain` and `audit tail` print."""

from tenantry_cli.cluster import Gateway
from tenantry_cli.commands.audit import line_of, remedy
from tenantry_cli.commands.route import text_of


def test_a_route_names_the_binding_and_what_else_was_looked_at() -> None:
    found = {
        "agentId": "devops",
        "binding": 0,
        "sessionKey": "agent:devops:slack:c1",
        "matching": [{"binding": "bindings[0]", "channel": "slack", "channelId": "c1", "agentId": "devops"}],
        "notMatching": [
            {"binding": "team-b/x", "channel": "sms", "priority": 5, "agentId": "main", "because": "channel is 'slack'"}
        ],
    }

    assert text_of(found).splitlines() == [
        "agent devops  (by bindings[0])",
        "session agent:devops:slack:c1",
        "  matches  bindings[0] (channel slack, channelId c1) -> devops",
        "  not      team-b/x (channel sms, priority 5) -> main: channel is 'slack'",
    ]


def test_a_route_by_an_object_of_its_own_names_it() -> None:
    assert text_of({"agentId": "oncall", "binding": "pager"}).startswith("agent oncall  (by binding pager)\n")


def test_who_may_not_read_the_audit_log_is_told_how_else_it_can_be_verified() -> None:
    gateway = Gateway({"metadata": {"name": "helper", "namespace": "team"}})

    told = remedy(gateway)

    assert "kubectl explain gateways.spec.rbac" in told
    assert "kubectl -n team exec deployment/helper-gateway -- tenantry-gateway audit verify" in told


def test_an_event_is_one_line_without_the_chain() -> None:
    event = {"n": 7, "epoch": 1, "time": "T", "id": "evt", "type": "agent.message", "outcome": "success"}
    event |= {"actor": "ann", "target": "main", "mac": "00"}

    assert line_of(event) == "T  agent.message    success  ann  target=main"
    assert line_of({"damaged": "{"}) == "DAMAGED  {"
