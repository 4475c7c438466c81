"""Progress: what people see of a session while it runs, from its recorded events alone."""

from __future__ import annotations

import io

from rich.console import Console

from application.errors import EffectError
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from hansard.cli.progress import Board, shown
from tests.support.office import Q4_PLAN, office
from tests.support.scripted import propose

EVIL = "\x1b[2JExtract\x1b]0;owned\x07"


def events(**changes: object) -> list[RecordedEvent]:
    """Record a whole session."""
    place = office(changes)  # type: ignore[arg-type] # replies by purpose or key
    place.run()
    return place.heard


def drawn(board: Board, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        console.print(board)
    return capture.get()


def written(recorded: list[RecordedEvent], *, quiet: bool = False, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=terminal, highlight=False)
    with shown(console, quiet=quiet) as listener:
        for event in recorded:
            listener(event)
    return file.getvalue()


def test_the_board_follows_each_task_to_its_end() -> None:
    board = Board()
    recorded = events()

    assert "Opening a session" in drawn(board)
    for event in recorded:
        board.take(event)

    text = drawn(board)
    assert f"Session {recorded[0].event.originator_id}" in text
    for title in ("Extract Q4 data", "Compute metrics", "Draw charts", "Assemble the report"):
        (line,) = [line for line in text.splitlines() if title in line]
        assert line.startswith("✓")
        assert "MM_001 > DIR_" in line
    assert f"{len(recorded)} events recorded" in text


def test_the_board_shows_what_is_being_done_at_every_moment() -> None:
    board = Board()
    seen = []

    for event in events():
        board.take(event)
        seen.append(drawn(board))

    everything = "\n".join(seen)
    assert "asks large to decompose" in everything
    assert "uses query_table" in everything
    assert "4 tasks" in everything


def test_the_board_shows_why_a_task_failed() -> None:
    failure = EffectError(Failure(kind=FailureKind.REFUSED, message="The model refuses this."))
    board = Board()

    for event in events(metrics=[failure]):
        board.take(event)

    (line,) = [line for line in drawn(board).splitlines() if "Compute metrics" in line]
    assert line.startswith("✗")
    assert "The model refuses this." in line


def test_titles_of_models_cannot_control_the_terminal() -> None:
    tasks = (Q4_PLAN.tasks[0].model_copy(update={"title": EVIL}), *Q4_PLAN.tasks[1:])
    recorded = events(decompose=[propose(Q4_PLAN.model_copy(update={"tasks": tasks}))])
    board = Board()

    for event in recorded:
        board.take(event)

    assert "Extract" in drawn(board)
    assert "\x1b" not in drawn(board) + written(recorded)
    assert "\x07" not in drawn(board) + written(recorded)


def test_a_pipe_gets_one_line_for_each_step_with_its_position() -> None:
    recorded = events()

    lines = written(recorded).splitlines()

    positions = [int(line[1 : line.index("]")]) for line in lines]
    assert positions == sorted(set(positions))
    assert set(positions) <= {event.position for event in recorded}
    assert lines[0].endswith(" opened")
    assert any("DIR_FINANCE -> FIN_007: " in line for line in lines)
    assert any(line.endswith("uses draw_chart") for line in lines)


def test_a_terminal_gets_a_board_that_is_drawn_anew() -> None:
    text = written(events(), terminal=True)

    assert "\x1b[1A" in text
    assert "Assemble the report" in text


def test_nothing_is_shown_when_nothing_is_wanted() -> None:
    assert written(events(), quiet=True, terminal=True) == ""
