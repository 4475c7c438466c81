"""Figures: tables of figures for terminals and pipes, with a bar where there is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.table import Table
from rich.text import Text

from hansard.cli.charts import bar
from hansard.cli.looking import AT, JSON
from hansard.cli.spreadsheet import print_views
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from domain.value import Value
    from projections.protocol import Page

C = TypeVar("C", bound=Callable[..., Any])

WIDE = 140
"""Columns from which on a table has room for everything."""

NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        show: gives the text of a row's cell.
        is_text: whether it stands left and is never cut; figures stand right.
        only_wide: whether narrow terminals go without it.
    """

    title: str
    show: Callable[[Any], str]
    is_text: bool = False
    only_wide: bool = False


@dataclass(frozen=True)
class Bar:
    """The value that a terminal shows as a bar beside each row."""

    title: str
    value: Callable[[Any], float]


def figure_options(*, dimensions: tuple[str, ...] = (), pages: bool = False) -> Callable[[C], C]:
    """Add the options that say what is counted, and how it is printed."""

    def decorate(command: C) -> C:
        added = [
            click.option(
                "--since", metavar="T", help="Count from here on: T, or 7d, 24h, 30m ago."
            ),
            click.option("--until", metavar="T", help="Count up to here, this excluded."),
            AT,
            JSON,
            click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values."),
        ]
        if dimensions:
            told = ", ".join(dimensions)
            added.append(click.option("--by", metavar="WHAT", help=f"Tell apart by {told}."))
        if pages:
            added += [
                click.option("--limit", default=100, show_default=True, type=click.IntRange(1)),
                click.option("--start", default=0, help="Continue: the `next` of the page before."),
            ]
        for option in reversed(added):
            command = option(command)
        return command

    return decorate


def print_page(
    page: Page[Any],
    kind: type[Value],
    columns: Sequence[Column],
    *,
    chart: Bar | None = None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Print a page as it was asked for: as a table, as JSON or as CSV.

    As of which position it holds is in the JSON, and else goes to standard error.
    """
    if as_json:
        print_json(page)
        return
    if as_csv:
        print_views(page.items, kind)
    else:
        print_table(page.items, columns, chart)
    tell_computed(page.position, page.lag)
    if page.next is not None:
        click.echo(f"There are more: add --start {page.next}.", err=True)


def print_table(rows: Sequence[Any], columns: Sequence[Column], chart: Bar | None = None) -> None:
    """Print a table; a terminal also gets a bar for each row."""
    out = console()
    out.print(_table(out, rows, columns, chart))


def tell_computed(position: int, lag: int) -> None:
    """Say on standard error as of which position an answer holds."""
    click.echo(f"Computed at position {position}, lag {lag}.", err=True)


def count(number: int) -> str:
    """Show a count."""
    return f"{number:,}"


def money(amount: Decimal | None) -> str:
    """Show US dollars."""
    return NOTHING if amount is None else f"{amount:,.4f}"


def share(part: float | None) -> str:
    """Show a part of one as per cent."""
    return NOTHING if part is None else f"{part:.0%}"


def duration(ms: float | None) -> str:
    """Show milliseconds in the unit that suits them."""
    if ms is None:
        return NOTHING
    if ms < 1000:  # noqa: PLR2004 - milliseconds of a second
        return f"{ms:.0f}ms" if ms >= 10 or ms == 0 else f"{ms:.1f}ms"  # noqa: PLR2004
    return span(timedelta(milliseconds=ms))


def span(time: timedelta) -> str:
    """Show a time of a second or more in the two units that suit it."""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.2f}s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def moment(time: datetime | None) -> str:
    """Show a time in UTC."""
    return NOTHING if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _table(
    out: Console, rows: Sequence[Any], columns: Sequence[Column], chart: Bar | None
) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    shown = [column for column in columns if out.width >= WIDE or not column.only_wide]
    for column in shown:
        if column.is_text:
            table.add_column(column.title, overflow="fold")
        else:
            table.add_column(column.title, justify="right", no_wrap=True)
    bars = _bars(out, rows, chart)
    if bars:
        table.add_column(chart.title if chart else "", no_wrap=True)
    for number, row in enumerate(rows):
        cells = [Text(clean(column.show(row))) for column in shown]
        table.add_row(*cells, *([Text(bars[number], style="cyan")] if bars else []))
    return table


def _bars(out: Console, rows: Sequence[Any], chart: Bar | None) -> list[str]:
    """Draw a bar for each row; none where nobody looks, or the characters are not there."""
    if chart is None or not rows or not out.is_terminal or not out.encoding.startswith("utf"):
        return []
    values = [chart.value(row) for row in rows]
    if not any(values):
        return []
    return [bar(value, max(values), 12 if out.width >= WIDE else 6) for value in values]
