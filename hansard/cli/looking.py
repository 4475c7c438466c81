"""The commands that look back: `sessions`, `show`, `audit` and `why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

import hansard
from domain.session import SessionStatus
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from application.views import DecisionView, SessionView, TaskView, WhyView
    from projections.delegation_audit import DelegationView
    from projections.protocol import Page
    from projections.session_list import SessionSummaryView

WIDE = 140
"""Columns from which on a table has room for an id beside what was said."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
AT = click.option(
    "--at",
    metavar="T",
    help="A past moment: an ISO 8601 time with zone, a position, or an event id.",
)
STATUS_STYLES = {"completed": "green", "failed": "red", "declined": "yellow", "cancelled": "yellow"}


@click.command()
@click.argument("session", default=hansard.LAST)
@AT
@JSON
def show(*, session: str, at: str | None, as_json: bool) -> None:
    """Show SESSION: what was asked, who did what, and the answer.

    SESSION is an id that `hansard sessions` lists, or `last` (the default).
    """
    with hansard.open() as h:
        view = h.session(session, at)
    if as_json:
        print_json(view)
    else:
        _print_session(console(), view)


@click.command()
@click.argument("task")
@JSON
def why(*, task: str, as_json: bool) -> None:
    """Explain TASK: who decided what about it, out of whom, and what followed.

    TASK is an id that `hansard show` lists.
    """
    with hansard.open() as h:
        view = h.why(task)
    if as_json:
        print_json(view)
    else:
        _print_why(console(), view)


@click.command()
@click.option("--status", type=click.Choice([status.value for status in SessionStatus]))
@click.option("--text", help="Only those whose request and answer hold all these words.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--before", type=int, help="Continue a list: the `next` of the page before.")
@AT
@JSON
def sessions(
    *,
    status: str | None,
    text: str | None,
    limit: int,
    before: int | None,
    at: str | None,
    as_json: bool,
) -> None:
    """List sessions, newest first."""
    chosen = SessionStatus(status) if status else None
    with hansard.open() as h:
        page = h.sessions(status=chosen, text=text, at=at, before=before, limit=limit)
    if as_json:
        print_json(page)
        return
    out = console()
    out.print(_wide_list(page.items) if out.width >= WIDE else _narrow_list(page.items))
    tell_next(page, "--before")


@click.command()
@click.argument("session", required=False)
@click.option("--agent", metavar="HANDLE", help="Decisions by or for this agent.")
@click.option("--department", help="Decisions on tasks planned for this department.")
@click.option("--strategy", help="Decisions by this routing strategy.")
@click.option("--outcome", help="Decisions on tasks that ended so: completed, failed, ...")
@click.option("--since", metavar="TIME", help="Recorded at or after, ISO 8601 with zone.")
@click.option("--until", metavar="TIME", help="Recorded before, ISO 8601 with zone.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--after", default=0, help="Continue a list: the `next` of the page before.")
@AT
@JSON
def audit(
    *, session: str | None, limit: int, after: int, at: str | None, as_json: bool, **filters: str
) -> None:
    """List decisions: who passed which task to whom, out of whom, and why.

    SESSION limits the list to one session; `last` names the newest.
    """
    with hansard.open() as h:
        page = h.audit(session, at=at, after=after, limit=limit, **filters)
    if as_json:
        print_json(page)
        return
    out = console()
    wide = out.width >= WIDE
    out.print(_wide_decisions(page.items) if wide else _narrow_decisions(page.items))
    tell_next(page, "--after")


def _wide_list(rows: Iterable[SessionSummaryView]) -> Table:
    table = _table("Session", "Opened", "Status", "Request", "Answer")
    for row in rows:
        table.add_row(*_identity(row), clean(row.request), clean(row.answer))
    return table


def _narrow_list(rows: Iterable[SessionSummaryView]) -> Group:
    lines: list[RenderableType] = []
    for row in rows:
        lines.append(Text("  ").join(_identity(row)))
        lines += [
            Padding(Text(clean(text), style=style), (0, 0, 0, 2))
            for text, style in ((row.request, ""), (row.answer, "dim"))
            if text
        ]
    return Group(*lines)


def _wide_decisions(rows: Iterable[DelegationView]) -> Table:
    table = _table("Position", "Task", "From", "To", "Confidence", "Outcome", "Session", "Reason")
    for row in rows:
        table.add_row(
            str(row.position),
            clean(row.task_key),
            row.from_agent,
            row.to_agent or "nobody",
            f"{row.confidence:.2f}",
            row.outcome,
            Text(str(row.session_id), no_wrap=True),
            clean(row.reason),
        )
    return table


