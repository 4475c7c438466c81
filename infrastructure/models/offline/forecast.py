"""Forecast: the next quarter by the simple method that would have erred least so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from statistics import fmean

from application.briefs import ExecuteBrief, Submission
from domain.value import Value
from infrastructure.models.offline.asked import read_question
from infrastructure.models.offline.facts import Facts, Line
from infrastructure.models.offline.figures import amount, table
from infrastructure.models.offline.findings import number
from infrastructure.models.offline.periods import Span, is_complete, span_of_dates
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.sql import by_month
from infrastructure.models.offline.work import StoppedError, Work, query

HORIZON = 3
_FEWEST_MONTHS = 9
_SEASON = 12
_MOST_TESTS = 6

Method = Callable[[Sequence[float]], list[float] | None]


class Trial(Value):
    """A method with the mean error it made on known quarters, as a share of their totals."""

    name: str
    error: float
    tests: int
    months: tuple[float, ...]


def forecast(brief: ExecuteBrief) -> Work[Submission]:
    """Forecast three months and say how far the method was off before."""
    facts = yield from facts_of(brief)
    asked = yield from read_question(brief.request, facts)
    months, history = yield from _history(facts, asked.line)
    if len(history) < _FEWEST_MONTHS:
        raise StoppedError(
            f"A forecast needs at least {_FEWEST_MONTHS} complete months without gaps;"
            f" {facts.file} has {len(history)}."
        )
    trials = run_trials(history)
    best = trials[0]
    names = [span_of_dates(months.end, months.end).shifted(n) for n in range(HORIZON)]
    labels = [name.start.strftime("%Y-%m") for name in names]
    total = sum(best.months)
    margin = abs(total) * best.error
    unit = f" {facts.currency}" if facts.currency else ""
    rows = [[label, amount(value)] for label, value in zip(labels, best.months, strict=True)]
    rows.append(["**Together**", f"**{amount(total)}**"])
    tests = table(
        ["Method", "Mean error", "Quarters tested"],
        [[trial.name, f"{trial.error:.1%}", str(trial.tests)] for trial in trials],
    )
    summary = (
        f"**{asked.line.label} for {labels[0]} to {labels[-1]}: about {amount(total)}{unit}**, give"
        f" or take {amount(margin)} (the mean error of this method on past quarters,"
        f" {best.error:.1%}).\n\n{table(['Month', asked.line.label + facts.unit], rows)}\n\n"
        f"Method: {best.name}, chosen because it erred least when each of the last {best.tests}"
        f" quarters was forecast from the months before it:\n\n{tests}\n\n"
        "It carries the past forward; it knows of no plan, price change or event."
    )
    return Submission(
        done=True,
        summary=summary,
        data={
            "method": best.name,
            "error": best.error,
            "months": dict(zip(labels, best.months, strict=True)),
        },
    )


def _history(facts: Facts, line: Line) -> Work[tuple[Span, list[float]]]:
    """Fetch the totals of the complete months since the last gap."""
    covered = [count.month for count in facts.months]
    if not covered or facts.covered_until is None:
        raise StoppedError(f"{facts.file} has no dates, so there is nothing to carry forward.")
    newest = span_of_dates(covered[-1], covered[-1])
    if not is_complete(newest, covered, facts.covered_until):
        covered = covered[:-1]
    start = len(covered) - 1
    while start > 0 and _follows(covered[start - 1], covered[start]):
        start -= 1
    if not covered:
        return newest, []
    whole = span_of_dates(covered[start], covered[-1])
    (answer,) = yield from query(by_month(facts, (line,), whole))
    return whole, [number(row[2]) for row in answer.rows]


def _follows(earlier: date, later: date) -> bool:
    return span_of_dates(earlier, earlier).end == later


def run_trials(history: Sequence[float]) -> list[Trial]:
    """Try each method on the last quarters, at most six origins, and order by mean error."""
    trials = []
    for name, method in _METHODS:
        errors = []
        for origin in range(len(history) - HORIZON, HORIZON, -1)[:_MOST_TESTS]:
            guess = method(history[:origin])
            actual = sum(history[origin : origin + HORIZON])
            if guess is not None and actual:
                errors.append(abs(sum(guess) - actual) / abs(actual))
        ahead = method(history)
        if errors and ahead is not None:
            trials.append(
                Trial(name=name, error=fmean(errors), tests=len(errors), months=tuple(ahead))
            )
    if not trials:
        raise StoppedError("The past totals are all zero, so no forecast can be tested.")
    return sorted(trials, key=lambda trial: trial.error)


def _level(history: Sequence[float]) -> list[float] | None:
    return [fmean(history[-HORIZON:])] * HORIZON if len(history) >= HORIZON else None


def _trend(history: Sequence[float]) -> list[float] | None:
    """Least squares line through all months."""
    fewest = 6
    count = len(history)
    if count < fewest:
        return None
    middle, mean = (count - 1) / 2, fmean(history)
    spread = sum((n - middle) ** 2 for n in range(count))
    slope = sum((n - middle) * (value - mean) for n, value in enumerate(history)) / spread
    return [mean + slope * (count + n - middle) for n in range(HORIZON)]


def _season(history: Sequence[float]) -> list[float] | None:
    return list(history[-_SEASON : HORIZON - _SEASON]) if len(history) >= _SEASON else None


_METHODS: tuple[tuple[str, Method], ...] = (
    ("mean of the last three months", _level),
    ("straight line through all months", _trend),
    ("same months a year earlier", _season),
)
