"""Projection: what a read model declares, so that a runner can keep it up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import sqlalchemy as sa

from domain.event import RecordedEvent
from domain.value import Value
from projections.contexts import Contexts

T = TypeVar("T")

SCHEMA = "hansard_read"
"""Where the read models are that answer questions."""

REBUILD_SCHEMA = "hansard_rebuild"
"""Where read models are built anew, until they take the place of the old ones."""

metadata = sa.MetaData(schema=SCHEMA)
"""All tables of all read models."""

projection_positions = sa.Table(
    "projection_positions",
    metadata,
    sa.Column("projection", sa.Text, primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True, server_default="live"),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_position", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.Column("paused_at", sa.DateTime(timezone=True)),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    comment="How far each read model has come, and the event it stopped at.",
)

projection_tables = sa.Table(
    "projection_tables",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("projection", sa.Text, nullable=False),
    comment="Which tables each read model is made of: what a rebuild makes anew and exchanges.",
)

events_set_aside = sa.Table(
    "events_set_aside",
    metadata,
    sa.Column("projection", sa.Text, primary_key=True),
    sa.Column("slot", sa.Text, primary_key=True, server_default="live"),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=False),
    comment="Events that a read model was told to do without.",
)

Row: TypeAlias = list[Any]


class Batch:
    """What one batch of events adds, collected table by table and stored set-wise.

    Rows are only ever added: a read model holds facts, each at its position, and its queries
    derive the rest. So the size of batches cannot matter, and every past moment can be asked for.

    Attributes:
        contexts: what earlier events said of the task, agent or conversation of an event.
        rows: by table, in the order of its columns that are not computed.
    """

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.rows: dict[sa.Table, list[Row]] = {}

    def add(self, table: sa.Table, recorded: RecordedEvent, **values: Any) -> None:
        """Add a fact; position and time of recording are filled in where the table has them."""
        shape = shape_of(table)
        values["position"] = recorded.position
        if shape.has_time:
            values["recorded_at"] = recorded.recorded_at
        if not values.keys() <= shape.known:
            unknown = sorted(values.keys() - shape.known)
            raise ValueError(f"table {table.name!r} has no columns {unknown}")
        row = list(map(values.get, shape.names))
        for place in shape.with_text:
            value = row[place]
            if value is not None and (type(value) is not str or "\x00" in value):
                row[place] = storable(value)
        self.rows.setdefault(table, []).append(row)

    def append(self, table: sa.Table, row: Row) -> None:
        """Add a whole row whose text is storable; for what most events add, as `add` takes longer.

        Args:
            row: a value for every column that is not computed, in order.
        """
        self.rows.setdefault(table, []).append(row)


class Shape(NamedTuple):
    """The columns of a table that handlers fill.

    Attributes:
        with_text: places of those that may hold text, at any depth.
        has_time: whether the time of recording is one.
    """

    names: tuple[str, ...]
    known: frozenset[str]
    with_text: tuple[int, ...]
    has_time: bool


_WITHOUT_TEXT = (sa.Numeric, sa.Integer, sa.Uuid, sa.DateTime, sa.Date, sa.Boolean)

_shapes: dict[sa.Table, Shape] = {}


def shape_of(table: sa.Table) -> Shape:
    """Tell which columns handlers fill."""
    shape = _shapes.get(table)
    if shape is None:
        columns = [column for column in table.columns if column.computed is None]
        names = tuple(str(column.name) for column in columns)
        with_text = tuple(
            place
            for place, column in enumerate(columns)
            if not isinstance(column.type, _WITHOUT_TEXT)
        )
        shape = _shapes[table] = Shape(names, frozenset(names), with_text, "recorded_at" in names)
    return shape


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

Statement: TypeAlias = tuple[str, dict[str, Any]]
"""SQL with `%(name)s` for each parameter; `{schema}` stands for the schema of the read model."""

RollUp: TypeAlias = Callable[[Batch, int, int], Iterable[Statement]]
"""Tells how to sum up what a batch completed, whose positions are `after < position <= until`."""


def roll_up_nothing(batch: Batch, after: int, until: int) -> Iterable[Statement]:  # noqa: ARG001 - the signature of every roll-up
    """Sum up nothing."""
    return ()


@dataclass(frozen=True)
class Projection:
    """A read model.

    Attributes:
        version: rises when what is stored changes meaning; the read model is then built anew.
        tables: those that handlers add to, every one with a column `position`.
        handlers: what to do with each type of event, by the event's stable name.
        sums: tables that roll-ups fill.
        roll_up: sums up facts, in the transaction that stores them.
        holds_words: whether rows may hold what a person said, so that erasure reaches them.
        contexts: what handlers ask about that earlier events said, such as `task`; see
            `projections.contexts.ALL_KINDS`.
    """

    name: str
    version: int
    tables: tuple[sa.Table, ...]
    handlers: Mapping[str, Handler] = field(hash=False)
    sums: tuple[sa.Table, ...] = ()
    roll_up: RollUp = roll_up_nothing
    holds_words: bool = True
    contexts: frozenset[str] = frozenset()


class Page(Value, Generic[T]):
    """A part of an answer.

    Attributes:
        position: position of the log as of which everything on the page holds.
        lag: how many positions that is behind what was asked for.
        next: pass it on to get the page that follows; None on the last one.
    """

    position: int
    items: tuple[T, ...]
    lag: int = 0
    next: int | None = None

    def __class_getitem__(cls, item: Any) -> Any:
        """Make the page of a view once: pydantic forgets what nobody holds, and makes it slowly."""
        made = super().__class_getitem__(item)
        _PAGES.add(made)
        return made


_PAGES: set[Any] = set()


class Computed(NamedTuple):
    """As of which position an answer holds, and how many positions that is behind the question."""

    position: int
    lag: int


LAST_POSITION = sa.text("SELECT coalesce(max(position), 0) FROM hansard.events WHERE log = 1")


def computed_at(connection: sa.Connection, *projections: str, at: int | None = None) -> Computed:
    """Tell as of which position read models can answer a question about `at` (None: now)."""
    columns = projection_positions.columns
    query = sa.select(columns.projection, columns.position).where(
        columns.projection.in_(projections), columns.slot == "live"
    )
    reached = {row.projection: row.position for row in connection.execute(query)}
    position = min(reached.get(name, 0) for name in projections)
    if at is not None and at <= position:
        return Computed(at, 0)
    last = connection.scalar(LAST_POSITION) or 0
    wanted = last if at is None else min(at, last)
    return Computed(position, max(wanted - position, 0))
