"""Exports of the audit: decisions as CSV, as JSON lines, or as a signed bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from application.errors import BadRequestError
from domain.spending import Spent

if TYPE_CHECKING:
    from hansard.bootstrap import AuditBundle
    from projections.delegation_audit import DelegationView

CSV, JSON_LINES, BUNDLE = "csv", "jsonl", "bundle"

SUFFIXES = {".csv": CSV, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".json": BUNDLE}
"""Format of an export by the suffix of its file."""

FORMATS = (CSV, JSON_LINES, BUNDLE)

Decisions = Sequence["DelegationView"]


class Sink(Protocol):
    """What an export is written to."""

    @property
    def sha256(self) -> str:
        """SHA-256, in hex, of what was written so far."""
        ...

    def write(self, data: bytes) -> None:
        """Write the next piece."""
        ...


def export_format(file: Path, chosen: str | None) -> str:
    """Tell the format of an export, by its file's suffix when none is chosen.

    Raises:
        BadRequestError: there is no such format, or the suffix tells none.
    """
    if chosen is not None and chosen not in FORMATS:
        raise BadRequestError(f"{chosen!r} is no format: say {', '.join(FORMATS)}.")
    found = chosen or SUFFIXES.get(file.suffix.lower())
    if found is None:
        raise BadRequestError(
            f"The name {file.name!r} tells no format: end it in .csv, .jsonl or .json (a signed"
            f" bundle), or choose one of {', '.join(FORMATS)}."
        )
    return found


def write_csv(sink: Sink, pages: Iterable[Decisions]) -> int:
    """Write decisions as CSV (RFC 4180) that no program takes for formulas; count them."""
    from hansard.cli.spreadsheet import csv_text  # noqa: PLC0415 - only here
    from projections.delegation_audit import DelegationView  # noqa: PLC0415 - heavy

    columns = tuple(_columns(DelegationView))
    sink.write(csv_text([columns]).encode())
    count = 0
    for page in pages:
        rows = [csv_row(decision) for decision in page]
        sink.write(csv_text([row[column] for column in columns] for row in rows).encode())
        count += len(rows)
    return count


def csv_row(decision: DelegationView) -> dict[str, Any]:
    """Give the cells of a decision by their columns; what has parts is a column for each of them.

    Candidates are JSON in one cell, best first.
    """
    from pydantic_core import to_json  # noqa: PLC0415 - heavy

    row: dict[str, Any] = {}
    for name, value in decision.model_dump(exclude={"candidates"}).items():
        if isinstance(value, Mapping):
            row |= {f"{name}_{part}": inner for part, inner in value.items()}
        else:
            row[name] = value
    row["candidates"] = to_json(decision.candidates).decode()
    return row


def write_json_lines(sink: Sink, pages: Iterable[Decisions]) -> int:
    """Write decisions as JSON, one a line; count them."""
    count = 0
    for page in pages:
        sink.write(b"".join(decision.model_dump_json().encode() + b"\n" for decision in page))
        count += len(page)
    return count


def write_bundle(
    sink: Sink, pages: Iterable[Decisions], bundle: AuditBundle, export: Mapping[str, Any]
) -> int:
    """Write decisions as a signed bundle; count them.

    Args:
        export: who exported what, when, and as of which position.
    """
    sink.write(bundle.head(export))
    count = 0
    for page in pages:
        sink.write(bundle.page([decision.model_dump(mode="json") for decision in page]))
        count += len(page)
    sink.write(bundle.tail())
    sink.write(bundle.signature(sink.sha256))
    return count


def _columns(kind: type[DelegationView]) -> Iterator[str]:

    for name, field in kind.model_fields.items():
        if field.annotation is Spent:
            yield from (f"{name}_{part}" for part in Spent.model_fields)
        elif name != "candidates":
            yield name
    yield "candidates"