def _narrow_decisions(rows: Iterable[DelegationView]) -> Group:
    lines: list[RenderableType] = []
    for row in rows:
        text = Text(f"{row.position}  ", style="dim")
        text.append(clean(row.task_key), style="bold")
        text.append(f"  {row.from_agent} > {row.to_agent or 'nobody'}", style="cyan")
        text.append(f"  {row.confidence:.2f}  ")
        text.append(row.outcome, style=STATUS_STYLES.get(row.outcome, ""))
        lines += [text, Padding(Text(clean(row.reason), style="dim"), (0, 0, 0, 2))]
    return Group(*lines)


def _identity(row: SessionSummaryView) -> tuple[Text, Text, Text]:
    """Name a session; these three are never cut, so that the id can be copied."""
    status = row.status.value
    return (
        Text(str(row.session_id), no_wrap=True),
        Text(_time(row.opened_at), no_wrap=True),
        Text(status, style=STATUS_STYLES.get(status, "")),
    )


def _print_session(out: Console, view: SessionView) -> None:
    status = Text(view.status.value, style=STATUS_STYLES.get(view.status.value, ""))
    grid = facts(
        ("Session", str(view.session_id)),
        ("Status", status),
        ("Request", view.request),
        ("Opened", _time(view.opened_at)),
        ("Position", str(view.position)),
        ("Models", ", ".join(view.model_names) or "none yet"),
        ("Input", ", ".join(file.name for file in view.input_files) or "none"),
        ("State hash", view.state_hash),
    )
    out.print(grid)
    out.print(_task_tree(view))
    for turn in view.turns:
        out.print(Text(f"\n{turn.speaker}", style="bold cyan"))
        out.print(Text(clean(turn.text)))
    if view.failure is not None:
        out.print(Text(f"\n{view.failure.kind.value}: {clean(view.failure.message)}", style="red"))
    for artefact in view.artefacts:
        out.print(Text(f"{view.output_folder}/{artefact.path}"), soft_wrap=True)


def _task_tree(view: SessionView) -> Tree:
    root = next((task for task in view.tasks if task.parent_id is None), None)
    if root is None:
        return Tree(Text("no task yet", style="dim"))
    tree = Tree(_task_line(root))
    for task in view.tasks:
        if task.parent_id == root.task_id:
            tree.add(_task_line(task))
    return tree


def _task_line(task: TaskView) -> Text:
    line = Text(f"{task.key} ", style="bold")
    line.append(task.status.value, style=STATUS_STYLES.get(task.status.value, "dim"))
    line.append(f" {' > '.join(task.path)} ", style="cyan")
    line.append(f"{task.model_calls} model and {task.tool_calls} tool calls", style="dim")
    line.append(f"\n{task.task_id}", style="dim")
    if task.failure is not None:
        line.append(f"\n{clean(task.failure.message)}", style="red")
    return line


def _print_why(out: Console, view: WhyView) -> None:
    out.print(
        facts(
            ("Task", f"{view.task.key} ({view.task.task_id})"),
            ("Session", str(view.session_id)),
            ("Asked", view.task.instruction),
            ("Status", view.task.status.value),
            ("Passed through", " > ".join(view.task.path)),
        )
    )
    for decision in view.decisions:
        _print_decision(out, decision)
    out.print(Text("\nChain of events", style="bold"))
    chain = _table("Position", "Event", "By", "What")
    for link in view.chain:
        chain.add_row(str(link.position), link.type, link.actor, clean(link.text))
    out.print(chain)


def _print_decision(out: Console, view: DecisionView) -> None:
    decision = view.decision
    out.print(Text(f"\n{view.from_agent} > {view.to_agent or 'nobody'}", style="bold"))
    out.print(Text(clean(decision.reason)))
    out.print(
        Text(
            f"Position {view.position}, strategy {decision.strategy}, policy"
            f" {decision.policy_version}, confidence {decision.confidence:.2f},"
            f" knew the log up to {decision.knowledge_position}.",
            style="dim",
        )
    )
    table = _table("Candidate", "Score", "Parts")
    for candidate in decision.candidates:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in candidate.parts.items())
        style = "bold green" if candidate.handle == decision.chosen else ""
        table.add_row(candidate.handle, f"{candidate.score:.2f}", parts, style=style)
    out.print(table)


def facts(*rows: tuple[str, str | Text]) -> Table:
    """Lay facts out in two columns, cleaned for the terminal."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else clean(value))
    return grid


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def tell_next(page: Page[Any], option: str) -> None:
    """Say how to see the page that follows, if there is one."""
    if page.lag:
        click.echo(f"As of position {page.position}; {page.lag} positions behind.", err=True)
    if page.next is not None:
        click.echo(f"There are more: add {option} {page.next}.", err=True)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
