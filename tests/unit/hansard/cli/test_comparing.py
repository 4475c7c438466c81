"""What `diff` shows in a terminal: short values in one line, long ones by line, none too long."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from rich.console import Console

from application.comparing.views import (
    ChangeKind,
    ChangeView,
    DifferenceView,
    EventCountsView,
    MetricsPairView,
    MetricsView,
    SideView,
    TaskMetricsView,
)
from domain.session import SessionStatus
from hansard.cli.comparing import MOST_CHANGES, MOST_CHARACTERS, MOST_LINES, _print_difference

NOW = datetime(2026, 10, 3, 12, tzinfo=UTC)
TOOK = MetricsView(
    model_calls=2,
    tool_calls=1,
    input_tokens=1200,
    output_tokens=30,
    cost_usd=Decimal("0.5"),
    duration_s=Decimal("1.5"),
)


def side(position: int) -> SideView:
    return SideView(
        session_id=UUID(int=1),
        position=position,
        opened_at=NOW,
        status=SessionStatus.FAILED,
        state_hash="00",
    )


def shown(*changes: ChangeView, organisation: tuple[ChangeView, ...] | None = None) -> str:
    view = DifferenceView(
        differs=True,
        left=side(1),
        right=side(2),
        shared_until=None,
        divergence=None,
        state=changes,
        organisation=organisation,
        events=EventCountsView(left=1, right=2, shared=0, types=()),
        metrics=MetricsPairView(
            left=TOOK, right=TOOK.model_copy(update={"cost_usd": Decimal("0.75")})
        ),
        tasks=(TaskMetricsView(key="request", left=TOOK, right=None),),
    )
    out = StringIO()
    _print_difference(Console(file=out, width=150, highlight=False), view)
    return out.getvalue()


def change(before: Any, after: Any, kind: ChangeKind = ChangeKind.CHANGED) -> ChangeView:
    return ChangeView(path="answer", kind=kind, before=before, after=after)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (change("a", "b"), "~ answer: a -> b"),
        (change(None, 3), "~ answer: null -> 3"),
        (change(None, {"x": 1}, ChangeKind.ADDED), '+ answer: {"x":1}'),
        (change([1], None, ChangeKind.REMOVED), "- answer: [1]"),
        (change(["a", "b"], ["b", "a"], ChangeKind.REORDERED), '= answer: ["a","b"] -> ["b","a"]'),
        (change("two\nlines", "one"), "~ answer: two lines -> one"),
    ],
)
def test_short_values_stand_in_one_line(given: ChangeView, line: str) -> None:
    assert line in shown(given).splitlines()


def test_long_texts_are_shown_by_line() -> None:
    long = "A line that stays as it is, and is there so that the text is long.\n"

    lines = shown(change(f"{long}before", f"{long}\x1b[2Jafter")).splitlines()

    start = lines.index("~ answer")
    assert [line.strip() for line in lines[start + 1 : start + 5]] == [
        *("@@ -1,2 +1,2 @@", long.strip(), "-before", "+after"),
    ]


def test_what_is_too_long_is_cut_and_said_to_be() -> None:
    text = shown(
        change("x" * 1000, None, ChangeKind.REMOVED),
        change("\n".join(map(str, range(MOST_LINES))), "y"),
    )

    assert f"{'x' * 20}…" in text.replace("\n", "")
    assert text.count("x") <= MOST_CHARACTERS + 1
    assert f"{MOST_LINES:,} -> 1 lines; --json has them." in text


def test_no_more_changes_are_shown_than_anybody_reads() -> None:
    text = shown(*(change(number, number + 1) for number in range(MOST_CHANGES + 5)))

    assert text.count("~ answer") == MOST_CHANGES
    assert "... and 5 more; --json has all." in text


def test_the_organisation_stands_for_itself() -> None:
    text = shown(organisation=(change("x", "y"),))

    assert "State: 0 changes" in text
    assert "Organisation: 1 change\n" in text


def test_figures_that_differ_are_shown_side_by_side() -> None:
    rows = [line.split() for line in shown().splitlines()]

    assert ["all", "2", "1", "1,200", "30", "0.5000", "->", "0.7500", "1.50s"] in rows
    assert next(row for row in rows if row[:1] == ["request"])[1:4] == ["2", "->", "-"]
