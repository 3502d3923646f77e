"""Which agent answers a message, and in which session. Pure; source: DESIGN section 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tenantry_config.document import BindingConfig, Config
from tenantry_config.names import ANY
from tenantry_config.template import TemplateError, encode_value, fill_template, validate_template

__all__ = [
    "Message",
    "NoRoute",
    "Route",
    "TemplateError",
    "label",
    "matches",
    "precedence",
    "route",
    "session_key",
    "shadowed_by",
    "specificity",
    "template_values",
    "validate_template",
]

_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Message:
    """Where a message comes from. Its text plays no part in routing."""

    channel: str
    channel_id: str | None = None
    sender_id: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A decision: the agent, and the binding with its index in the document, or neither for the default agent."""

    agent_id: str
    binding: BindingConfig | None = None
    index: int | None = None


class NoRoute(LookupError):
    """No binding matches and there is no default agent; the text names the nearest bindings."""


def matches(binding: BindingConfig, message: Message) -> bool:
    """Whether each field that the binding names equals the message's."""
    return (
        binding.channel in {ANY, message.channel}
        and binding.channel_id in {None, message.channel_id}
        and binding.sender_id in {None, message.sender_id}
    )


def specificity(binding: BindingConfig) -> tuple[bool, bool, bool]:
    """Greater is more specific: senderId over channelId over an exact channel over `*`."""
    return binding.sender_id is not None, binding.channel_id is not None, binding.channel != ANY


def precedence(binding: BindingConfig, index: int) -> tuple[bool, tuple[bool, bool, bool], int, bool, int]:
    """A sort key; the least comes first. `index` is the place in the document.

    A foreign namespace's binding comes after all others; then the more specific, the higher priority and the inline
    one come first, and last the document's order, in which the operator lists older AgentBindings first.
    """
    sender, channel_id, channel = specificity(binding)
    return (
        binding.namespace is not None,
        (not sender, not channel_id, not channel),
        -binding.priority,
        binding.name is not None,
        index,
    )


def route(config: Config, message: Message) -> Route:
    """The agent for `message`; raises NoRoute, whose text names the nearest bindings."""
    found = min(
        (
            (precedence(binding, index), index, binding)
            for index, binding in enumerate(config.bindings)
            if matches(binding, message)
        ),
        default=None,
        key=lambda candidate: candidate[0],
    )
    if found is not None:
        _, index, binding = found
        return Route(binding.agent_id, binding, index)
    fallback = config.fallback_agent
    if fallback is None:
        raise NoRoute(_no_route(config, message))
    return Route(fallback)


def session_key(chosen: Route, message: Message) -> str:
    """The session's key: the binding's template, else `agent:<agentId>:<channel>:<channelId or senderId>`.

    Values are encoded, so that no two senders meet and no key holds a path separator. Raises TemplateError where
    the message lacks a value that the key needs. Keys of two agents, or of a foreign namespace's bindings, may be
    equal: a store keeps them apart (DESIGN section 5).
    """
    template = chosen.binding.session_key if chosen.binding else None
    if template is not None:
        return fill_template(template, template_values(chosen, message))
    peer = message.channel_id or message.sender_id
    if not peer:
        raise TemplateError("the message has neither channelId nor senderId, so it belongs to no session")
    return ":".join(("agent", *map(encode_value, (chosen.agent_id, message.channel, peer))))


def template_values(chosen: Route, message: Message) -> dict[str, str | None]:
    """What the placeholders of templates stand for."""
    return {
        "channel": message.channel,
        "channelId": message.channel_id,
        "senderId": message.sender_id,
        "agentId": chosen.agent_id,
    }


def shadowed_by(bindings: Sequence[BindingConfig]) -> dict[int, int]:
    """Index of each binding that never takes a message → index of one that takes all of them first.

    That is an equal match at the same trust level which comes first; and for a foreign namespace's binding any match
    of the own level that covers it. Nothing else hides a binding wholly: at one level the more specific comes first,
    and several matches together cover one only if one of them does, since ids are without number. `bindings` are in
    the document's order.
    """
    winners: dict[tuple[bool, _Match], int] = {}
    shadowed: dict[int, int] = {}
    for index in sorted(range(len(bindings)), key=lambda place: precedence(bindings[place], place)):
        binding = bindings[index]
        foreign, match = binding.namespace is not None, _match(binding)
        above = [winners[False, wider] for wider in _covering(match) if (False, wider) in winners] if foreign else []
        winner = above[0] if above else winners.setdefault((foreign, match), index)
        if winner != index:
            shadowed[index] = winner
    return shadowed


_Match = tuple[str, str | None, str | None]


def _match(binding: BindingConfig) -> _Match:
    return binding.channel, binding.channel_id, binding.sender_id


def _covering(match: _Match) -> Iterator[_Match]:
    """Every match that takes at least the same messages: each field equal or left open; the equal one first."""
    channel, channel_id, sender_id = match
    return product(dict.fromkeys((channel, ANY)), dict.fromkeys((channel_id, None)), dict.fromkeys((sender_id, None)))


def label(binding: BindingConfig, index: int) -> str:
    """How messages name a binding: `namespace/name`, `name`, or `bindings[index]` for an inline one."""
    if binding.name is None:
        return f"bindings[{index}]"
    return binding.name if binding.namespace is None else f"{binding.namespace}/{binding.name}"


def _no_route(config: Config, message: Message) -> str:
    asked = _describe(message.channel, message.channel_id, message.sender_id)
    if not config.agents:
        return f"no agent is configured to answer {asked}"
    near = sorted(
        enumerate(config.bindings),
        key=lambda item: (-_agreement(item[1], message), precedence(item[1], item[0])),
    )
    names = "; ".join(
        f"{label(binding, index)} ({_describe(binding.channel, binding.channel_id, binding.sender_id)})"
        for index, binding in near[:_NEAREST]
    )
    nearest = f"; nearest: {names}" if names else ""
    return f"no binding matches {asked}, and there is no defaultAgent{nearest}"


def _agreement(binding: BindingConfig, message: Message) -> int:
    """How many fields of the binding agree with the message, less those that do not."""
    pairs = (
        (None if binding.channel == ANY else binding.channel, message.channel),
        (binding.channel_id, message.channel_id),
        (binding.sender_id, message.sender_id),
    )
    return sum(1 if wanted == got else -1 for wanted, got in pairs if wanted is not None)


def _describe(channel: str, channel_id: str | None, sender_id: str | None) -> str:
    fields = (("channel", channel), ("channelId", channel_id), ("senderId", sender_id))
    return ", ".join(f'{name} "{value}"' for name, value in fields if value is not None)
