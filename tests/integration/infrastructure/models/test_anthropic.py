"""Tests of the Anthropic adapter: the real SDK over real HTTP against the strict stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from pydantic import JsonValue, SecretStr

from application.errors import EffectError
from domain.effect import FailureKind, ModelAnswer, ToolCall, Usage
from domain.task import Step
from infrastructure.models.anthropic import AnthropicModel
from tests.support import briefs
from tests.support.messages_api import KEY, Answer, MessagesApi, Reply, Silence, Use

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@asynccontextmanager
async def opened(api: MessagesApi) -> AsyncIterator[AnthropicModel]:
    model = AnthropicModel(SecretStr(KEY), api.base_url, max_output_tokens=4096)
    try:
        yield model
    finally:
        await model.aclose()


async def ask(api: MessagesApi, *arguments: Any, **options: Any) -> ModelAnswer:
    async with opened(api) as model:
        return await model.answer(briefs.asking(*arguments, **options))


def answer_to(reply: Reply, *arguments: Any, **options: Any) -> tuple[ModelAnswer, dict[str, Any]]:
    """Ask once; return the answer and the request's body."""
    with MessagesApi([reply]) as api:
        answer = run(ask(api, *arguments, **options))
        assert api.refusals == []
        return answer, api.requests[0].body


def test_an_answer_in_words_is_taken_whole_with_its_usage_price_and_duration() -> None:
    reply = Answer(
        "Der Umsatz stieg um 5 %, größer als je: ✓",
        input_tokens=1000,
        output_tokens=500,
        cache_read_tokens=2000,
        cache_write_tokens=4000,
    )
    answer, _ = answer_to(reply, briefs.present())
    assert answer.text == "Der Umsatz stieg um 5 %, größer als je: ✓"
    assert answer.tool_calls == ()
    assert answer.model == "claude-sonnet-5-5"
    assert answer.stop_reason == "end_turn"
    assert answer.usage == Usage(
        input_tokens=1000, output_tokens=500, cache_read_tokens=2000, cache_write_tokens=4000
    )
    # 1000 at $2, 4000 written at $2.50, 2000 read at $0.10, 500 at $10 a million
    assert answer.cost_usd == Decimal("0.0172")
    assert answer.duration_ms > 0


def test_words_and_several_tool_calls_come_in_one_answer() -> None:
    arguments = {"sql": "SELECT \"größe\", 1.5e3 FROM t WHERE a = '</data>'", "limit": 5}
    reply = Answer("Both.", (Use("query_table", arguments), Use("list_files")))
    answer, _ = answer_to(reply, briefs.execute())
    assert answer.text == "Both."
    assert answer.stop_reason == "tool_use"
    assert answer.tool_calls == (
        ToolCall(call_id="toolu_0001_0", tool="query_table", arguments=arguments),
        ToolCall(call_id="toolu_0001_1", tool="list_files", arguments={}),
    )


def test_the_request_streams_and_marks_what_may_be_cached() -> None:
    _, body = answer_to(Answer("Fine."), briefs.execute())
    assert body["stream"] is True
    assert body["max_tokens"] == 4096
    assert body["tool_choice"] == {"type": "auto"}
    mark = {"type": "ephemeral"}
    assert body["system"][-1]["cache_control"] == mark
    assert [tool.get("cache_control") for tool in body["tools"]] == [*[None] * 4, mark]
    assert body["messages"][-1]["content"][-1]["cache_control"] == mark


def test_a_call_that_is_not_repeated_does_not_pay_for_caching_its_messages() -> None:
    _, body = answer_to(Answer("Fine."), briefs.interpret())
    assert "cache_control" not in json.dumps(body["messages"])


def test_the_key_and_the_version_stand_in_the_headers() -> None:
    with MessagesApi([Answer("Fine.")]) as api:
        run(ask(api, briefs.present()))
    headers = api.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["anthropic-version"]


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-sonnet-5", "claude-haiku-4-5"])
def test_a_model_that_can_be_made_to_use_a_tool_is_made_to(model: str) -> None:
    reply = Answer(uses=(Use("submit_intent", {"goal": "Report."}),))
    answer, body = answer_to(reply, briefs.interpret(), model)
    assert body["tool_choice"] == {
        "type": "tool",
        "name": "submit_intent",
        "disable_parallel_tool_use": True,
    }
    assert answer.tool_calls[0].arguments == {"goal": "Report."}


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5"])
def test_a_model_that_refuses_force_gets_one_tool_and_the_choice(model: str) -> None:
    _, body = answer_to(Answer("Fine."), briefs.execute(last=True), model)
    assert body["tool_choice"] == {"type": "auto"}
    assert [tool["name"] for tool in body["tools"]] == ["submit_result"]


def test_thinking_is_counted_but_not_part_of_the_answer() -> None:
    answer, _ = answer_to(Answer("Fine.", thinking=True, output_tokens=900), briefs.present())
    assert answer.text == "Fine."
    assert answer.usage.output_tokens == 900


def test_an_answer_that_the_token_limit_cut_is_recorded_as_it_is() -> None:
    cut = Use("write_document", '{"title": "Report", "markdown": "# Q4')
    reply = Answer("I write.", (Use("list_files"), cut), stop_reason="max_tokens")
    answer, _ = answer_to(reply, briefs.execute())
    assert answer.stop_reason == "max_tokens"
    assert answer.text == "I write."
    assert [call.arguments for call in answer.tool_calls] == [
        {},
        {"incomplete_json": '{"title": "Report", "markdown": "# Q4'},
    ]


