"""Rules: what the real service refuses, so that tests notice a wrong request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.messages_api.replies import Refusal

MODELS = (
    "claude-haiku-5-5",
    "claude-sonnet-5-5",
    "claude-opus-5-5",
    "claude-sonnet-5",
    "claude-haiku-4-5",
)
UNFORCIBLE = re.compile(r"claude-(sonnet|opus)-5-5")
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
FIELDS = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "metadata",
    "stop_sequences", "thinking", "output_config", "service_tier", "cache_control",
}  # fmt: skip
RETIRED = ("temperature", "top_p", "top_k")
BLOCK_FIELDS = {
    "text": {"type", "text", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
}
MAX_CACHE_MARKS = 4


class RefusedError(Exception):
    """The service refuses the request."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)


def check_headers(headers: Mapping[str, str], key: str) -> None:
    """Hold the headers of a request against the rules."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    if key not in (headers.get("x-api-key"), bearer):
        _refuse("invalid x-api-key", 401, "authentication_error")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", headers.get("anthropic-version", "")):
        _refuse("anthropic-version: header is required")
    if headers.get("content-type") != "application/json":
        _refuse("content-type: must be application/json")


def check_body(body: dict[str, Any]) -> None:
    """Hold the body of a request against the rules."""
    for field in ("model", "max_tokens", "messages"):
        _require(field in body, f"{field}: Field required")
    for field in RETIRED:
        _require(field not in body, f"`{field}` is deprecated for this model.")
    for field in body:
        _require(field in FIELDS, f"{field}: Extra inputs are not permitted")
    if body["model"] not in MODELS:
        _refuse(f"model: {body['model']}", 404, "not_found_error")
    tokens = body["max_tokens"]
    _require(isinstance(tokens, int) and tokens > 0, "max_tokens: must be greater than 0")
    kind = body.get("thinking", {}).get("type", "adaptive")
    _require(kind == "adaptive", f'"thinking.type.{kind}" is not supported for this model.')
    _check_system(body.get("system", ""))
    _check_tools(body)
    _check_messages(body["messages"], has_tools="tools" in body)
    marks = _count_marks(body)
    _require(marks <= MAX_CACHE_MARKS, f"A maximum of 4 blocks with cache_control; found {marks}.")


def _check_system(system: str | list[dict[str, Any]]) -> None:
    if isinstance(system, list):
        for block in system:
            _check_text(block, "system")


def _check_tools(body: dict[str, Any]) -> None:
    names = []
    for position, tool in enumerate(body.get("tools", [])):
        where = f"tools.{position}.custom"
        for field in tool:
            known = {"name", "description", "input_schema", "cache_control"}
            _require(field in known, f"{where}.{field}: Extra inputs are not permitted")
        _require(bool(NAME.match(tool["name"])), f"{where}.name: should match the pattern")
        schema = tool["input_schema"]
        _require(schema.get("type") == "object", f"{where}.input_schema.type: Field required")
        composed = {"oneOf", "allOf", "anyOf"} & schema.keys()
        _require(not composed, f"{where}.input_schema does not support oneOf, allOf, or anyOf")
        names.append(tool["name"])
    _require(len(names) == len(set(names)), "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice is None:
        return
    _require(bool(names), "tool_choice: may only be specified while providing tools")
    forced = choice["type"] in ("tool", "any")
    refused = forced and UNFORCIBLE.match(body["model"])
    _require(not refused, "tool_choice forces tool use is not compatible with this model.")
    if choice["type"] == "tool":
        _require(choice["name"] in names, f"Tool '{choice['name']}' not found in provided tools")


def _check_messages(messages: list[dict[str, Any]], *, has_tools: bool) -> None:
    _require(bool(messages), "messages: at least one message is required")
    _require(messages[-1]["role"] == "user", "This model does not support message prefill.")
    asked: list[str] = []
    used: set[str] = set()
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        _require(set(message) == {"role", "content"}, f"{where}: Extra inputs are not permitted")
        role = "user" if position % 2 == 0 else "assistant"
        _require(message["role"] == role, "messages: roles must alternate, starting with user")
        blocks = _blocks(message["content"], where)
        _check_results(blocks, asked, where)
        asked = [block["id"] for block in blocks if block["type"] == "tool_use"]
        _require(has_tools or not asked, "Requests which include `tool_use` must define tools.")
        _require(role == "assistant" or not asked, f"{where}: `tool_use` is the assistant's")
        fresh = len(set(asked)) == len(asked) and not used & set(asked)
        _require(fresh, f"{where}: `tool_use` ids must be unique")
        used |= set(asked)


def _blocks(content: str | list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    _require(bool(blocks), f"{where}: content must not be empty")
    for number, block in enumerate(blocks):
        at = f"{where}.content.{number}"
        _require(block.get("type") in BLOCK_FIELDS, f"{at}: type is unknown")
        unknown = block.keys() - BLOCK_FIELDS[block["type"]]
        _require(not unknown, f"{at}: Extra inputs are not permitted: {sorted(unknown)}")
        if block["type"] == "text":
            _check_text(block, at)
        if block["type"] == "tool_use":
            names_fit = NAME.match(block["id"]) and NAME.match(block["name"])
            _require(bool(names_fit), f"{at}: String should match pattern '^[a-zA-Z0-9_-]+$'")
            _require(isinstance(block["input"], dict), f"{at}.input: should be a valid dictionary")
    return blocks


def _check_text(block: dict[str, Any], where: str) -> None:
    text = block.get("text")
    fine = isinstance(text, str) and bool(text.strip())
    _require(fine, f"{where}: text content blocks must contain non-whitespace text")


def _check_results(blocks: list[dict[str, Any]], asked: list[str], where: str) -> None:
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    leading = [block["type"] == "tool_result" for block in blocks[: len(answered)]]
    _require(all(leading), f"{where}: `tool_result` blocks must come first")
    strays = [call_id for call_id in answered if call_id not in asked]
    _require(not strays, f"{where}: unexpected `tool_use_id` found in `tool_result`: {strays}")
    _require(
        sorted(answered) == sorted(asked),
        f"{where}: `tool_use` ids were found without exactly one `tool_result` immediately"
        f" after: asked {asked}, answered {answered}",
    )


def _count_marks(value: Any) -> int:
    if isinstance(value, dict):
        own = int(value.get("cache_control") is not None)
        return own + sum(_count_marks(part) for part in value.values())
    return sum(_count_marks(part) for part in value) if isinstance(value, list) else 0


def _require(fine: bool, message: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not fine:
        _refuse(message)


def _refuse(message: str, status: int = 400, kind: str = "invalid_request_error") -> None:
    raise RefusedError(Refusal(status, kind, message))
