"""Reading: puts an answer together from the events of its stream."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import JsonValue

from application.errors import EffectError
from domain.effect import Failure, ModelAnswer, ToolCall, Usage
from infrastructure.models.anthropic import failures
from infrastructure.models.anthropic.failures import Call

if TYPE_CHECKING:
    from anthropic.types import RawContentBlockDeltaEvent, RawMessageStreamEvent

INCOMPLETE = "incomplete_json"
"""Argument under which a tool call stands that the token limit cut; no tool knows it."""

USAGE_FIELDS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}


@dataclass(slots=True)
class _Part:
    """A block of the answer while it arrives; `name` is empty for text."""

    call_id: str = ""
    name: str = ""
    initial: dict[str, Any] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)


class AnswerReader:
    """Takes a stream's events, then gives the answer.

    The SDK's own accumulation closes open brackets of a tool's arguments by itself, which makes a
    cut call look like a complete one; here they are parsed once, whole and strictly.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._model = ""
        self._usage = Usage()
        self._parts: dict[int, _Part] = {}
        self._stop_reason = ""
        self._explanation = ""
        self._ended = False

    def take(self, event: RawMessageStreamEvent) -> None:
        """Take the next event; unknown ones are passed over, as the API demands."""
        if event.type == "message_start":
            self._model = event.message.model
            self._count(event.message.usage)
        elif event.type == "content_block_start":
            block = event.content_block
            if block.type == "text":
                self._parts[event.index] = _Part(pieces=[block.text])
            elif block.type == "tool_use":
                self._parts[event.index] = _Part(block.id, block.name, block.input)
        elif event.type == "content_block_delta":
            self._extend(event)
        elif event.type == "message_delta":
            self._stop_reason = event.delta.stop_reason or ""
            details = event.delta.stop_details
            self._explanation = (details and (details.explanation or details.category)) or ""
            self._count(event.usage)
        elif event.type == "message_stop":
            self._ended = True

    def finish(self) -> ModelAnswer:
        """Give the answer, without its price and duration.

        Raises:
            EffectError: the stream broke off, was none of the API's, or the model refused or
                wrote what is no JSON.
        """
        if not self._model:
            self._fail(failures.foreign_answer(self._call))
        if not self._ended:
            self._fail(failures.answer_broken_off(self._call))
        if self._stop_reason == "refusal":
            self._fail(failures.refused(self._call, self._explanation))
        if self._stop_reason == "model_context_window_exceeded":
            self._fail(failures.window_exceeded(self._call))
        parts = [part for _, part in sorted(self._parts.items())]
        texts = ["".join(part.pieces) for part in parts if not part.name]
        return ModelAnswer(
            model=self._model,
            text=_encodable("\n\n".join(text for text in texts if text.strip())),
            tool_calls=tuple(self._tool_call(part) for part in parts if part.name),
            stop_reason=self._stop_reason,
            usage=self._usage,
        )

    def _extend(self, event: RawContentBlockDeltaEvent) -> None:
        part = self._parts.get(event.index)
        if part is None:
            return
        if event.delta.type == "text_delta":
            part.pieces.append(event.delta.text)
        elif event.delta.type == "input_json_delta":
            part.pieces.append(event.delta.partial_json)

    def _count(self, usage: object) -> None:
        """Take in token counts, which are totals so far; one that is not told stays."""
        told = {ours: getattr(usage, theirs, None) for ours, theirs in USAGE_FIELDS.items()}
        known = {name: number for name, number in told.items() if number is not None}
        self._usage = Usage.model_validate(self._usage.model_dump() | known)

    def _tool_call(self, part: _Part) -> ToolCall:
        written = "".join(part.pieces)
        try:
            arguments = _parse(written) if written.strip() else part.initial
        except ValueError:
            if self._stop_reason != "max_tokens":
                self._fail(failures.bad_tool_call(self._call, part.name))
            arguments = {INCOMPLETE: _encodable(written)}
        return ToolCall(call_id=part.call_id, tool=part.name, arguments=arguments)

    @staticmethod
    def _fail(failure: Failure) -> NoReturn:
        raise EffectError(failure)


def _parse(written: str) -> dict[str, JsonValue]:
    """Parse a JSON object that can be recorded.

    Raises:
        ValueError: it is no JSON object, or holds NaN, infinity, NUL or half a character.
    """
    value = json.loads(written, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - like all other ways of being malformed
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _encodable(text: str) -> str:
    """Replace halves of characters, which UTF-8 cannot hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
