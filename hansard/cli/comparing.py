"""The commands that compare: `diff` and `bisect`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

import hansard
from hansard.cli.figures import NOTHING, count, duration, money
from hansard.cli.looking import JSON, STATUS_STYLES
from hansard.cli.main import DIFFERENCE, NOT_FOUND
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from pydantic import JsonValue
    from rich.console import Console

    from application.comparing.views import (
        BisectionView,
        ChangeView,
        DifferenceView,
        EventView,
        FigureValue,
        MetricsView,
        SideView,
    )

MOST_CHANGES = 200
"""How many changes a terminal is shown; JSON has all."""

LONG = 60
"""Characters from which on a text is compared line by line."""

MOST_CHARACTERS, MOST_LINES = 300, 2_000
"""Of a value in one line, and of one that is compared line by line."""

MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
REORDERED = ("=", "yellow")

EXAMPLES = """\b
Examples:
  'tasks.failed >= 1'
  'status == "failed" or resumptions > 0'
  'agent("FIN_007").cost_usd > 0.5 and "MM_001" in agents'
  'contains(answer, "revenue")'
  'sessions.failed / sessions.opened > 0.1'

docs/diff-and-bisect.md lists all that can be named.
"""

METRICS = (
    ("Model calls", "model_calls"),
    ("Tool calls", "tool_calls"),
    ("Tokens in", "input_tokens"),
    ("Tokens out", "output_tokens"),
    ("USD", "cost_usd"),
    ("Time", "duration_s"),
)


@click.command()
@click.argument("session")
@click.argument("other", required=False)
@click.option("--at", metavar="T", help="The moment at which SESSION is looked at; now by default.")
@click.option(
    "--other-at", metavar="T", help="The moment at which OTHER is looked at; now by default."
)
@click.option("--organisation", is_flag=True, help="Compare the organisation as well.")
@JSON
@click.pass_context
def diff(
    ctx: click.Context,
    *,
    session: str,
    other: str | None,
    at: str | None,
    other_at: str | None,
    organisation: bool,
    as_json: bool,
) -> None:
    """Tell in what SESSION differs from OTHER, or from itself at another moment.

    A session is an id that `hansard sessions` lists, or `last`. T is an ISO 8601 time with zone, a
    position, or an event id. What follows from ids, positions, times and output folders alone is
    no difference. The exit code is 1 when there is a difference.
    """
    with hansard.open() as h:
        view = h.diff(session, other, at=at, other_at=other_at, organisation=organisation)
    if as_json:
        print_json(view)
    else:
        _print_difference(console(), view)
    if view.differs:
        ctx.exit(DIFFERENCE)


@click.command(epilog=EXAMPLES)
@click.argument("session", metavar="[SESSION]")
@click.argument("predicate", metavar="PREDICATE", required=False)
@click.option("--since", metavar="T", help="Only look at what was recorded at or after T.")
@click.option("--until", metavar="T", help="Only look at what was recorded before T.")
@click.option("--all-flips", is_flag=True, help="List where it began and stopped to hold.")
@JSON
@click.pass_context
def bisect(
    ctx: click.Context,
    *,
    session: str,
    predicate: str | None,
    since: str | None,
    until: str | None,
    all_flips: bool,
    as_json: bool,
) -> None:
    """Find the first position at which PREDICATE holds, such as 'cost_usd > 5'.

    It is looked for in the history of SESSION (an id, or `last`), without what was taken back by
    rewinds; without SESSION in all sessions together, what-ifs left out. The exit code is 3 when it
    holds nowhere.
    """
    chosen, expression = (None, session) if predicate is None else (session, predicate)
    with hansard.open() as h:
        view = h.bisect(expression, chosen, since=since, until=until)
    if as_json:
        print_json(view)
    else:
        _print_bisection(console(), view, all_flips=all_flips)
    _tell_speed(view)
    if view.found is None:
        ctx.exit(NOT_FOUND)


def _print_difference(out: Console, view: DifferenceView) -> None:
    out.print(_sides(view))
    if not view.differs:
        out.print("There is no difference.")
    else:
        _print_divergence(out, view)
        _print_changes(out, "State", view.state)
    if view.organisation is not None:
        _print_changes(out, "Organisation", view.organisation)
    _print_events(out, view)
    out.print(Text("\nMetrics", style="bold"))
    out.print(_metrics(view))


def _sides(view: DifferenceView) -> Table:
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(no_wrap=True)
    for name, side in (("Left", view.left), ("Right", view.right)):
        grid.add_row(Text(name, style="dim"), str(side.session_id), _standing(side))
    return grid


def _standing(side: SideView) -> Text:
    status = side.status.value
    text = Text(f"position {side.position}, ")
    return text.append(status, style=STATUS_STYLES.get(status, ""))


def _print_divergence(out: Console, view: DifferenceView) -> None:
    if view.shared_until is not None:
        out.print(f"\nThe histories are the same up to position {view.shared_until}.")
    divergence = view.divergence
    if divergence is None:
        return
    out.print(Text("\nFirst event that differs", style="bold"))
    for name, event in (("left", divergence.left), ("right", divergence.right)):
        if event is None:
            out.print(f"  {name}: no further event of {clean(divergence.subject)}")
        else:
            out.print(Text(f"  {name}: {_event(event)}"))
    if divergence.field not in {"", "type"}:
        out.print(Text(f"  {clean(divergence.field)}", style="yellow"))
        for line in _both(divergence.before, divergence.after):
            out.print(Text("    ").append_text(line))


def _event(event: EventView) -> str:
    task = f" of {clean(event.task_key)}" if event.task_key else ""
    at = event.recorded_at.isoformat(timespec="milliseconds")
    return f"position {event.position}, {event.type}{task} by {clean(event.actor)}, {at}"


def _print_changes(out: Console, title: str, changes: tuple[ChangeView, ...]) -> None:
    noun = "change" if len(changes) == 1 else "changes"
    out.print(Text(f"\n{title}: {count(len(changes))} {noun}", style="bold"))
    for change in changes[:MOST_CHANGES]:
        _print_change(out, change)
    if len(changes) > MOST_CHANGES:
        out.print(f"... and {count(len(changes) - MOST_CHANGES)} more; --json has all.")


def _print_change(out: Console, change: ChangeView) -> None:
    mark, style = MARKS.get(change.kind.value, REORDERED)
    line = Text(f"{mark} ", style=style)
    line.append(clean(change.path), style="bold")
    if change.kind.value in {"added", "removed"}:
        value = change.after if change.before is None else change.before
        out.print(line.append(f": {_short(value)}"))
        return
    before, after = _short(change.before), _short(change.after)
    if len(before) + len(after) < LONG:
        out.print(line.append(f": {before} -> {after}"))
        return
    out.print(line)
    for each in _both(change.before, change.after):
        out.print(Text("    ").append_text(each))


def _both(before: JsonValue, after: JsonValue) -> Iterator[Text]:
    """Show two values line by line, with what surrounds the lines that differ."""
    left, right = _lines(before), _lines(after)
    if len(left) + len(right) > MOST_LINES:
        yield Text(
            f"{count(len(left))} -> {count(len(right))} lines; --json has them.", style="dim"
        )
        return
    for number, line in enumerate(unified_diff(left, right, lineterm="", n=1)):
        if number >= 2:  # noqa: PLR2004 - the names of the files, which there are none of
            style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
            yield Text(line, style=style)


def _lines(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return clean(value).splitlines() or [""]
    from pydantic_core import to_json  # noqa: PLC0415 - heavy

    return clean(to_json(value, indent=2).decode()).splitlines()


def _short(value: JsonValue) -> str:
    """Show a value in one line."""
    from pydantic_core import to_json  # noqa: PLC0415 - heavy

    text = value if isinstance(value, str) else to_json(value).decode()
    cut = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
    return clean(cut).replace("\n", " ")


def _print_events(out: Console, view: DifferenceView) -> None:
    events = view.events
    out.print(
        f"\nEvents: {count(events.left)} left, {count(events.right)} right,"
        f" {count(events.shared)} of them in common"
    )
    for kind in events.types:
        only = " (only right)" if not kind.left else " (only left)" if not kind.right else ""
        out.print(f"  {kind.type}: {count(kind.left)} left, {count(kind.right)} right{only}")


def _metrics(view: DifferenceView) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("", overflow="fold")
    for title, _ in METRICS:
        table.add_column(title, justify="right", no_wrap=True)
    _add_metrics(table, "all", view.metrics.left, view.metrics.right)
    for task in view.tasks:
        _add_metrics(table, clean(task.key), task.left, task.right)
    return table


def _add_metrics(
    table: Table, name: str, left: MetricsView | None, right: MetricsView | None
) -> None:
    cells = [_pair(field, left, right) for _, field in METRICS]
    table.add_row(Text(name), *cells)


def _pair(field: str, left: MetricsView | None, right: MetricsView | None) -> Text:
    before, after = (_figure(field, side) for side in (left, right))
    return Text(before) if before == after else Text(f"{before} -> {after}", style="yellow")


def _figure(field: str, metrics: MetricsView | None) -> str:
    if metrics is None:
        return NOTHING
    value = getattr(metrics, field)
    if field == "duration_s":
        return duration(float(value) * 1000)
    return money(value) if field == "cost_usd" else count(value)


def _print_bisection(out: Console, view: BisectionView, *, all_flips: bool) -> None:
    where = "in all sessions together" if view.session_id is None else f"in {view.session_id}"
    if view.found is None:
        out.print(f"It holds nowhere {where}, {_range(view)}.")
        _print_values(out, "At the end", view.now)
        return
    out.print(Text(f"It holds first {where} with", style="bold"))
    out.print(Text(f"  {_event(view.found)}"))
    if view.session_id is None and view.found.session_id is not None:
        out.print(Text(f"  session {view.found.session_id}"))
    if view.held_before:
        out.print(f"It held already before; only what came behind {view.after} was looked at.")
    _print_values(out, "Before", view.before)
    _print_values(out, "Then", view.now)
    out.print(_since_then(view))
    if all_flips:
        _print_flips(out, view)


def _range(view: BisectionView) -> str:
    return f"from position {view.after + 1} to {view.until}"


def _print_values(out: Console, title: str, values: dict[str, FigureValue]) -> None:
    for name, value in values.items():
        shown = ", ".join(value) if isinstance(value, tuple) else str(value)
        out.print(Text(f"  {title}: {name} = {clean(shown)}"))


def _since_then(view: BisectionView) -> str:
    if not view.flips:
        return f"It has held without interruption since, up to position {view.until}."
    end = "holds" if view.holds else "does not hold"
    times = "once" if view.flips == 1 else f"{count(view.flips)} times"
    return f"It has changed {times} since, and {end} at position {view.until}."


def _print_flips(out: Console, view: BisectionView) -> None:
    lines: Iterable[str] = (
        f"  {flip.position}: {'holds' if flip.holds else 'holds no longer'}"
        for flip in view.changes
    )
    for line in lines:
        out.print(line)
    hidden = view.flips + 1 - len(view.changes)
    if hidden:
        out.print(f"  ... and {count(hidden)} more; narrow it by --since and --until.")


def _tell_speed(view: BisectionView) -> None:
    spent = view.duration_ms
    rate = f", {view.events / spent * 1000:,.0f} events/s" if spent else ""
    click.echo(f"Looked through {count(view.events)} events in {duration(spent)}{rate}.", err=True)
