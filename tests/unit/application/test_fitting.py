"""B11: prompts are compressed until they fit, and tell a specialist what it may write."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from application.prompts import Prompt, Text, compose, compose_within
from application.prompts.composing import MEASURES
from application.prompts.fitting import estimated_tokens
from tests.support.briefs import execute, failed, interpret, present

LONG = present([failed(f"t{number}", "It failed. " * 2_000) for number in range(5)])


def words(prompt: Prompt) -> str:
    blocks = [block for message in prompt.messages for block in message.blocks]
    return "\n".join(block.text for block in blocks if isinstance(block, Text))


def test_a_prompt_that_fits_is_not_compressed() -> None:
    assert compose_within(interpret(), 0, 50_000) == compose(interpret(), 0)
    assert compose_within(LONG, 0, None) == compose(LONG, 0)


@settings(deadline=None)
@given(st.integers(1, 60_000), st.integers(0, 5))
def test_a_prompt_is_compressed_as_little_as_it_needs(limit: int, least: int) -> None:
    prompt = compose_within(LONG, least, limit)

    levels = range(least, max(len(MEASURES), least + 1))
    fitting = [level for level in levels if estimated_tokens(compose(LONG, level)) <= limit]
    assert prompt == compose(LONG, fitting[0] if fitting else levels[-1])


def test_an_estimate_counts_what_is_said_and_the_tools_on_offer() -> None:
    few, many = (estimated_tokens(compose(brief)) for brief in (interpret(), execute()))

    assert 100 < few < many


def test_a_specialist_is_told_how_much_it_may_write_where_that_is_limited() -> None:
    limited = execute().model_copy(update={"budget": 2_000})

    assert "Write at most 2000 tokens on it in all" in words(compose(limited))
    assert "Write at most" not in words(compose(execute()))


def test_what_a_failed_task_had_found_is_told_with_its_failure() -> None:
    lost = failed("metrics", "It took too long.").model_copy(update={"found": "Revenue is 60."})

    assert "Revenue is 60." in words(compose(present([lost])))
