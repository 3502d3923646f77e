"""The rules of a conversation that no single field shows: order, emptiness, tool calls and their results, limits.

Each check raises the API's 400 with the API's wording. Sources: the public documentation (Messages, tool use, thinking,
prompt caching) and the error messages that users of the API report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dev.anthropic_standin.catalogue import Model, find_model
from dev.anthropic_standin.content import (
    Block,
    Cacheable,
    RedactedThinkingBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from dev.anthropic_standin.errors import ApiError, invalid
from dev.anthropic_standin.requests import (
    CountTokensRequest,
    Message,
    MessagesRequest,
    ThinkingAdaptive,
    ThinkingDisabled,
    ThinkingEnabled,
    ToolChoiceAny,
    ToolChoiceTool,
)

MAX_BREAKPOINTS = 4


def blocks(message: Message) -> Sequence[Block]:
    """Return a message's content as blocks; a string is one text block, an empty string none."""
    if isinstance(message.content, str):
        return [TextBlock(type="text", text=message.content)] if message.content else []
    return message.content


def check(request: CountTokensRequest) -> Model:
    """Check the whole request and return its model; raises ApiError (404 for an unknown model, else 400)."""
    model = find_model(request.model)
    if model is None:
        raise ApiError(404, f"model: {request.model}")
    _check_order(request.messages, model)
    _check_texts(request)
    _check_tool_definitions(request)
    _check_tool_blocks(request.messages)
    _check_tool_pairs(request.messages)
    _check_breakpoints(request)
    if isinstance(request, MessagesRequest):
        _check_limits(request, model)
    return model


def _check_order(messages: Sequence[Message], model: Model) -> None:
    if not messages:
        raise invalid("messages: at least one message is required")
    if any(message.role == "system" for message in messages):
        raise invalid(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.'
        )
    if messages[0].role != "user":
        raise invalid('messages: first message must use the "user" role')
    for index, message in enumerate(messages):
        if blocks(message):
            continue
        if message.role == "user":
            raise invalid(f"messages.{index}: user messages must have non-empty content")
        if index < len(messages) - 1:
            raise invalid(
                f"messages.{index}: all messages must have non-empty content except for the optional "
                "final assistant message"
            )
    if messages[-1].role == "assistant":
        _check_prefill(messages[-1], model)


def _check_prefill(last: Message, model: Model) -> None:
    if not model.prefill:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    content = blocks(last)
    if content and isinstance(content[-1], TextBlock) and content[-1].text != content[-1].text.rstrip():
        raise invalid("messages: final assistant content cannot end with trailing whitespace")


def _check_texts(request: CountTokensRequest) -> None:
    if isinstance(request.system, list) and any(not block.text for block in request.system):
        raise invalid("system: text content blocks must be non-empty")
    for text in _texts(request.messages):
        if not text:
            raise invalid("messages: text content blocks must be non-empty")
        if not text.strip():
            raise invalid("messages: text content blocks must contain non-whitespace text")


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        for block in blocks(message):
            if isinstance(block, TextBlock):
                yield block.text
            elif isinstance(block, ToolResultBlock) and isinstance(block.content, list):
                yield from (part.text for part in block.content if isinstance(part, TextBlock))


def _check_tool_definitions(request: CountTokensRequest) -> None:
    names = [tool.name for tool in request.tools or ()]
    if len(set(names)) != len(names):
        raise invalid("tools: Tool names must be unique.")
    if request.tool_choice is not None and not names:
        raise invalid("tool_choice: may only be specified while providing tools.")
    if isinstance(request.tool_choice, ToolChoiceTool) and request.tool_choice.name not in names:
        raise invalid(f"Tool '{request.tool_choice.name}' not found in provided tools")
    if not names and any(
        isinstance(block, ToolUseBlock | ToolResultBlock) for message in request.messages for block in blocks(message)
    ):
        raise invalid("Requests which include `tool_use` or `tool_result` blocks must define tools.")


