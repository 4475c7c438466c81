"""Storing: the rows of a batch, its roll-ups and the positions, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql import JSONB, dialect

from infrastructure.projecting import sql
from infrastructure.projecting.status import FencedError, Member
from infrastructure.similar.weighing import weigh_words
from projections.protocol import Batch, Row, shape_of
from projections.similar_queries import WordWeights

if TYPE_CHECKING:
    from sqlalchemy import Dialect

    from infrastructure.database import Connection

DIALECT: Dialect = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


@dataclass(frozen=True, slots=True)
class Folded:
    """What a range of positions adds to some read models that all stood at its beginning.

    Attributes:
        begun: reading of `time.monotonic()` when folding began.
    """

    after: int
    until: int
    batches: Sequence[tuple[Member, Batch]]
    begun: float


def store(connection: Connection, folded: Folded) -> None:
    """Keep all rows and the new position, or nothing.

    Raises:
        FencedError: a read model does not stand where it did when the events were read.
    """
    members = [member for member, _ in folded.batches]
    with connection.transaction():
        # Whoever changes a read model locks its rows here first and its tables next, so that two
        # never wait for each other; and who was overtaken does no work.
        advanced = connection.execute(
            sql.ADVANCE,
            {
                "after": folded.after,
                "until": folded.until,
                "names": [member.name for member in members],
                "slots": [member.slot for member in members],
                "generations": [member.generation for member in members],
            },
        )
        if advanced.rowcount != len(members):
            raise FencedError
        for member, batch in folded.batches:
            add_rows(connection, member.schema, batch)
            roll_up = member.projection.roll_up
            for statement, values in roll_up(batch, folded.after, folded.until):
                execute(connection, statement.format(schema=member.schema), values)


def add_rows(connection: Connection, schema: str, batch: Batch) -> None:
    """Copy the rows of a batch into their tables.

    In binary, which takes half the time of text on both sides.
    """
    for table, rows in batch.rows.items():
        statement, types, encoders = _copying(table, schema)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(_encoded(row, encoders) if encoders else row)


def execute(connection: Connection, statement: str, values: dict[str, Any]) -> None:
    """Execute a statement of a read model."""
    connection.execute(statement.encode(), values)


Encoder: TypeAlias = Callable[[Any], Any]


def _encoded(row: Row, encoders: tuple[tuple[int, Encoder], ...]) -> Row:
    for place, encode in encoders:
        if row[place] is not None:
            row[place] = encode(row[place])
    return row


def _as_document(value: Any) -> Jsonb:
    return Jsonb(value, dumps=_dump)


def _dump(document: Any) -> bytes:
    return orjson.dumps(document, default=str)


ENCODERS: dict[type[Any], Encoder] = {JSONB: _as_document, WordWeights: weigh_words}
"""What is not stored as handlers give it, by type of its column."""


@cache
def _copying(
    table: sa.Table, schema: str
) -> tuple[bytes, tuple[str, ...], tuple[tuple[int, Encoder], ...]]:
    """Give the statement that copies into a table, its types, and what is to be encoded where."""
    names = shape_of(table).names
    kinds = [table.columns[name].type for name in names]
    columns = ", ".join(f'"{name}"' for name in names)
    return (
        f"COPY {schema}.{table.name} ({columns}) FROM STDIN (FORMAT binary)".encode(),
        tuple(
            "bytea" if isinstance(kind, WordWeights) else kind.compile(DIALECT).lower()
            for kind in kinds
        ),
        tuple(
            (place, ENCODERS[type(kind)])
            for place, kind in enumerate(kinds)
            if type(kind) in ENCODERS
        ),
    )
