"""Reading: finds the table a request is about and establishes the facts of it with the tools."""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import PurePath

from application.briefs import ExecuteBrief
from domain.effect import Failure
from infrastructure.models.offline.columns import Reading, read_columns
from infrastructure.models.offline.facts import Facts, MonthCount
from infrastructure.models.offline.language import plain
from infrastructure.models.offline.lines import (
    amounts_statement,
    kind_candidates,
    read_amounts,
    state_lines,
)
from infrastructure.models.offline.periods import covered_until
from infrastructure.models.offline.requests import Wish, is_text_file, recognise
from infrastructure.models.offline.sql import group_value, identifier, literal
from infrastructure.models.offline.timing import Timing, settle
from infrastructure.models.offline.work import (
    Call,
    Outcome,
    StoppedError,
    Work,
    answered,
    query,
    try_all,
)
from infrastructure.tools.schemas import (
    ListedFile,
    ListFilesAnswer,
    ListFilesArguments,
    ProfileTableArguments,
    QueryTableAnswer,
    TableProfile,
)

_MOST_TABLES = 8
_MOST_DIMENSIONS = 6


def facts_of(brief: ExecuteBrief) -> Work[Facts]:
    """Take the facts from the tasks this one depends on, or establish them."""
    for dependency in brief.dependencies:
        if dependency.result is not None and "facts" in dependency.result.data:
            return Facts.model_validate(dependency.result.data["facts"])
    return (yield from read_facts(brief))


def read_facts(brief: ExecuteBrief) -> Work[Facts]:
    """Establish the facts of the table that a request is about.

    Raises:
        StoppedError: no table, nothing to add up, or a period that the data does not hold.
    """
    wish = recognise(brief.request, brief.files)
    profile, others = yield from read_profile(brief)
    reading = read_columns(profile)
    if reading.wide_months:
        raise StoppedError(
            f"{profile.file} has a column for each month ({', '.join(reading.wide_months[:4])}"
            " ...); the offline rules need one row for each entry with a date column. Turn the"
            " table round, or set ANTHROPIC_API_KEY for a model that can."
        )
    facts = yield from _establish(wish, reading, others)
    hashes = {file.name: file.sha256 for file in brief.files}
    return facts.model_copy(update={"file_sha256": hashes.get(facts.file, "")})


def read_profile(brief: ExecuteBrief) -> Work[tuple[TableProfile, tuple[str, ...]]]:
    """Profile the session's tables and choose the one the request is about.

    A file the request names wins; then the table with a date and an amount; then the most rows.

    Returns:
        The profile, and what to say about the other files, one sentence each.
    """
    guessed = [PurePath(name).stem for name in _likely([file.name for file in brief.files])]
    listed, *looked = yield from try_all(
        Call("list_files", ListFilesArguments()),
        *(Call("profile_table", ProfileTableArguments(table=name)) for name in guessed if name),
    )
    files = [
        file
        for file in ListFilesAnswer.model_validate(answered(listed).content).files
        if file.origin == "input"
    ]
    if not files:
        raise StoppedError(
            "There is no input file to work on; name one with --input, for example a CSV."
        )
    names = _tables(files)
    known = dict(zip([name for name in guessed if name], looked, strict=True))
    others = [name for name in names if name not in known]
    if others:  # their tables are not called like them
        found = yield from try_all(
            *(Call("profile_table", ProfileTableArguments(table=name)) for name in others)
        )
        known |= dict(zip(others, found, strict=True))
    outcomes = tuple(known[name] for name in names)
    profiles = [
        TableProfile.model_validate(outcome.content)
        for outcome in outcomes
        if not isinstance(outcome, Failure)
    ]
    if not profiles:
        answered(outcomes[0])
    request = plain(brief.request)
    best = max(profiles, key=lambda profile: _fit(profile, request))
    return best, _said_about_others(files, names, outcomes, best)


def _likely(names: Sequence[str]) -> list[str]:
    """Name the files that may hold tables, as many as are looked at."""
    return [name for name in names if not is_text_file(name)][:_MOST_TABLES]


def _tables(files: Sequence[ListedFile]) -> list[str]:
    """Name the tables to profile; without any, the files, so that the tool says what is wrong."""
    likely = [f for f in files if not is_text_file(f.name)] or files
    tables = [file.table for file in likely if file.table is not None][:_MOST_TABLES]
    return tables or [PurePath(files[0].name).stem]


def _fit(profile: TableProfile, request: str) -> tuple[bool, bool, bool, int]:
    named = plain(profile.file) in request or plain(PurePath(profile.file).stem) in request
    reading = read_columns(profile)
    return named, reading.date_sql is not None, bool(reading.measures), profile.rows


def _said_about_others(
    files: Sequence[ListedFile],
    names: Sequence[str],
    outcomes: Sequence[Outcome],
    best: TableProfile,
) -> tuple[str, ...]:
    said = [
        f"The table {name} could not be read: {outcome.message}"
        for name, outcome in zip(names, outcomes, strict=True)
        if isinstance(outcome, Failure)
    ]
    unread = [file.name for file in files if file.name != best.file and file.table not in names]
    failed = {
        name for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, Failure)
    }
    unused = [
        file.name
        for file in files
        if file.name != best.file and file.table in names and file.table not in failed
    ]
    if unused:
        said.append(f"The figures come from {best.file}; {', '.join(unused)} was not used.")
    if unread:
        said.append(f"Not a table, so not used: {', '.join(unread)}.")
    return tuple(said)