def _check_tool_blocks(messages: Sequence[Message]) -> None:
    seen: set[str] = set()
    for index, message in enumerate(messages):
        for position, block in enumerate(blocks(message)):
            if isinstance(block, ToolUseBlock):
                if message.role != "assistant":
                    raise invalid(f"messages.{index}: `tool_use` blocks can only be in `assistant` messages")
                if block.id in seen:
                    raise invalid(f"messages.{index}.content.{position}: `tool_use` ids must be unique")
                seen.add(block.id)
            elif isinstance(block, ToolResultBlock):
                if message.role != "user":
                    raise invalid(f"messages.{index}: `tool_result` blocks can only be in `user` messages")
                if block.is_error and not block.content:
                    raise invalid(
                        f"messages.{index}.content.{position}.tool_result: content cannot be empty if "
                        "`is_error` is true"
                    )


def _check_tool_pairs(messages: Sequence[Message]) -> None:
    """Each result answers a call of the message just before, each call has one result, and results come first."""
    asked: list[str] = []
    for index, message in enumerate(messages):
        content = blocks(message)
        _check_results(index, content, asked)
        leading = [block.tool_use_id for block in _leading_results(content)]
        missing = [identity for identity in asked if identity not in leading]
        if missing:
            raise invalid(
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )
        asked = [block.id for block in content if isinstance(block, ToolUseBlock)]
    if asked:
        raise invalid(
            f"messages.{len(messages) - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(asked)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )


def _check_results(index: int, content: Sequence[Block], asked: Sequence[str]) -> None:
    answered: set[str] = set()
    for position, block in enumerate(content):
        if not isinstance(block, ToolResultBlock):
            continue
        if block.tool_use_id not in asked:
            raise invalid(
                f"messages.{index}.content.{position}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{block.tool_use_id}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        if block.tool_use_id in answered:
            raise invalid(
                f"messages.{index}.content.{position}: each tool_use must have a single result. Found multiple "
                f"`tool_result` blocks with id: {block.tool_use_id}"
            )
        answered.add(block.tool_use_id)


def _leading_results(content: Sequence[Block]) -> Iterator[ToolResultBlock]:
    for block in content:
        if not isinstance(block, ToolResultBlock):
            return
        yield block


def _check_breakpoints(request: CountTokensRequest) -> None:
    carriers: list[object] = [*(request.tools or ())]
    if isinstance(request.system, list):
        carriers += request.system
    for message in request.messages:
        carriers += blocks(message)
    found = sum(isinstance(carrier, Cacheable) and carrier.cache_control is not None for carrier in carriers)
    found += request.cache_control is not None
    if found > MAX_BREAKPOINTS:
        raise invalid(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. Found {found}.")


def _check_limits(request: MessagesRequest, model: Model) -> None:
    if request.max_tokens > model.max_tokens:
        raise invalid(
            f"max_tokens: {request.max_tokens} > {model.max_tokens}, which is the maximum allowed number of output "
            f"tokens for {model.id}"
        )
    if any(not sequence.strip() for sequence in request.stop_sequences or ()):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    if request.temperature is not None:
        if not 0 <= request.temperature <= 1:
            raise invalid("temperature: range: 0..1")
        if not model.sampling:
            raise invalid("`temperature` is deprecated for this model.")
    if request.output_config is not None and request.output_config.format is not None:
        raise invalid("output_config.format: the stand-in does not produce structured output")
    if request.thinking is not None and not isinstance(request.thinking, ThinkingDisabled):
        _check_thinking(request, request.thinking)


def _check_thinking(request: MessagesRequest, thinking: ThinkingEnabled | ThinkingAdaptive) -> None:
    if isinstance(thinking, ThinkingEnabled) and request.max_tokens <= thinking.budget_tokens:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if request.temperature is not None and request.temperature != 1:
        raise invalid("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")
    if isinstance(request.tool_choice, ToolChoiceAny | ToolChoiceTool):
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    last = request.messages[-1]
    if not isinstance(thinking, ThinkingEnabled) or not any(_leading_results(blocks(last))):
        return
    first = blocks(request.messages[-2])[0]
    if not isinstance(first, ThinkingBlock | RedactedThinkingBlock):
        raise invalid(
            f"messages.{len(request.messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            f"found `{first.type}`. When `thinking` is enabled, a final `assistant` message must start with a thinking "
            "block."
        )
