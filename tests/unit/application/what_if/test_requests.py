"""Requests: what is asked, apart from ids, order and what earlier answers took."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from application.briefs import AgentBrief, InterpretBrief
from application.what_if.requests import Request, differences, digest, model_request
from domain.artefact import Artefact
from domain.effect import ToolAnswer, ToolCall, Usage
from domain.task import Step
from tests.support.scripted import answer, call

NOVA = AgentBrief(handle="NOVA_001", display_name="Nova", description="")
CALLS = tuple(call("query_table", f"c{number}", sql=str(number)) for number in range(4))


def ask(*steps: Step, request: str = "Add.") -> Request:
    """Say a brief with some steps; any purpose has them."""
    brief = InterpretBrief(agent=NOVA, request=request, files=(), departments=(), steps=steps)
    return model_request("small", brief, 0)


def effect(number: int) -> UUID:
    return UUID(int=number)


def outcome(one: ToolCall, number: int, duration_ms: float = 0.0) -> Step:
    told = ToolAnswer(content=one.arguments, duration_ms=duration_ms)
    return Step(effect_id=effect(number), call=one, answer=told)


@given(st.permutations(CALLS), st.integers(1, 1000))
def test_outcomes_that_came_in_another_order_are_the_same_request(
    order: list[ToolCall], number: int
) -> None:
    asked = Step(effect_id=effect(number), purpose="execute", answer=answer(*CALLS))
    first = ask(asked, *(outcome(one, number) for one in CALLS))
    second = ask(asked, *(outcome(one, number + 1, 5.0) for one in order))

    assert digest(first) == digest(second)


def test_what_an_answer_took_and_who_numbered_its_calls_is_not_said() -> None:
    paid = answer(*CALLS).model_copy(update={"usage": Usage(input_tokens=9), "model": "other"})
    renamed = paid.model_copy(
        update={
            "tool_calls": tuple(
                each.model_copy(update={"call_id": f"x{n}"}) for n, each in enumerate(CALLS)
            )
        }
    )
    first, second = (
        ask(
            Step(effect_id=effect(1), purpose="execute", answer=told),
            *(outcome(one, 2) for one in told.tool_calls),
        )
        for told in (answer(*CALLS), renamed)
    )

    assert digest(first) == digest(second)


def test_words_rejections_and_contents_are_said() -> None:
    asked = Step(effect_id=effect(1), purpose="execute", answer=answer(text="Hm."))
    rejected = asked.model_copy(update={"rejection": "Be clear."})
    other = Step(effect_id=effect(1), purpose="execute", answer=answer(text="Oh."))
    artefact = Artefact(path="a", media_type="text", title="A", sha256="0" * 64, size=1)
    requests = [
        ask(),
        ask(asked),
        ask(rejected),
        ask(other),
        ask(request="Subtract."),
        ask(asked, Step(effect_id=effect(2), call=CALLS[0], answer=ToolAnswer(content=None))),
        ask(
            asked,
            Step(
                effect_id=effect(2),
                call=CALLS[0],
                answer=ToolAnswer(content=None, artefacts=(artefact,)),
            ),
        ),
    ]

    assert len({digest(request) for request in requests}) == len(requests)
    assert digest(ask()) != digest(ask() | {"model": "large"})
    assert digest(ask()) != digest(ask() | {"compression": 1})


def test_differences_name_the_field_and_both_values() -> None:
    one = {"agent": {"skills": ["a", "b"], "name": "x"}, "steps": [{"text": "1"}], "last": False}
    other = {"agent": {"skills": ["a"], "name": "x"}, "steps": [{"text": "2"}, {}], "tools": {}}

    assert differences(one, other) == [  # type: ignore[arg-type]  # lists of dictionaries are JSON
        ("agent.skills", '["a", "b"]', '["a"]'),
        ("steps[0].text", '"1"', '"2"'),
        ("steps[1]", None, "{}"),
        ("last", "false", None),
        ("tools", None, "{}"),
    ]
    assert differences({"a": "x" * 1000}, {"a": ""})[0][1] == '"' + "x" * 298 + "…"
    assert differences(dict(ask()), dict(ask())) == []
