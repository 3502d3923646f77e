"""What `route explain` and `audit tail` print."""

from tenantry_cli.commands.audit import line_of
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
        "agent devops  (by binding bindings[0])",
        "session agent:devops:slack:c1",
        "  matches  bindings[0] (channel slack, channelId c1) -> devops",
        "  not      team-b/x (channel sms, priority 5) -> main: channel is 'slack'",
    ]


def test_an_event_is_one_line_without_the_chain() -> None:
    event = {"n": 7, "epoch": 1, "time": "T", "id": "evt", "type": "agent.message", "outcome": "success"}
    event |= {"actor": "ann", "target": "main", "mac": "00"}

    assert line_of(event) == "T  agent.message    success  ann  target=main"
    assert line_of({"damaged": "{"}) == "DAMAGED  {"
