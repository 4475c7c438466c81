"""Tests of the stand-in itself: it refuses what the real Messages API refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from anthropic import (  # noqa: TID253 - whoever runs these tests needs it
    Anthropic,
    APIStatusError,
    AuthenticationError,
)

from tests.support.messages_api import KEY, Answer, MessagesApi, Use

Body = dict[str, Any]
USE = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "seen"}
TEXT = {"type": "text", "text": "Hello"}
TOOL = {"name": "look", "input_schema": {"type": "object"}}


def user(*blocks: Body) -> Body:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Body) -> Body:
    return {"role": "assistant", "content": list(blocks)}


def body(**changes: Any) -> Body:
    whole = {"model": "claude-sonnet-5-5", "max_tokens": 100, "messages": [user(TEXT)]}
    return {key: value for key, value in (whole | changes).items() if value is not None}


def with_tools(*messages: Body, **changes: Any) -> Body:
    return body(messages=list(messages), tools=[TOOL], **changes)


def send(api: MessagesApi, content: Body, key: str = KEY) -> Any:
    with Anthropic(api_key=key, base_url=api.base_url, max_retries=0) as client:
        return client.post("/v1/messages", cast_to=object, body=content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (body(max_tokens=None), "max_tokens: Field required"),
        (body(max_tokens=0), "max_tokens"),
        (body(messages=[]), "at least one message"),
        (body(colour="red"), "colour: Extra inputs are not permitted"),
        (body(temperature=0.2), "deprecated"),
        (body(thinking={"type": "disabled"}), "not supported for this model"),
        (body(messages=[assistant(TEXT), user(TEXT)]), "roles must alternate"),
        (body(messages=[user(TEXT), user(TEXT)]), "roles must alternate"),
        (body(messages=[user(TEXT), assistant(TEXT)]), "prefill"),
        (body(messages=[user(TEXT), assistant(), user(TEXT)]), "content must not be empty"),
        (body(messages=[user({"type": "text", "text": " "})]), "non-whitespace"),
        (body(messages=[user(TEXT | {"colour": "red"})]), "Extra inputs"),
        (body(messages=[user(TEXT), assistant(USE), user(RESULT)]), "must define tools"),
        (with_tools(user(TEXT), assistant(USE), user(TEXT)), "without exactly one"),
        (with_tools(user(TEXT), assistant(USE), user(RESULT, RESULT)), "without exactly one"),
        (with_tools(user(TEXT), assistant(USE), user(TEXT, RESULT)), "must come first"),
        (with_tools(user(TEXT), assistant(TEXT), user(RESULT)), "unexpected `tool_use_id`"),
        (with_tools(user(TEXT), assistant(USE, USE), user(RESULT)), "ids must be unique"),
        (
            with_tools(user(TEXT), *[assistant(USE), user(RESULT)] * 2),
            "ids must be unique",
        ),
        (with_tools(user(TEXT), assistant(USE | {"name": "a b"}), user(RESULT)), "match pattern"),
        (body(tools=[TOOL, TOOL]), "unique"),
        (body(tools=[{"name": "look", "input_schema": {}}]), "input_schema.type"),
        (body(tool_choice={"type": "auto"}), "while providing tools"),
        (with_tools(user(TEXT), tool_choice={"type": "any"}), "not compatible with this model"),
        (
            with_tools(
                user(TEXT), model="claude-haiku-5-5", tool_choice={"type": "tool", "name": "x"}
            ),
            "not found in provided tools",
        ),
        (
            body(messages=[user(*[TEXT | {"cache_control": {"type": "ephemeral"}}] * 5)]),
            "A maximum of 4 blocks",
        ),
    ],
)
def test_a_request_against_the_rules_is_refused(content: Body, words: str) -> None:
    with MessagesApi([]) as api:
        with pytest.raises(APIStatusError) as caught:
            send(api, content)
        assert caught.value.status_code == 400
        assert words in (caught.value.api_message or "")
        assert api.requests == []
        assert len(api.refusals) == 1


def test_a_wrong_key_is_refused() -> None:
    with MessagesApi([]) as api, pytest.raises(AuthenticationError):
        send(api, body(), key="sk-ant-wrong")


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_reads_the_same_message_whole_and_streamed(stream: bool) -> None:  # noqa: FBT001 - a case
    reply = Answer("Two things.", (Use("look", {"at": "a" * 20}), Use("look")), output_tokens=7)
    with MessagesApi([reply]) as api:
        message = _message(api, stream=stream)
    assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
    assert message.content[0].text == "Two things."
    assert [block.input for block in message.content[1:]] == [{"at": "a" * 20}, {}]
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens == 7


def _message(api: MessagesApi, *, stream: bool) -> Any:
    with Anthropic(api_key=KEY, base_url=api.base_url, max_retries=0) as client:
        send_one: Callable[..., Any] = client.messages.create
        parameters = with_tools(user(TEXT))
        if not stream:
            return send_one(**parameters)
        with client.messages.stream(**parameters) as events:
            return events.get_final_message()


def test_a_script_that_runs_out_says_so() -> None:
    with MessagesApi([]) as api:
        with pytest.raises(APIStatusError):
            send(api, body())
        assert api.refusals == ["request 1 is one more than the script has replies for"]
