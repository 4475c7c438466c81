"""What people see: plain text in pipes, live progress in a terminal, and never what files say."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.conftest import MainJob
from tests.support.command import LEDGER, REQUEST, Command
from tests.support.tables import write_rows

COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-8]|4[0-8]|9[0-7])(?:;[0-9;]*)?m")
UP = "\x1b[1A"
ATTACK = "\x1b]0;owned\x07\x1b[2J\x1b[5mEvil\x9b5m \u202egnp.exe"
BANNED = re.compile(r"\x1b\]|\x1b\[2J|\x1b\[5m|[\x07\x9b\u202e]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def looks_back(main_job: MainJob) -> tuple[tuple[str, ...], ...]:
    task = main_job.task("charts")["task_id"]
    return (
        ("sessions",),
        ("show", main_job.session),
        ("audit",),
        ("audit", main_job.session),
        ("why", task),
        ("stats",),
        ("agents", "list"),
        ("agents", "show", "FIN_007"),
    )


def test_pipes_get_plain_unbroken_lines(main_job: MainJob) -> None:
    for arguments in looks_back(main_job):
        outcome = main_job.hansard.run(*arguments)
        assert outcome.code == 0
        assert "\x1b" not in outcome.out + outcome.err
        assert outcome.out.strip()
    audit = main_job.hansard.succeed("audit", main_job.session)
    entries = main_job.hansard.document("audit", main_job.session)["items"]
    assert [line.split()[0] for line in audit.splitlines()[1:]] == [
        str(entry["position"]) for entry in entries
    ]
    assert all(
        entry["reason"] in line for entry, line in zip(entries, audit.splitlines()[1:], strict=True)
    )


def test_a_terminal_gets_colours_unless_they_are_not_wanted(main_job: MainJob) -> None:
    colourful = main_job.hansard.show("show", main_job.session)
    plain = main_job.hansard.given(NO_COLOR="1").show("show", main_job.session)

    assert colourful.code == plain.code == 0
    assert COLOUR.search(colourful.sent)
    assert not COLOUR.search(plain.sent)
    assert colourful.text == plain.text
    for task in main_job.view["tasks"]:
        assert task["task_id"] in plain.text


def test_a_narrow_terminal_still_gets_ids_and_handles_whole(main_job: MainJob) -> None:
    sessions = main_job.hansard.show("sessions", columns=80)
    audit = main_job.hansard.show("audit", columns=80)
    stats = main_job.hansard.show("stats", columns=80)

    assert main_job.session in sessions.text
    assert "DIR_CREATIVE > DIR_ANALYTICS" in audit.text
    assert "DIR_ANALYTICS" in stats.text
    assert max(map(len, (sessions.text + audit.text + stats.text).splitlines())) <= 80


def test_progress_is_shown_live_in_a_terminal_and_the_answer_after_it(hansard: Command) -> None:
    screen = hansard.show("run", REQUEST, "--input", LEDGER, "--output", "report")

    assert screen.code == 0
    assert screen.sent.count(UP) > 10
    assert screen.sent.rindex("\x1b[?25h") > screen.sent.index("\x1b[?25l")
    assert "uses query_table" in screen.text
    assert "MM_001 > DIR_FINANCE > FIN_007" in screen.text
    last = screen.text[screen.text.rindex("events recorded") :]
    assert "314,190.51" in last
    assert "without a language model" in last.replace("\n", " ")
    assert f"{hansard.folder}/report/report.html" in last
    assert (hansard.folder / "report" / "report.html").is_file()


def test_progress_goes_line_by_line_into_a_pipe(hansard: Command) -> None:
    outcome = hansard.run("run", "What is 6 * 7?")

    lines = outcome.err.splitlines()
    assert "\x1b" not in outcome.out + outcome.err
    assert re.match(r"\[\d+\] session [0-9a-f-]{36} opened$", lines[0])
    assert any("uses evaluate_expression" in line for line in lines)
    assert "completed; models: offline" in lines[-1]
    assert "42" in outcome.out
    assert not set(lines) & set(outcome.out.splitlines())


def test_a_quiet_run_says_only_how_it_ended(hansard: Command) -> None:
    outcome = hansard.run("run", "What is 6 * 7?", "--quiet", "--json")

    assert outcome.err == ""
    assert outcome.document["status"] == "completed"


def test_a_reader_that_leaves_early_is_no_error(main_job: MainJob) -> None:
    for arguments in (("sessions",), ("agents", "list"), ("agents", "list", "--json")):
        with main_job.hansard.started(*arguments) as running:
            assert running.first_line()
            outcome = running.end()
        assert outcome.code in {0, 141}
        assert outcome.err in {"", "119 agents.\n"}


def test_what_a_file_says_never_controls_the_terminal(hansard: Command, tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "evil.csv",
        ("date", f"kind{ATTACK}", "amount", "note"),
        [
            (f"2025-{number % 12 + 1:02}-01", ATTACK if number % 6 else "Good", number, "x" * 300)
            for number in range(60)
        ],
    )

    screens = [hansard.show("run", f"Financial report on Q4 {ATTACK}", "--input", path)]
    view = hansard.document("show")
    task = view["tasks"][-1]["task_id"]
    looks = (("sessions",), ("show",), ("why", task), ("audit",))
    screens += [hansard.show(*arguments) for arguments in looks]
    pipes = [hansard.run(*arguments) for arguments in (("why", task), ("show", "--json"))]

    assert view["status"] == "completed"
    assert ATTACK in view["request"]
    assert "Evil" in view["answer"]
    assert "Evil" in screens[0].text
    for screen in screens:
        assert not BANNED.search(screen.sent)
    for outcome in pipes:
        assert not CONTROL.search(outcome.out + outcome.err)
