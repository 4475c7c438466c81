"""The commands `diff` and `bisect` on a real log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from application.comparing.tokens import PredicateError
from application.errors import BadRequestError
from application.registration import deactivate_agent
from hansard.cli.main import cli, main
from tests.support.histories import DIRECTOR, MASTERMIND, NOVA, SPECIALIST, SessionTeller
from tests.support.read_side import ReadSide, open_read_side


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str]:
    """Give the exit code of a whole process, and what it says about it."""
    monkeypatch.setattr("sys.argv", ["hansard", *arguments])
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


@pytest.fixture(autouse=True)
def _home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))


@contextmanager
def history(database_url: str) -> Iterator[ReadSide]:
    """A log with the organisation in it, to which sessions can be told."""
    run("agents", "list")
    with open_read_side(database_url) as read_side:
        yield read_side


def report(read_side: ReadSide, *lines: str) -> SessionTeller:
    """Tell of a report that consists of lines."""
    told = read_side.open_session()
    told.delegate(told.root, MASTERMIND)
    task = told.create_task()
    told.delegate(task, DIRECTOR)
    told.delegate(task, SPECIALIST)
    told.start(task)
    told.answer_model(task, told.call_model(task))
    told.complete(task, "\n".join(lines))
    return told


def test_two_sessions_are_compared(database_url: str) -> None:
    with history(database_url) as read_side:
        left = report(read_side, "# Q4", "Revenue grew.", "\x1b[31mAll is well.")
        right = report(read_side, "# Q4", "Revenue fell.", "\x1b[31mAll is well.")
        right.say(NOVA, "More.")

    result = run("diff", str(left.session_id), str(right.session_id))

    assert result.exit_code == 1, result.output
    shown = [line.strip() for line in result.stdout.splitlines()]
    assert "\x1b" not in result.stdout
    assert "First event that differs" in shown
    assert any(line.startswith("left: position") and "of report" in line for line in shown)
    assert shown[shown.index("result.summary") :][:5] == [
        *("result.summary", "@@ -1,3 +1,3 @@", "# Q4", "-Revenue grew.", "+Revenue fell."),
    ]
    assert "~ tasks[report].result.summary" in shown
    assert any(line.startswith("+ turns[1]: {") for line in shown)
    assert "conversation.turn_taken: 1 left, 2 right" in shown
    assert any(line.startswith("report") and "0.0125" in line for line in shown)
    view = document("diff", str(left.session_id), str(right.session_id), code=1)
    assert view["divergence"]["field"] == "result.summary"
    assert [change["path"] for change in view["state"]] == [
        *("tasks[report].result.summary", "turns[1]"),
    ]


def test_sessions_that_went_the_same_way_do_not_differ(database_url: str) -> None:
    with history(database_url) as read_side:
        one, other = report(read_side, "Same."), report(read_side, "Same.")

    result = run("diff", str(one.session_id), str(other.session_id))

    assert result.exit_code == 0, result.output
    assert "There is no difference." in result.stdout


def test_two_moments_of_a_session_are_compared(database_url: str) -> None:
    with history(database_url) as read_side:
        told = report(read_side, "Done.")
        then = read_side.log.last_position()
        told.complete(told.root)
        told.end()
        later = read_side.log.last_position()

    result = run("diff", "last", "--at", str(then))

    assert result.exit_code == 1, result.output
    assert f"The histories are the same up to position {then}." in result.stdout
    assert "~ status: running -> completed" in result.stdout
    assert "left: no further event of request" in result.stdout
    assert "session.completed: 0 left, 1 right (only right)" in result.stdout
    back = document("diff", "last", "--at", str(later), "--other-at", str(then), code=1)
    assert (back["left"]["position"], back["right"]["position"]) == (later, then)
    assert run("diff", "last", "last", "--at", str(then), "--other-at", str(then)).exit_code == 0


def test_a_fork_is_compared_with_its_parent(database_url: str) -> None:
    with history(database_url) as read_side:
        told = report(read_side, "Done.")
        then = read_side.log.last_position()
    with hansard.open() as h:
        fork = h.fork(told.session_id, reason="to see")
    assert fork.session_id is not None

    view = document("diff", str(told.session_id), str(fork.session_id))

    assert (view["shared_until"], view["differs"]) == (then, False)
    assert (view["left"]["session_id"], view["right"]["session_id"]) == (
        *(str(told.session_id), str(fork.session_id)),
    )


def test_the_organisation_is_compared_when_that_is_asked_for(database_url: str) -> None:
    with history(database_url) as read_side:
        told = report(read_side, "Done.")
        then = read_side.log.last_position()
        deactivate_agent(read_side.log, read_side.ids, read_side.clock, SPECIALIST, "on holiday")

    assert run("diff", "last", str(told.session_id), "--at", str(then)).exit_code == 0
    result = run("diff", "last", "--at", str(then), "--organisation")
    assert result.exit_code == 1, result.output
    assert f"~ agents[{SPECIALIST}].active: true -> false" in result.stdout


def test_a_session_is_not_compared_with_itself(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with history(database_url) as read_side:
        report(read_side, "Done.")

    code, said = refused(capsys, monkeypatch, "diff", "last")

    assert code == 2
    assert "name another session, or a past moment (--at T)" in said


def test_the_first_position_in_a_session_is_found(database_url: str) -> None:
    with history(database_url) as read_side:
        told = report(read_side, "Done.")
        last = read_side.log.last_position()

    result = run("bisect", "last", "tasks.completed >= 1")

    assert result.exit_code == 0, result.output
    assert f"It holds first in {told.session_id} with" in result.stdout
    assert f"position {last}, task.completed of report by {NOVA}" in result.stdout
    assert "Before: tasks.completed = 0" in result.stdout
    assert "Then: tasks.completed = 1" in result.stdout
    assert "It has held without interruption since" in result.stdout
    assert "events/s" in result.stderr
    view = document("bisect", str(told.session_id), "agent('FIN_007').cost_usd > 0.01")
    assert view["found"]["type"] == "task.model_answered"
    assert view["now"] == {'agent("FIN_007").cost_usd': "0.0125"}


def test_the_whole_log_is_searched_without_a_session(database_url: str) -> None:
    with history(database_url) as read_side:
        first, second = (read_side.tell_plain_session() for _ in range(2))
        answered = [each.position for each in read_side.log.read(types=["task.model_answered"])]

    result = run("bisect", "cost_usd > 0.02")
    assert f"position {answered[1]}, task.model_answered of report" in result.stdout
    assert f"session {second.session_id}" in result.stdout

    listed = run("bisect", "tasks.started > 0", "--all-flips")
    assert "It has changed 3 times since, and does not hold" in listed.stdout
    assert listed.stdout.count(": holds\n") == listed.stdout.count(": holds no longer\n") == 2
    after = run("bisect", "cost_usd > 0.01", "--since", str(answered[1] - 1))
    assert "It held already before" in after.stdout
    within = run("bisect", "cost_usd > 0.02", "--until", str(answered[1]))
    assert within.exit_code == 3
    assert "It holds nowhere in all sessions together" in within.stdout
    assert "At the end: cost_usd = 0.0125" in within.stdout
    assert first.session_id != second.session_id


def test_what_holds_nowhere_is_said_and_has_its_exit_code(database_url: str) -> None:
    with history(database_url) as read_side:
        report(read_side, "Done.")

    assert document("bisect", "last", "cost_usd > 100", code=3)["found"] is None


@pytest.mark.parametrize(
    ("expression", "sentence", "carets"),
    [
        ("cst_usd > 5", "'cst_usd' is unknown; the nearest known: cost_usd", "  ^^^^^^^"),
        ("cost_usd > five", "'five' is unknown", "             ^^^^"),
        ("turns > 1 and", "ends too early", "               ^"),
        ("status == 'failed'", "told of one session; name a session", "  ^^^^^^"),
    ],
)
def test_a_wrong_predicate_is_marked_where_it_is_wrong(
    expression: str,
    sentence: str,
    carets: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, said = refused(capsys, monkeypatch, "bisect", expression)

    assert code == 2
    first, shown, marks = said.rstrip("\n").split("\n")
    assert first.startswith("hansard: ")
    assert sentence in first
    assert shown == f"  {expression}"
    assert marks == carets


def test_both_can_be_asked_from_python(database_url: str) -> None:
    with history(database_url) as read_side:
        one, other = report(read_side, "One."), report(read_side, "Other.")

    async def ask() -> tuple[Any, Any]:
        async with await hansard.open_async() as h:
            return await h.diff(one.session_id, other.session_id), await h.bisect(
                "tasks.completed == 2"
            )

    difference, found = asyncio.run(ask())
    with hansard.open() as h:
        assert h.diff(one.session_id, str(other.session_id)) == difference
        again = h.bisect("tasks.completed == 2")
        assert again.found == found.found
        with pytest.raises(PredicateError) as caught:
            h.bisect("nothing", hansard.LAST)
        with pytest.raises(BadRequestError, match="no moment"):
            h.bisect("turns > 1", since="yesterday")
    assert (caught.value.start, caught.value.end) == (0, len("nothing"))
