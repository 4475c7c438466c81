"""Progress: what the organisation is doing, live on standard error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from uuid import UUID

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from domain.approval import Approval
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task
from hansard.cli.terminal import clean

MARKS = {"open": "·", "completed": "✓", "failed": "✗", "cancelled": "-"}
STYLES = {"completed": "green", "failed": "red", "cancelled": "yellow"}
WIDTH = 72


class Board:
    """The state of the tasks as far as progress shows it.

    Events arrive from another thread than the one that draws.
    """

    def __init__(self) -> None:
        self.headline = "Opening a session ..."
        self.rows: dict[UUID, dict[str, str]] = {}
        self.events = 0
        self.lock = threading.Lock()
        self._started = monotonic()

    def take(self, recorded: RecordedEvent) -> None:
        """Take an event in."""
        with self.lock:
            self.events += 1
            apply = _APPLIERS.get(type(recorded.event))
            if apply is not None:
                apply(self, recorded.event)

    def row(self, event: Any) -> dict[str, str]:
        """Get the row of a task."""
        return self.rows.setdefault(
            event.originator_id, {"title": "", "holder": "", "doing": "", "status": "open"}
        )

    def __rich__(self) -> RenderableType:
        with self.lock:
            table = Table.grid(padding=(0, 1))
            for row in self.rows.values():
                table.add_row(
                    _mark(row["status"]),
                    Text(row["title"], style="bold"),
                    Text(row["holder"], style="cyan"),
                    Text(row["doing"], style="dim", overflow="ellipsis", no_wrap=True),
                )
            seconds = monotonic() - self._started
            foot = Text(f"{self.events} events recorded, {seconds:.1f} s", style="dim")
            return Group(Text(self.headline), table, foot)


def _mark(status: str) -> RenderableType:
    if status == "started":
        return Spinner("dots")
    return Text(MARKS[status], style=STYLES.get(status, ""))


def _opened(board: Board, event: Any) -> None:
    board.headline = f"Session {event.originator_id}"


def _created(board: Board, event: Any) -> None:
    board.row(event).update(title=clean(event.assignment.title)[:WIDTH], holder=event.holder)


def _delegated(board: Board, event: Any) -> None:
    delegation = event.delegation
    row = board.row(event)
    row.update(holder=f"{row['holder']} > {delegation.to_agent}")


def _files(count: int) -> str:
    return "" if count == 0 else "1 file" if count == 1 else f"{count} files"


def _doing(text: Callable[[Any], str], status: str | None = None) -> Callable[[Board, Any], None]:
    def apply(board: Board, event: Any) -> None:
        row = board.row(event)
        row["doing"] = clean(text(event))[:WIDTH]
        if status is not None:
            row["status"] = status

    return apply


def _waits(board: Board, event: Any) -> None:
    row = board.rows.get(event.request.task_id)
    if row is not None:
        row["doing"] = clean(f"waits for approval: {event.request.proposal}")[:WIDTH]


_APPLIERS: dict[type[Any], Callable[[Board, Any], None]] = {
    Session.Created: _opened,
    Task.Created: _created,
    Task.Delegated: _delegated,
    Task.Unplaced: _doing(lambda event: event.decision.reason),
    Task.Started: _doing(lambda _: "", "started"),
    Task.Decomposed: _doing(lambda event: f"{len(event.task_ids)} tasks", "started"),
    Task.Extended: _doing(lambda event: f"{len(event.task_ids)} tasks more", "started"),
    Task.Reopened: _doing(lambda event: f"begun anew: {event.failure.message}"),
    Task.RecoveryChosen: _doing(lambda event: event.recovery.reason),
    Task.BudgetExceeded: _doing(lambda event: f"over its budget for {event.overrun.scope}"),
    Task.GuardrailTripped: _doing(lambda event: event.trip.reason),
    Task.HandoffRequested: _doing(lambda event: f"asks {event.handoff.to_agent} to go on"),
    Task.HandoffRejected: _doing(lambda event: event.reason),
    Task.Transitioned: _doing(lambda event: event.transition.to_state.value),
    Task.ModelCalled: _doing(lambda event: f"asks {event.model} to {event.purpose}"),
    Task.ModelFailed: _doing(lambda event: event.failure.message),
    Task.AnswerRejected: _doing(lambda event: f"corrects its answer: {event.reason}"),
    Task.ToolCalled: _doing(lambda event: f"uses {event.call.tool}"),
    Task.ToolFailed: _doing(lambda event: event.failure.message),
    Task.Completed: _doing(lambda event: _files(len(event.result.artefacts)), "completed"),
    Task.Failed: _doing(lambda event: event.failure.message, "failed"),
    Task.Skipped: _doing(lambda event: event.failure.message, "skipped"),
    Task.Cancelled: _doing(lambda event: event.reason, "cancelled"),
    Approval.Created: _waits,
}

LINES: dict[type[Any], Callable[[Any], str]] = {
    Session.Created: lambda event: f"session {event.originator_id} opened",
    Session.Resumed: lambda event: f"taken up again, {len(event.pending_effects)} effects pending",
    Conversation.TurnTaken: lambda event: f"{event.turn.speaker} speaks",
    Task.Created: lambda event: f"task {event.assignment.key}: {event.assignment.title}",
    Task.Delegated: lambda event: (
        f"{event.delegation.from_agent} -> {event.delegation.to_agent}:"
        f" {event.delegation.decision.reason}"
    ),
    Task.Extended: lambda event: f"{len(event.task_ids)} tasks more: {event.plan.reason}",
    Task.Reopened: lambda event: f"begun anew by {event.holder}: {event.failure.message}",
    Task.RecoveryChosen: lambda event: (
        f"{event.recovery.rung.value.replace('_', ' ')}: {event.recovery.reason}"
    ),
    Task.BudgetExceeded: lambda event: (
        f"{event.overrun.agent} spent {event.overrun.spent_tokens} of"
        f" {event.overrun.limit_tokens} tokens for {event.overrun.scope}"
    ),
    Task.GuardrailTripped: lambda event: f"{event.trip.guardrail}: {event.trip.reason}",
    Task.HandoffRequested: lambda event: (
        f"{event.handoff.from_agent} asks {event.handoff.to_agent} to go on:"
        f" {event.handoff.request}"
    ),
    Task.HandoffAccepted: lambda event: f"accepted: {event.reason}",
    Task.HandoffRejected: lambda event: f"not accepted: {event.reason}",
    Task.Transitioned: lambda event: (
        f"{event.transition.from_state.value} -> {event.transition.to_state.value}:"
        f" {event.transition.assessment}"
    ),
    Task.Judged: lambda event: f"{event.judgement.chosen} is best: {event.judgement.reason}",
    Task.Tallied: lambda event: event.tally.reason,
    Task.Skipped: lambda event: f"task skipped: {event.failure.message}",
    Task.ToolCalled: lambda event: f"{event.agent} uses {event.call.tool}",
    Task.ToolFailed: lambda event: event.failure.message,
    Task.ModelFailed: lambda event: event.failure.message,
    Task.Failed: lambda event: f"task failed: {event.failure.message}",
    Approval.Created: lambda event: (
        f"approval {event.originator_id} waits: {event.request.proposal}"
    ),
    Approval.Received: lambda event: f"approval {event.originator_id} was answered",
}


@contextmanager
def shown(console: Console, *, quiet: bool) -> Iterator[Callable[[RecordedEvent], None]]:
    """Show progress while the context lasts: a live board on a terminal, else a line an event.

    Yields:
        The listener to hand to a run.
    """
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        board = Board()
        with Live(board, console=console, refresh_per_second=12):
            yield board.take
    else:
        yield lambda recorded: _line(console, recorded)


def _line(console: Console, recorded: RecordedEvent) -> None:
    describe = LINES.get(type(recorded.event))
    if describe is not None:
        text = clean(describe(recorded.event)).replace("\n", " ")
        console.print(f"[{recorded.position}] {text}", soft_wrap=True)
