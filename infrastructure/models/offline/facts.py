"""Facts: what was established about a table, handed from the extraction to the tasks after it."""

from __future__ import annotations

from datetime import date

from domain.value import NonEmptyText, Value
from infrastructure.models.offline.periods import Span

REVENUE = "revenue"
EXPENSES = "expenses"


class Line(Value):
    """A figure that can be added up over rows.

    Attributes:
        sql: expression giving a row's number, or NULL where the row does not belong to the line.
    """

    key: NonEmptyText
    label: NonEmptyText
    sql: NonEmptyText


class MonthCount(Value):
    """Entries in one month; `month` is its first day."""

    month: date
    entries: int


class Facts(Value):
    """A table as the offline rules understand it.

    Attributes:
        file_sha256: hash of the file; empty when the file was made in the session.
        entries: rows of the whole table.
        date_sql: expression giving a row's date; None when the table has none.
        date_name: the column or columns it comes from.
        lines: figures to report; `revenue` and `expenses` together give a result.
        measures: further numeric columns that may be added up.
        dimensions: columns to group by, best first.
        labels: columns that name a single entry, for showing it.
        quantity_sql: expression giving a row's quantity, when there is one.
        currency: the one currency of the figures; empty when unknown.
        standing: condition every statement keeps (one currency only); empty for none.
        period: what the figures are about; None for all rows.
        baseline: the span that a comparison was asked with, or the one before the period.
        previous, year_earlier: comparison spans that the data holds in full.
        months: months that hold entries, in order.
        covered_until: day up to which the data counts as complete.
        period_entries: rows within the period.
        extract_file: file that holds the rows of the period, and its SHA-256.
        assumptions: what was assumed, one sentence each.
        notes: what is odd about the data, one sentence each.
    """

    table: NonEmptyText
    file: NonEmptyText
    file_sha256: str = ""
    entries: int
    date_sql: str | None = None
    date_name: str = ""
    lines: tuple[Line, ...]
    measures: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    quantity_sql: str | None = None
    currency: str = ""
    standing: str = ""
    period: Span | None = None
    baseline: Span | None = None
    previous: Span | None = None
    year_earlier: Span | None = None
    months: tuple[MonthCount, ...] = ()
    covered_until: date | None = None
    period_entries: int = 0
    extract_file: str = ""
    extract_sha256: str = ""
    assumptions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def line(self, key: str) -> Line | None:
        """Find a line by its key."""
        return next((line for line in self.lines if line.key == key), None)

    @property
    def has_result(self) -> bool:
        """Tell whether revenue and expenses are both known."""
        return self.line(REVENUE) is not None and self.line(EXPENSES) is not None

    @property
    def period_label(self) -> str:
        """Name the period, or say that there is none."""
        return self.period.label if self.period else "all entries"

    @property
    def unit(self) -> str:
        """The currency behind a label, ready to append: ` (EUR)`."""
        return f" ({self.currency})" if self.currency else ""
