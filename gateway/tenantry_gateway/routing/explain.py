"""Why a message goes where it goes: every binding, whether it matches, and which one wins. Pure."""

from __future__ import annotations

from tenantry_config.document import BindingConfig, Config
from tenantry_config.names import ANY
from tenantry_config.routing import Message, label, matches, precedence
from tenantry_gateway.routing.destination import Destination

MAX_CANDIDATES = 100
"""Bindings that an explanation lists; a gateway may have thousands."""


def explain(config: Config, message: Message, destination: Destination) -> dict[str, object]:
    """The decision and, in the order of precedence, the bindings that match, then those that do not and why."""
    ordered = sorted(enumerate(config.bindings), key=lambda item: precedence(item[1], item[0]))
    matching = [_described(binding, index) for index, binding in ordered if matches(binding, message)]
    others = [
        {**_described(binding, index), "because": _difference(binding, message)}
        for index, binding in ordered
        if not matches(binding, message)
    ]
    return {
        "agentId": destination.agent_id,
        "binding": destination.binding,
        "sessionKey": destination.session.key,
        "provenance": destination.session.provenance,
        "matching": matching[:MAX_CANDIDATES],
        "notMatching": others[: max(0, MAX_CANDIDATES - len(matching))],
    }


def _described(binding: BindingConfig, index: int) -> dict[str, object]:
    named = {
        "binding": label(binding, index),
        "channel": binding.channel,
        "channelId": binding.channel_id,
        "senderId": binding.sender_id,
        "agentId": binding.agent_id,
        "priority": binding.priority or None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _difference(binding: BindingConfig, message: Message) -> str:
    """The fields in which binding and message differ."""
    pairs = (
        ("channel", None if binding.channel == ANY else binding.channel, message.channel),
        ("channelId", binding.channel_id, message.channel_id),
        ("senderId", binding.sender_id, message.sender_id),
    )
    return "; ".join(
        f"{name} is {'absent' if got is None else repr(got)}, not {wanted!r}"
        for name, wanted, got in pairs
        if wanted is not None and wanted != got
    )
