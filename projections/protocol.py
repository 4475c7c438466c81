"""Projection: what a read model declares, so that a runner can keep it up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from domain.event import RecordedEvent
from domain.value import Value

T = TypeVar("T")

SCHEMA = "hansard_read"

metadata = sa.MetaData(schema=SCHEMA)
"""All tables of all read models."""

projection_positions = sa.Table(
    "projection_positions",
    metadata,
    sa.Column("projection", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("failed_position", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    comment="How far each read model has come, and the event it stopped at.",
)

Row: TypeAlias = dict[str, Any]


class Batch:
    """What one batch of events adds, collected table by table and inserted set-wise.

    Rows are only ever added: a read model holds facts, each at its position, and its queries
    derive the rest. So the size of batches cannot matter, and every past moment can be asked for.

    Attributes:
        known: what the projection recalls of earlier events, by id of their subject; handlers add
            what later events of the same batch need.
    """

    def __init__(self, known: Mapping[Any, Any] | None = None) -> None:
        self.known: dict[Any, Any] = dict(known or {})
        self.rows: dict[sa.Table, list[Row]] = {}

    def add(self, table: sa.Table, recorded: RecordedEvent, **values: Any) -> None:
        """Add a fact; position and time of recording are filled in where the table has them."""
        row: Row = {}
        for column in table.columns:
            if column.computed is None:
                row[str(column.name)] = storable(values.pop(column.name, None))
        if values:
            raise ValueError(f"table {table.name!r} has no columns {sorted(values)}")
        row["position"] = recorded.position
        if "recorded_at" in row:
            row["recorded_at"] = recorded.recorded_at
        self.rows.setdefault(table, []).append(row)


def storable(value: Any) -> Any:
    """Replace the one character that PostgreSQL cannot store in text (NUL), at any depth."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd") if "\x00" in value else value
    if isinstance(value, Mapping):
        return {storable(key): storable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(part) for part in value]
    return value


Handler: TypeAlias = Callable[[Batch, RecordedEvent], None]


def recall_nothing(
    connection: sa.Connection,  # noqa: ARG001 - the signature of every recollection
    events: Sequence[RecordedEvent],  # noqa: ARG001 - as above
) -> Mapping[Any, Any]:
    """Recall nothing: each event says all there is to say."""
    return {}


@dataclass(frozen=True)
class Projection:
    """A read model.

    Attributes:
        version: rises when what is stored changes meaning; the read model is then built anew.
        tables: all its tables, every one with a column `position`.
        handlers: what to do with each type of event, by the event's stable name.
        recall: fetches what the handlers of a batch need to know of earlier events.
    """

    name: str
    version: int
    tables: tuple[sa.Table, ...]
    handlers: Mapping[str, Handler] = field(hash=False)
    recall: Callable[[sa.Connection, Sequence[RecordedEvent]], Mapping[Any, Any]] = recall_nothing


class Page(Value, Generic[T]):
    """A part of an answer.

    Attributes:
        position: position of the log as of which everything on the page holds.
        next: pass it on to get the page that follows; None on the last one.
    """

    position: int
    items: tuple[T, ...]
    next: int | None = None


def computed_at(connection: sa.Connection, projection: str, at: int | None = None) -> int:
    """Tell as of which position a read model can answer a question about `at` (None: now)."""
    columns = projection_positions.columns
    position = connection.scalar(
        sa.select(columns.position).where(columns.projection == projection)
    )
    reached = position or 0
    return reached if at is None else min(at, reached)
