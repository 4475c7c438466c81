"""Describe: says what is in the session's files, table by table."""

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from domain.effect import Failure
from infrastructure.models.offline.figures import amount, cell, table, whole
from infrastructure.models.offline.work import Call, StoppedError, Work, try_all, use
from infrastructure.tools.schemas import (
    ColumnProfile,
    ListFilesAnswer,
    ListFilesArguments,
    ProfileTableArguments,
    TableProfile,
)

_MOST_TABLES = 8
_SAMPLES_SHOWN = 3


def describe(_: ExecuteBrief) -> Work[Submission]:
    """List the files and profile every table."""
    (listed,) = yield from use(Call("list_files", ListFilesArguments()))
    found = ListFilesAnswer.model_validate(listed.content).files
    files = [file for file in found if file.origin == "input"]
    if not files:
        raise StoppedError("There is no input file to describe; name one with --input.")
    tables = [file.table for file in files if file.table is not None][:_MOST_TABLES]
    outcomes = yield from try_all(
        *(Call("profile_table", ProfileTableArguments(table=name)) for name in tables)
    )
    parts, profiles, failures = [], [], []
    for name, outcome in zip(tables, outcomes, strict=True):
        if isinstance(outcome, Failure):
            failures.append(f"{name} could not be read: {outcome.message}")
            continue
        profile = TableProfile.model_validate(outcome.content)
        profiles.append(profile.model_dump(mode="json"))
        parts.append(_described(profile))
    others = [
        f"{file.name}: {whole(file.size)} bytes, no table." for file in files if not file.table
    ]
    if not profiles and failures:
        raise StoppedError(" ".join(failures))
    return Submission(
        done=True,
        summary="\n\n".join([*parts, *failures, *others]),
        data={"tables": list(profiles)},
    )


def _described(profile: TableProfile) -> str:
    head = ["Column", "Type", "Good for", "Range", "Missing", "Different", "Total"]
    rows = [
        [
            cell(column.name),
            column.type,
            column.role,
            _range(column),
            whole(column.nulls),
            whole(column.distinct),
            amount(column.total) if column.role == "measure" else "\u2013",
        ]
        for column in profile.columns
    ]
    lead = (
        f"**{profile.file}** is a table of {whole(profile.rows)} rows and"
        f" {len(profile.columns)} columns."
    )
    notes = "\n".join(f"- {note}" for note in profile.notes)
    return "\n\n".join(part for part in (lead, table(head, rows, 4), notes) if part)


def _range(column: ColumnProfile) -> str:
    if column.role in {"date", "measure"} and column.minimum is not None:
        return f"{cell(column.minimum)} to {cell(column.maximum or '')}"
    return cell(", ".join(column.samples[:_SAMPLES_SHOWN])) or "\u2013"
