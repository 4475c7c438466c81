"""What cannot be done is refused in one clear sentence, with its exit code and no traceback."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.acceptance.conftest import MainJob
from tests.support.command import LEDGER, REQUEST, ROOT, Command, Outcome

ROSTER = ROOT / "infrastructure" / "roster" / "roster.yaml"
USAGE, NOT_FOUND, CONFLICT, UNAVAILABLE = 2, 3, 4, 6


def check(outcome: Outcome, code: int, *parts: str) -> None:
    """Hold that a command said one thing about what is wrong, on the right channel."""
    assert outcome.code == code, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert outcome.err.startswith("hansard: ")
    assert outcome.err.count("\n") == 1
    for part in parts:
        assert part in outcome.err


def failed_view(outcome: Outcome, code: int, kind: str) -> str:
    """Hold that a session ended with a recorded failure, and give its message."""
    view = outcome.document
    assert outcome.code == code
    assert view["status"] == "failed"
    assert view["failure"]["kind"] == kind
    assert view["failure"]["message"] in view["answer"]
    assert "Traceback" not in outcome.err
    return str(view["failure"]["message"])


def recorded(hansard: Command, outcome: Outcome, kind: str) -> list[str]:
    """List the tools whose failures of a kind were recorded for the first task."""
    task = next(task for task in outcome.document["tasks"] if task["parent_id"])
    chain = hansard.document("why", task["task_id"])["chain"]
    failures = [link["text"] for link in chain if link["type"] == "task.tool_failed"]
    return [text for text in failures if text.startswith(f"{kind}: ")]


def test_a_missing_input_file(hansard: Command) -> None:
    outcome = hansard.run("run", REQUEST, "--input", "nowhere.csv")

    check(outcome, USAGE, f"{hansard.folder}/nowhere.csv", "does not exist")
    assert hansard.document("sessions")["items"] == []


def test_a_folder_in_place_of_a_file(hansard: Command) -> None:
    check(hansard.run("run", REQUEST, "--input", "/"), USAGE, "'/' is no regular file")


def test_an_output_folder_that_cannot_be_made(hansard: Command) -> None:
    outcome = hansard.run("run", REQUEST, "--input", LEDGER, "--output", "/dev/null/reports")

    check(outcome, USAGE, "/dev/null/reports", "--output")


def test_an_empty_request(hansard: Command) -> None:
    check(hansard.run("run", "  "), USAGE, "The request is empty")


def test_a_file_that_is_no_table_is_a_recorded_tool_error(hansard: Command) -> None:
    path = hansard.folder / "photo.csv"
    path.write_bytes(bytes(range(256)) * 64)

    outcome = hansard.run("run", REQUEST, "--input", path, "--json")

    assert "'photo.csv' is no table" in failed_view(outcome, USAGE, "bad_input")
    assert recorded(hansard, outcome, "bad_input")


def test_a_table_without_figures_is_beyond_what_agents_can_do(hansard: Command) -> None:
    path = hansard.folder / "names.csv"
    path.write_text("first,last\nAda,Lovelace\nGrace,Hopper\nMary,Jackson\n", encoding="utf-8")

    outcome = hansard.run("run", REQUEST, "--input", path, "--json")

    message = failed_view(outcome, NOT_FOUND, "unable")
    assert "names.csv" in message
    assert "first, last" in message


def test_a_file_of_two_gigabytes_is_refused_quickly(hansard: Command) -> None:
    path = hansard.folder / "big.csv"
    with path.open("wb") as file:
        file.truncate(2 << 30)

    outcome = hansard.run("run", REQUEST, "--input", path, "--json")

    assert "2,147,483,648 bytes" in failed_view(outcome, USAGE, "too_large")
    assert recorded(hansard, outcome, "too_large")
    assert outcome.seconds < 30


def test_sessions_tasks_and_agents_that_do_not_exist(main_job: MainJob) -> None:
    nobody = str(uuid4())

    for arguments in (
        ("show", nobody),
        ("audit", nobody),
        ("why", nobody),
        ("resume", nobody),
        ("cancel", nobody, "--reason", "late"),
        ("agents", "show", nobody),
        ("stats", nobody),
        ("show", "last", "--at", nobody),
    ):
        check(main_job.hansard.run(*arguments), NOT_FOUND, nobody)


def test_a_session_before_it_was_opened(main_job: MainJob) -> None:
    check(main_job.hansard.run("show", "--at", "1"), NOT_FOUND, main_job.session)


def test_the_newest_session_where_there_is_none(hansard: Command) -> None:
    check(hansard.run("show"), NOT_FOUND, "Nothing was run yet", "`hansard run`")


def test_values_that_cannot_be_understood(main_job: MainJob) -> None:
    for arguments, parts in (
        (("show", "fin"), ("'fin'", "UUID")),
        (("why", "fin"), ("'fin'", "the id of a task")),
        (("show", "--at", "yesterday"), ("'yesterday'", "ISO 8601", "position", "event id")),
        (("show", "--at", "2026-01-02T03:04:05"), ("has no zone", "+00:00")),
        (("show", "--at", "9" * 30), ("9" * 30,)),
        (("audit", "--since", "today"), ("since", "'today'")),
        (("audit", "--until", "2026-01-02T03:04:05"), ("until", "timezone")),
        (("audit", "--outcome", "splendid"), ("outcome", "'splendid'")),
    ):
        check(main_job.hansard.run(*arguments), USAGE, *parts)


def test_an_ended_session_cannot_be_cancelled(main_job: MainJob) -> None:
    outcome = main_job.hansard.run("cancel", main_job.session, "--reason", "late")

    check(outcome, CONFLICT, main_job.session, "completed")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("run",), "Say what is wanted, or name a workflow by --workflow."),
        (("run", "hello", "--colour"), "No such option"),
        (("sessions", "--limit", "0"), "0 is not in the range"),
        (("sessions", "--status", "lost"), "'lost' is not one of"),
    ],
)
def test_a_command_line_that_cannot_be_read(
    hansard: Command, arguments: tuple[str, ...], part: str
) -> None:
    outcome = hansard.run(*arguments)

    assert (outcome.code, outcome.out) == (USAGE, "")
    assert outcome.err.startswith("Usage: hansard")
    assert part in outcome.err
    assert "Traceback" not in outcome.err


def test_no_arguments_at_all_are_answered_with_help(hansard: Command) -> None:
    outcome = hansard.run()

    assert (outcome.code, outcome.out) == (USAGE, "")
    assert "Commands:" in outcome.err


def test_a_server_that_cannot_be_reached(hansard: Command) -> None:
    away = hansard.given(HANSARD_DATABASE_URL="postgresql://me:pa55word@127.0.0.1:1/hansard")

    for arguments in (("sessions",), ("run", "What is 1 + 1?")):
        outcome = away.run(*arguments)
        check(outcome, UNAVAILABLE, "127.0.0.1:1", "cannot be reached")
        assert "pa55word" not in outcome.err


def test_an_address_of_a_server_that_cannot_be_read(hansard: Command) -> None:
    away = hansard.given(HANSARD_DATABASE_URL="postgresql://me:pa55word@[")

    outcome = away.run("sessions")

    check(outcome, UNAVAILABLE, "HANSARD_DATABASE_URL is not a connection string")
    assert "pa55word" not in outcome.err


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("HANSARD_MAX_INPUT_BYTES", "lots", ("HANSARD_MAX_INPUT_BYTES", "'lots'")),
        ("HANSARD_MODEL", "claude-sonnet-5-5", ("ANTHROPIC_API_KEY", "'offline'")),
        ("HANSARD_MODLE", "offline", ("'HANSARD_MODLE'", "'HANSARD_MODEL'")),
    ],
)
def test_settings_that_cannot_be_used(
    hansard: Command, name: str, value: str, parts: tuple[str, ...]
) -> None:
    check(hansard.given(**{name: value}).run("sessions"), USAGE, *parts)


def test_a_roster_with_mistakes_is_refused_with_their_lines(hansard: Command) -> None:
    lines = ROSTER.read_text(encoding="utf-8").splitlines(keepends=True)
    twin = next(number for number, line in enumerate(lines, 1) if "{id: ANA_002" in line)
    grant = next(number for number, line in enumerate(lines, 1) if "- tool: draw_chart" in line)
    lines[twin - 1] = lines[twin - 1].replace("ANA_002", "ANA_001")
    lines[grant - 1] = lines[grant - 1].replace("draw_chart", "teleport")
    roster = hansard.folder / "roster.yaml"
    roster.write_text("".join(lines), encoding="utf-8")

    outcome = hansard.given(HANSARD_ROSTER=str(roster)).run("agents", "list")

    assert (outcome.code, outcome.out) == (USAGE, "")
    assert outcome.err.startswith(f"hansard: The roster {str(roster)!r} has ")
    assert f"roster.yaml:{twin}:" in outcome.err
    assert f"roster.yaml:{grant}:" in outcome.err
    assert "'ANA_001'" in outcome.err
    assert "'teleport'" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_roster_that_does_not_exist(hansard: Command) -> None:
    away = hansard.given(HANSARD_ROSTER=str(Path("nowhere.yaml")))

    check(away.run("agents", "list"), USAGE, "nowhere.yaml", "there is no such file")
