"""Replies: what the stand-in can answer, and how each looks on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Event = tuple[str, dict[str, Any]]
PIECE_LENGTH = 7  # short pieces cut words, numbers and escapes apart


@dataclass(frozen=True)
class Use:
    """A tool call; `arguments` given as text is sent as it is, valid or not."""

    tool: str
    arguments: dict[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A model's answer; without a stop reason the usual one."""

    text: str = ""
    uses: tuple[Use, ...] = ()
    stop_reason: str = ""
    model: str = ""
    input_tokens: int = 100
    output_tokens: int = 20
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    thinking: bool = False
    stop_details: dict[str, Any] | None = None


@dataclass(frozen=True)
class Refusal:
    """An error of the service."""

    status: int
    type: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None

    @property
    def body(self) -> dict[str, Any]:
        """The error as JSON."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": "req_stand_in"}


@dataclass(frozen=True)
class BrokenStream:
    """A stream that ends after some events: by an error event, or by a lost connection.

    `politely` closes the body properly, as a proxy does whose upstream was lost.
    """

    answer: Answer
    events: int
    error: Refusal | None = None
    politely: bool = False


@dataclass(frozen=True)
class Silence:
    """No answer until the client goes away; `events` of an answer may come first."""

    events: int = 0


@dataclass(frozen=True)
class Foreign:
    """An answer of something that is not the Messages API."""

    body: str = "<html>Hello</html>"
    status: int = 200
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


Reply = Answer | Refusal | BrokenStream | Silence | Foreign


def message(answer: Answer, request: dict[str, Any], number: int) -> dict[str, Any]:
    """Write an answer as the message that is sent without streaming."""
    blocks: list[dict[str, Any]] = []
    if answer.thinking:
        blocks.append({"type": "thinking", "thinking": "", "signature": "c2lnbmVk"})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for position, use in enumerate(answer.uses):
        arguments = use.arguments if isinstance(use.arguments, dict) else {}
        call_id = f"toolu_{number:04}_{position}"
        blocks.append({"type": "tool_use", "id": call_id, "name": use.tool, "input": arguments})
    return {
        "id": f"msg_{number:04}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or request["model"],
        "content": blocks,
        "stop_reason": answer.stop_reason or ("tool_use" if answer.uses else "end_turn"),
        "stop_sequence": None,
        "stop_details": answer.stop_details,
        "usage": {
            "input_tokens": answer.input_tokens,
            "output_tokens": answer.output_tokens,
            "cache_read_input_tokens": answer.cache_read_tokens,
            "cache_creation_input_tokens": answer.cache_write_tokens,
        },
    }


def events(answer: Answer, request: dict[str, Any], number: int) -> Iterator[Event]:
    """Write an answer as the events of a stream."""
    whole = message(answer, request, number)
    start = whole | {"content": [], "stop_reason": None, "stop_details": None}
    start["usage"] = whole["usage"] | {"output_tokens": 1}
    yield "message_start", {"type": "message_start", "message": start}
    yield "ping", {"type": "ping"}
    raw = iter([use.arguments for use in answer.uses])
    for index, block in enumerate(whole["content"]):
        yield from _block_events(index, block, raw)
    yield (
        "message_delta",
        {
            "type": "message_delta",
            "delta": {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details")},
            "usage": {"output_tokens": answer.output_tokens},
        },
    )
    yield "message_stop", {"type": "message_stop"}


def _block_events(
    index: int, block: dict[str, Any], raw: Iterator[dict[str, Any] | str]
) -> Iterator[Event]:
    empty: dict[str, Any]
    if block["type"] == "text":
        empty, deltas = (
            {"text": ""},
            [("text_delta", "text", piece) for piece in _cut(block["text"])],
        )
    elif block["type"] == "tool_use":
        arguments = next(raw)
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        empty = {"input": {}}
        deltas = [("input_json_delta", "partial_json", piece) for piece in ["", *_cut(written)]]
    else:
        empty = {"thinking": "", "signature": ""}
        deltas = [("signature_delta", "signature", block["signature"])]
    yield (
        "content_block_start",
        {"type": "content_block_start", "index": index, "content_block": block | empty},
    )
    for kind, key, piece in deltas:
        delta = {"type": kind, key: piece}
        yield (
            "content_block_delta",
            {"type": "content_block_delta", "index": index, "delta": delta},
        )
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def _cut(text: str) -> list[str]:
    return [text[start : start + PIECE_LENGTH] for start in range(0, len(text), PIECE_LENGTH)]