def test_the_model_that_answered_is_named_as_the_provider_names_it() -> None:
    answer, _ = answer_to(
        Answer("Fine.", model="claude-haiku-5-5-20261007"), briefs.present(), "claude-haiku-5-5"
    )
    assert answer.model == "claude-haiku-5-5-20261007"
    assert answer.cost_usd is not None


def test_a_model_without_a_known_price_costs_nothing_known() -> None:
    answer, _ = answer_to(Answer("Fine.", model="claude-next-9"), briefs.present())
    assert answer.cost_usd is None


def in_steps(answer: ModelAnswer, *outcomes: Step, rejection: str | None = None) -> list[Step]:
    said = Step(effect_id=briefs.ID, purpose="execute", answer=answer, rejection=rejection)
    return [said, *outcomes]


def test_a_whole_tool_loop_with_failures_and_repairs_keeps_the_protocol() -> None:
    replies = [
        Answer("Look.", (Use("query_table", {"sql": "A"}), Use("query_table", {"sql": "B"}))),
        Answer(uses=(Use("submit_result", {"done": "maybe"}),)),
        Answer(),
        Answer(uses=(Use("draw chart!", {}),)),
        Answer(uses=(Use("submit_result", {"done": True, "summary": "Done."}),)),
    ]
    with MessagesApi(replies) as api:
        run(_loop(api))
        assert api.refusals == []
    assert len(api.requests) == 5
    last = api.requests[-1].body["messages"]
    assert [message["role"] for message in last] == ["user", "assistant"] * 3 + ["user"]
    assert last[4]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "call_3",
            "content": "Not accepted: done: Input should be a valid boolean",
            "is_error": True,
        },
        {"type": "text", "text": "Not accepted: The answer is empty"},
    ]


async def _loop(api: MessagesApi) -> None:
    async with opened(api) as model:
        steps: list[Step] = []

        async def turn() -> ModelAnswer:
            return await model.answer(briefs.asking(briefs.execute(steps)))

        first = await turn()
        one, two = first.tool_calls
        steps += in_steps(first, briefs.gave(two, {"rows": [[1]]}), briefs.broke(one))
        steps += in_steps(await turn(), rejection="done: Input should be a valid boolean")
        steps += in_steps(await turn(), rejection="The answer is empty")
        odd = await turn()
        steps += in_steps(odd, briefs.broke(odd.tool_calls[0], "There is no such tool."))
        assert (await turn()).tool_calls[0].tool == "submit_result"


def test_a_compressed_transcript_keeps_the_protocol() -> None:
    calls = [briefs.call(str(number), sql="SELECT " + "x" * 5000) for number in range(5)]
    rows: JsonValue = [[number, "y" * 30] for number in range(300)]
    steps = [step for call in calls for step in (briefs.said(call), briefs.gave(call, rows))]
    sizes = []
    for compression in range(4):
        with MessagesApi([Answer("Fine.")]) as api:
            run(ask(api, briefs.execute(steps), compression=compression))
            assert api.refusals == []
            sizes.append(len(json.dumps(api.requests[0].body)))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] < sizes[0] / 1.5


def test_calls_run_side_by_side_on_one_client() -> None:
    together = asyncio.run(_side_by_side(10))
    assert together == [f"Answer {number}" for number in range(10)]


async def _side_by_side(number: int) -> list[str]:
    def echo(body: dict[str, Any]) -> Answer:
        return Answer(body["messages"][0]["content"][0]["text"].splitlines()[0][9:])

    with MessagesApi(echo) as api:
        async with opened(api) as model:
            asked = [
                briefs.asking(briefs.interpret().model_copy(update={"request": f"Answer {n}"}))
                for n in range(number)
            ]
            answers = await asyncio.gather(*(model.answer(request) for request in asked))
    return [answer.text for answer in answers]


def test_one_model_serves_several_event_loops_one_after_the_other() -> None:
    with MessagesApi([Answer("One."), Answer("Two.")]) as api:
        model = AnthropicModel(SecretStr(KEY), api.base_url)

        async def once() -> str:
            try:
                return (await model.answer(briefs.asking(briefs.present()))).text
            finally:
                await model.aclose()

        assert [run(once()), run(once())] == ["One.", "Two."]


def test_closing_a_model_that_was_never_asked_does_nothing() -> None:
    run(AnthropicModel(SecretStr(KEY)).aclose())


@pytest.mark.parametrize("events", [0, 4])
def test_cancelling_a_call_closes_its_connection(events: int) -> None:
    with MessagesApi([Silence(events), Answer("Fine.")]) as api:
        assert run(_cancelled_then_asked_again(api)) == "Fine."


async def _cancelled_then_asked_again(api: MessagesApi) -> str:
    async with opened(api) as model:
        asking = asyncio.create_task(model.answer(briefs.asking(briefs.present())))
        assert await asyncio.to_thread(api.arrived.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(api.left.wait, 10)
        return (await model.answer(briefs.asking(briefs.present()))).text


def test_the_environment_of_the_sdk_changes_neither_address_nor_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-other")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "other-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9/")
    answer, _ = answer_to(Answer("Fine."), briefs.present())
    assert answer.text == "Fine."


@pytest.mark.parametrize("key", ["", "sk-ant-with blank", "sk-ant-line\n", "sk-ant-größe"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_shown(key: str) -> None:
    model = AnthropicModel(SecretStr(key), "http://127.0.0.1:9")
    with pytest.raises(EffectError) as caught:
        run(model.answer(briefs.asking(briefs.present())))
    assert caught.value.failure.kind is FailureKind.NOT_ALLOWED
    assert "ANTHROPIC_API_KEY" in caught.value.failure.message
    assert not key or key not in caught.value.failure.message
