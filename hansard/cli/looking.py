"""The commands that look back: `sessions` and `show`."""

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

    from application.parallelism import Parallelism
    from application.views import MomentView, SessionView, TaskView
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
@click.option(
    "--whole",
    is_flag=True,
    help="Also the organisation as it was then, and which earlier queries were like this one.",
)
@JSON
def show(*, session: str, at: str | None, whole: bool, as_json: bool) -> None:
    """Show SESSION: what was asked, who did what, and the answer.

    SESSION is an id that `hansard sessions` lists, or `last` (the default).
    """
    with hansard.open() as h:
        moment = h.view(session, at) if whole else None
        view = moment.session if moment else h.session(session, at)
    if as_json:
        print_json(moment or view)
        return
    _print_session(console(), view)
    if moment is not None:
        _print_surroundings(console(), moment)


@click.command()
@click.option("--status", type=click.Choice([status.value for status in SessionStatus]))
@click.option("--text", help="Only those whose request and answer hold all these words.")
@click.option("--what-if", "what_ifs", is_flag=True, help="List what-ifs too.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--before", type=int, help="Continue a list: the `next` of the page before.")
@AT
@JSON
def sessions(
    *,
    status: str | None,
    text: str | None,
    what_ifs: bool,
    limit: int,
    before: int | None,
    at: str | None,
    as_json: bool,
) -> None:
    """List sessions, forks too, newest first."""
    chosen = SessionStatus(status) if status else None
    with hansard.open() as h:
        page = h.sessions(
            status=chosen, text=text, what_ifs=what_ifs, at=at, before=before, limit=limit
        )
    if as_json:
        print_json(page)
        return
    out = console()
    out.print(_wide_list(page.items) if out.width >= WIDE else _narrow_list(page.items))
    tell_next(page, "--before")


def _wide_list(rows: Iterable[SessionSummaryView]) -> Table:
    table = table_of("Session", "Opened", "Status", "Request", "Answer")
    for row in rows:
        table.add_row(
            *_identity(row), Text.assemble(_origin(row), clean(row.request)), clean(row.answer)
        )
    return table


def _narrow_list(rows: Iterable[SessionSummaryView]) -> Group:
    lines: list[RenderableType] = []
    for row in rows:
        lines.append(Text("  ").join(_identity(row)))
        if row.parent_id is not None:
            lines.append(Padding(_origin(row), (0, 0, 0, 2)))
        lines += [
            Padding(Text(clean(text), style=style), (0, 0, 0, 2))
            for text, style in ((row.request, ""), (row.answer, "dim"))
            if text
        ]
    return Group(*lines)


def _identity(row: SessionSummaryView) -> tuple[Text, Text, Text]:
    """Name a session; these three are never cut, so that the id can be copied."""
    status = row.status.value
    return (
        Text(str(row.session_id), no_wrap=True),
        Text(_time(row.opened_at), no_wrap=True),
        Text(status, style=STATUS_STYLES.get(status, "")),
    )


def _origin(row: SessionSummaryView) -> Text:
    """Say where a fork comes from; nothing of any other session."""
    if row.parent_id is None:
        return Text()
    kind = "what-if" if row.what_if else "fork"
    return Text(f"{kind} of {row.parent_id} at {row.forked_at}\n", style="dim", end="")


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
    for approval in view.approvals:
        if approval.is_open:
            said = f"\nwaits for approval {approval.approval_id}: {approval.request.proposal}"
            out.print(Text(clean(said), style="yellow"), soft_wrap=True)
    for turn in view.turns:
        out.print(Text(f"\n{turn.speaker}", style="bold cyan"))
        out.print(Text(clean(turn.text)))
    if view.failure is not None:
        out.print(Text(f"\n{view.failure.kind.value}: {clean(view.failure.message)}", style="red"))
    for artefact in view.artefacts:
        out.print(Text(f"{view.output_folder}/{artefact.path}"), soft_wrap=True)


def _print_surroundings(out: Console, view: MomentView) -> None:
    organisation = view.organisation
    out.print(Text("\nOrganisation", style="bold"))
    roster = organisation.roster
    out.print(
        facts(
            ("Roster", roster.name if roster else "none yet"),
            ("Departments", ", ".join(each.key for each in organisation.departments) or "none yet"),
            ("As of position", str(view.position)),
            ("State hash", organisation.state_hash),
        )
    )
    table = table_of("Agent", "Name", "Active", "Skills", "Tools")
    for agent in organisation.agents:
        active = "yes" if agent.active else "no"
        skills, tools = ", ".join(agent.skills), ", ".join(agent.tools)
        table.add_row(agent.handle, clean(agent.display_name), active, clean(skills), clean(tools))
    out.print(table)
    if view.similar:
        out.print(Text("\nSimilar, as it would have been found then", style="bold"))
    for hit in view.similar:
        out.print(Text(clean(f"{hit['session_id']}  {hit['text']}")), soft_wrap=True)


def _task_tree(view: SessionView) -> Tree:
    root = next((task for task in view.tasks if task.parent_id is None), None)
    if root is None:
        return Tree(Text("no task yet", style="dim"))
    tree = Tree(_task_line(root))
    branches = {root.task_id: tree}
    for task in view.tasks:
        if task.parent_id is not None:
            above = branches.get(task.parent_id, tree)
            branches[task.task_id] = above.add(_task_line(task))
    return tree


def _task_line(task: TaskView) -> Text:
    line = Text(f"{task.key} ", style="bold")
    line.append(task.status.value, style=STATUS_STYLES.get(task.status.value, "dim"))
    line.append(f" {' > '.join(task.path)} ", style="cyan")
    line.append(f"{task.model_calls} model and {task.tool_calls} tool calls", style="dim")
    line.append(f"\n{task.task_id}", style="dim")
    if task.parallelism is not None and task.parallelism.tasks > 1:
        line.append(f"\n{_side_by_side(task.parallelism)}", style="dim")
    for step in task.transitions:
        said = f"{step.from_state.value} > {step.to_state.value}: {step.assessment}"
        line.append(f"\n{clean(said)}", style="dim")
    if task.failure is not None:
        line.append(f"\n{clean(task.failure.message)}", style="red")
    return line


def _side_by_side(found: Parallelism) -> str:
    return (
        f"{found.tasks} tasks by {found.agents} agents, at most {found.peak} at once:"
        f" speed-up {found.speed_up:.2f}, utilisation {found.utilisation:.0%},"
        f" balance {found.balance:.0%}"
    )


def facts(*rows: tuple[str, str | Text]) -> Table:
    """Lay facts out in two columns, cleaned for the terminal."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value if isinstance(value, Text) else clean(value))
    return grid


def table_of(*columns: str) -> Table:
    """Make a table that folds what does not fit."""
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
