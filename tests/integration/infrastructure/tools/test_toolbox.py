"""Toolbox: arguments are explained, time is kept, and answers tell the truth about files."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from application.errors import NotFoundError
from domain.effect import FailureKind
from infrastructure.tools import toolbox as module
from infrastructure.tools.toolbox import LocalToolbox
from tests.support.tool_session import ToolSession

NAMES = {
    "draw_chart",
    "evaluate_expression",
    "list_files",
    "profile_table",
    "query_table",
    "read_file",
    "run_tests",
    "search_past_conversations",
    "write_document",
    "write_file",
}


def test_every_tool_is_described_so_that_a_model_can_use_it(toolbox: LocalToolbox) -> None:
    assert toolbox.names == NAMES
    briefs = toolbox.briefs(toolbox.names)
    assert [brief.name for brief in briefs] == sorted(NAMES)
    for brief in briefs:
        assert len(brief.description) > 40
        assert brief.parameters["type"] == "object"
        assert brief.parameters["additionalProperties"] is False
        assert "title" not in brief.parameters
        assert '"null"' not in str(brief.parameters)
        assert "$ref" not in str(brief.parameters)


def test_an_unknown_tool_is_not_described(toolbox: LocalToolbox) -> None:
    with pytest.raises(NotFoundError, match="'fly'"):
        toolbox.briefs(["fly"])


def test_an_unknown_tool_is_not_found_and_the_tools_are_named(session: ToolSession) -> None:
    failure = session.failure("fly")
    assert failure.kind is FailureKind.NOT_FOUND
    assert "'fly'" in failure.message
    assert "query_table" in failure.message


def test_wrong_arguments_are_explained_with_their_values(session: ToolSession) -> None:
    failure = session.failure("query_table", sql=3, limit=5000, colour="red")
    assert failure.kind is FailureKind.BAD_INPUT
    for part in ("sql:", "given: 3", "limit:", "5000", "colour:"):
        assert part in failure.message
    assert "sql: Field required" in session.failure("query_table").message


def test_what_a_tool_wrote_is_named_with_its_hash_and_size(session: ToolSession) -> None:
    answer = session.answer("write_document", title="T", markdown="text")
    assert answer.duration_ms > 0
    for artefact in answer.artefacts:
        content = (session.output / artefact.path).read_bytes()
        assert artefact.sha256 == hashlib.sha256(content).hexdigest()
        assert artefact.size == len(content)
    assert [a.media_type for a in answer.artefacts] == ["text/markdown", "text/html"]


def test_a_failure_of_a_tool_itself_is_internal(
    session: ToolSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    tool = module._TOOLS["list_files"]
    monkeypatch.setitem(
        module._TOOLS,
        "list_files",
        module.Tool(tool.name, tool.arguments, tool.answer, broken),  # type: ignore[arg-type]  # broken
    )
    failure = session.failure("list_files")
    assert failure.kind is FailureKind.INTERNAL
    assert "ZeroDivisionError: oops" in failure.message


def test_a_cancelled_call_is_stopped(session: ToolSession) -> None:
    sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range*b.range=3"

    async def cancel() -> None:
        async with asyncio.timeout(0.3):
            await session.call("query_table", sql=sql)

    with pytest.raises(TimeoutError):
        asyncio.run(cancel())


def test_calls_run_side_by_side(session: ToolSession) -> None:
    session.add("t.csv", "a,b\n1,2\n3,4\n")

    async def all_at_once() -> list[JsonValue]:
        calls = (
            session.call("query_table", sql=f"SELECT sum(a) + {n} AS s FROM t")  # noqa: S608  # a number
            for n in range(8)
        )
        return [answer.content for answer in await asyncio.gather(*calls)]

    sums = [answer["rows"] for answer in asyncio.run(all_at_once()) if isinstance(answer, dict)]
    assert sums == [[[4 + n]] for n in range(8)]


class Past:
    """Finds one turn, and remembers what it was asked."""

    def __init__(self, turn: dict[str, JsonValue]) -> None:
        self.turn = turn
        self.asked: tuple[str, int, UUID | None] | None = None

    def search(self, text: str, limit: int, exclude: UUID | None) -> list[dict[str, JsonValue]]:
        self.asked = (text, limit, exclude)
        return [self.turn] * 3


TURN: dict[str, JsonValue] = {
    "session_id": str(uuid4()),
    "speaker": "user",
    "text": "hello",
    "said_at": "2026-01-01T00:00:00+00:00",
    "position": 7,
}


def test_past_conversations_are_searched_without_the_present_one(tmp_path: Path) -> None:
    past = Past(TURN)
    session = ToolSession(LocalToolbox(past, 1000), tmp_path)
    found = session.use("search_past_conversations", text="hello", limit=2)
    assert found == {"turns": [TURN, TURN]}
    assert past.asked == ("hello", 2, session._session_id)


def test_without_a_record_nothing_is_found(session: ToolSession) -> None:
    assert session.use("search_past_conversations", text="x") == {"turns": []}


def test_turns_of_an_unknown_form_are_an_internal_failure(tmp_path: Path) -> None:
    session = ToolSession(LocalToolbox(Past({"speaker": "x"}), 1000), tmp_path)
    failure = session.failure("search_past_conversations", text="x")
    assert failure.kind is FailureKind.INTERNAL


@pytest.mark.parametrize(
    ("expression", "value", "text"),
    [
        ("0.1 + 0.2", 0.3, "0.3"),
        ("1 / 3", 1 / 3, "0.3333333333333333333333333333"),
        ("-0.0 * 5", 0.0, "0"),
        ("1000000 * 3.50", 3_500_000.0, "3500000"),
        ("x / 1e9", 2e-9, "2E-9"),
    ],
)
def test_a_value_comes_as_number_and_as_text(
    session: ToolSession, expression: str, value: float, text: str
) -> None:
    found = session.use("evaluate_expression", expression=expression, variables={"x": 2})
    assert found == {"value": value, "text": text}


def test_a_value_beyond_every_number_is_refused(session: ToolSession) -> None:
    failure = session.failure("evaluate_expression", expression="10 ** 350")
    assert "too large" in failure.message


def test_a_profile_says_what_each_column_is_good_for(session: ToolSession) -> None:
    lines = "".join(
        f"{n},2026-01-{n % 28 + 1:02},{'NS'[n % 2]},{n}.25,{n % 2 == 0},{2020 + n % 3}\n"
        for n in range(1, 31)
    )
    session.add("t.csv", f"order_id,day,region,amount,paid,year\n{lines}")
    profile = session.use("profile_table", table="t.csv")
    assert (profile["table"], profile["file"], profile["rows"]) == ("t", "t.csv", 30)
    columns = profile["columns"]
    assert isinstance(columns, list)
    roles = {c["name"]: (c["type"], c["role"]) for c in columns if isinstance(c, dict)}
    assert roles == {
        "order_id": ("integer", "identifier"),
        "day": ("date", "date"),
        "region": ("text", "dimension"),
        "amount": ("number", "measure"),
        "paid": ("boolean", "dimension"),
        "year": ("integer", "dimension"),
    }
    amount = columns[3]
    assert isinstance(amount, dict)
    assert (amount["minimum"], amount["maximum"], amount["total"]) == ("1.25", "30.25", 472.5)
    assert amount["nulls"] == 0
    failure = session.failure("profile_table", table="nothing")
    assert failure.kind is FailureKind.NOT_FOUND
    assert "the tables are: t" in failure.message
