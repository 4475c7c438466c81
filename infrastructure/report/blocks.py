"""Blocks: what a page is made of; whatever text stands in them is escaped when it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from infrastructure.report.charts import Chart


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Attributes:
        names: headings of the columns that hold words; they come first.
        figures: headings of the columns that hold figures.
    """

    caption: str
    names: tuple[str, ...]
    figures: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Figure:
    """A chart with the data it was drawn from.

    Attributes:
        note: what a reader should know beside the chart.
    """

    chart: Chart
    table: Table
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        key: its name in links within the page.
        text: one or two sentences: what is seen.
        tables: tables that need no chart.
    """

    key: str
    title: str
    text: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Headline:
    """One figure above all others, with the words that say what it is and what to compare it to."""

    figure: str
    name: str
    beside: str = ""


@dataclass(frozen=True)
class Page:
    """All of a report, in words and charts.

    Attributes:
        facts: how and when it was made: name and text of each.
        notice: what a reader must know first, such as that nothing has happened; empty for nothing.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    notice: str = ""
    headlines: Sequence[Headline] = ()
    sections: Sequence[Section] = field(default=())
