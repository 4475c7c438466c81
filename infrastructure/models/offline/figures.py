"""Figures as text: one way to write amounts, shares, changes and table cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\|*`\[\]<>])")


def amount(value: float | None) -> str:
    """Write an amount with two decimals and commas between thousands; a dash for none."""
    if value is None:
        return "\u2013"
    return f"{round(value, 2) + 0.0:,.2f}"


def whole(value: float) -> str:
    """Write a count with commas between thousands."""
    return f"{value:,.0f}"


def quantity(value: float) -> str:
    """Write a number without needless decimals."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def share(part: float, total: float) -> str:
    """Write a part of a total in per cent; a dash when the total is zero."""
    return f"{part / total:.1%}" if total else "\u2013"


def change(current: float, before: float | None) -> str:
    """Write a relative change with its sign; a dash when there is nothing to compare with."""
    if before is None or before == 0:
        return "\u2013"
    return f"{(current - before) / abs(before):+.1%}"


def difference(current: float, before: float) -> str:
    """Write an absolute change with its sign."""
    return f"{round(current - before, 2) + 0.0:+,.2f}"


def cell(text: str) -> str:
    """Make text from the data safe inside Markdown: no markup and no line breaks of its own."""
    longest = 60
    joined = " ".join(text.split())
    cut = joined if len(joined) <= longest else joined[: longest - 1] + "\u2026"
    return _SPECIAL.sub(r"\\\1", cut)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """Lay out a Markdown table; the first columns are text, the others stand to the right."""
    rule = [":--" if n < text_columns else "--:" for n in range(len(head))]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