def _establish(wish: Wish, reading: Reading, others: tuple[str, ...]) -> Work[Facts]:
    statements = [amounts_statement(reading, kind_candidates(reading))]
    if reading.date_sql:
        statements.append(_month_statement(reading))
    if reading.currency_column:
        statements.append(_currency_statement(reading))
    answers = list((yield from query(*statements, limit=1000)))
    statement = state_lines(reading, read_amounts(answers.pop(0)))
    months, until, undated = _months(answers.pop(0)) if reading.date_sql else ((), None, 0)
    currency, standing, currency_notes = (
        _one_currency(reading, answers.pop(0))
        if reading.currency_column
        else (reading.currency, "", ())
    )
    timing = settle(wish, tuple(count.month for count in months), until, reading)
    notes = (*reading.profile.notes, *currency_notes, *timing.notes, *others)
    if undated:
        notes = (*notes, f"{undated} entries have no readable date and belong to no period.")
    return Facts(
        table=reading.profile.table,
        file=reading.profile.file,
        entries=reading.profile.rows,
        date_sql=reading.date_sql if months else None,
        date_name=reading.date_name,
        lines=statement.lines,
        measures=_further_measures(reading),
        dimensions=_dimensions(reading, statement.lines[0].sql),
        labels=reading.labels,
        quantity_sql=_quantity(reading),
        currency=currency,
        standing=standing,
        period=timing.period,
        baseline=timing.baseline,
        previous=timing.previous,
        year_earlier=timing.year_earlier,
        months=months,
        period_entries=_entries_in(timing, months, reading.profile.rows),
        covered_until=until,
        assumptions=(*statement.assumptions, *reading.notes, *timing.assumptions),
        notes=notes,
    )


def _entries_in(timing: Timing, months: Sequence[MonthCount], rows: int) -> int:
    if timing.period is None:
        return rows
    start, end = timing.period.start, timing.period.end
    return sum(count.entries for count in months if start <= count.month < end)


def _month_statement(reading: Reading) -> str:
    day = reading.date_sql
    return (
        f"SELECT strftime(date_trunc('month', {day}), '%Y-%m-%d') AS month, COUNT(*) AS entries,"
        f" strftime(MAX({day}), '%Y-%m-%d') AS last_day"
        f" FROM {identifier(reading.profile.table)} GROUP BY 1 ORDER BY 1"
    )


def _months(answer: QueryTableAnswer) -> tuple[tuple[MonthCount, ...], date | None, int]:
    """Read months with entries, the day the data is complete up to, and the undated entries."""
    dated = [row for row in answer.rows if row[0] is not None]
    undated = sum(int(str(row[1])) for row in answer.rows if row[0] is None)
    months = tuple(
        MonthCount(month=date.fromisoformat(str(month)), entries=int(str(count)))
        for month, count, _ in dated
    )
    last_days = [date.fromisoformat(str(row[2])) for row in dated]
    return months, covered_until(last_days) if last_days else None, undated


def _currency_statement(reading: Reading) -> str:
    return (
        f"SELECT {group_value(reading.currency_column or '')} AS currency, COUNT(*) AS entries"
        f" FROM {identifier(reading.profile.table)} GROUP BY 1 ORDER BY 2 DESC, 1"
    )


def _one_currency(reading: Reading, answer: QueryTableAnswer) -> tuple[str, str, tuple[str, ...]]:
    """Choose the most frequent currency; the others are named and never added up with it."""
    (first, _), *rest = [(str(row[0]), int(str(row[1]))) for row in answer.rows]
    if not rest:
        return first.upper(), "", ()
    left_out = ", ".join(f"{entries} in {currency}" for currency, entries in rest)
    note = (
        f"The table mixes currencies, which are never added up: all figures are in {first} only;"
        f" left out are entries {left_out}."
    )
    condition = f"{group_value(reading.currency_column or '')} = {literal(first)}"
    return first.upper(), condition, (note,)


def _further_measures(reading: Reading) -> tuple[str, ...]:
    return tuple(name for names in reading.measures.values() for name in names)


def _dimensions(reading: Reading, line_sql: str) -> tuple[str, ...]:
    """Leave out the column that only tells revenue from expenses."""
    telling = [
        name for name in reading.kinds if f"CAST({identifier(name)} AS VARCHAR) IN" in line_sql
    ]
    two_sides = 3
    small = {column.name for column in reading.profile.columns if column.distinct <= two_sides}
    kept = [name for name in reading.dimensions if name not in telling or name not in small]
    return tuple(kept[:_MOST_DIMENSIONS])


def _quantity(reading: Reading) -> str | None:
    name = reading.first("quantity")
    return f"CAST({identifier(name)} AS DOUBLE)" if name else None
