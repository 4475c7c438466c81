"""Models of meaning: which embedders have rows, which one is live, and how they change places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from domain.value import Value
from infrastructure.similar import sql

if TYPE_CHECKING:
    from infrastructure.database import Connection
    from infrastructure.embedders.port import Embedder


class ModelState(StrEnum):
    """Where a model stands."""

    BUILDING = "building"
    LIVE = "live"
    RETIRED = "retired"


class Comparison(Value):
    """What another model would have changed in searches that were made.

    Attributes:
        queries: how many searches were repeated with both.
        overlap: share of the first ten hits of one that the other one has too, 0 to 1.
        rank_correlation: Spearman's, of the hits that both have, -1 to 1; None where no search
            gave two of them.
    """

    queries: int
    overlap: float | None = None
    rank_correlation: float | None = None


class ModelView(Value):
    """A model.

    Attributes:
        number: names its rows.
        embedder: its name in the settings.
        name: its own name, with its version; rows of different names never mix.
        items_version: version of the read model whose items it was built from.
        position: position up to which every item has its row.
        dead_letters: items that it refused for good.
        is_trial: whether it is built to be compared alone, and never takes another's place.
        comparison: with the model it replaced; None for the first one.
    """

    number: int
    embedder: str
    name: str
    dimensions: int
    items_version: int
    state: ModelState
    is_trial: bool
    position: int
    comparison: Comparison | None
    created_at: datetime
    live_at: datetime | None
    retired_at: datetime | None
    dead_letters: int


class DeadLetterView(Value):
    """An item that an embedder refused for good; it is found by its words alone."""

    model: str
    position: int
    session_id: Any
    attempts: int
    error: str
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Items:
    """How the items stand: version of their read model, and position up to which it holds them."""

    version: int
    position: int


def read_items(connection: Connection) -> Items | None:
    """Tell how the items stand; None before the first was taken in."""
    row = connection.execute(sql.ITEMS).fetchone()
    return None if row is None else Items(*row)


def read_models(connection: Connection) -> list[ModelView]:
    """List all models there ever were, oldest first."""
    return [_view(row) for row in connection.execute(sql.MODELS)]


def model_in(connection: Connection, state: ModelState) -> ModelView | None:
    """Find the one model in a state other than retired."""
    return next((model for model in read_models(connection) if model.state is state), None)


def read_letters(connection: Connection) -> list[DeadLetterView]:
    """List the dead letters of the models in use."""
    names = DeadLetterView.model_fields
    return [
        DeadLetterView.model_validate(dict(zip(names, row, strict=True)))
        for row in connection.execute(sql.LETTERS)
    ]


def add_model(  # noqa: PLR0913 - what a model is
    connection: Connection,
    key: str,
    embedder: Embedder,
    items_version: int,
    state: ModelState,
    *,
    is_trial: bool = False,
) -> None:
    """Add a model without rows, unless it is there in that state; another one is given up.

    Args:
        key: name of the embedder in the settings.
    """
    with connection.transaction():
        connection.execute(sql.LOCK_MODELS)
        standing = model_in(connection, state)
        if standing is not None:
            same = is_of(standing, embedder, items_version) and standing.is_trial == is_trial
            if state is ModelState.LIVE or same:
                return
            connection.execute(sql.RETIRE, {"state": state})
        row = connection.execute(
            sql.ADD_MODEL,
            {
                "embedder": key,
                "name": embedder.name,
                "dimensions": embedder.dimensions,
                "items_version": items_version,
                "state": state,
                "is_trial": is_trial,
            },
        ).fetchone()
        connection.execute(sql.CREATE_ROWS, {"model": row[0] if row else None})


def exchange(connection: Connection, building: ModelView, comparison: Comparison) -> bool:
    """Let a model that was built take the place of the live one; False when it was given up."""
    with connection.transaction():
        connection.execute(sql.LOCK_MODELS)
        standing = model_in(connection, ModelState.BUILDING)
        if standing is None or standing.number != building.number:
            return False
        connection.execute(sql.RETIRE, {"state": ModelState.LIVE})
        document = Jsonb(comparison.model_dump(mode="json"))
        connection.execute(sql.GO_LIVE, {"model": building.number, "comparison": document})
    return True


def drop_retired(connection: Connection) -> None:
    """Drop the rows of models that no search uses any more."""
    for row in connection.execute(sql.MODELS).fetchall():
        if _view(row).state is ModelState.RETIRED and row[-1]:
            with connection.transaction():
                for statement in (sql.DROP_ROWS, sql.FORGET_SCOPES, sql.FORGET_LETTERS):
                    connection.execute(statement, {"model": row[0]})


def is_of(model: ModelView, embedder: Embedder, items_version: int) -> bool:
    """Tell whether a model's rows are those an embedder would make of the items."""
    made = (embedder.name, embedder.dimensions, items_version)
    return (model.name, model.dimensions, model.items_version) == made


def _view(row: tuple[Any, ...]) -> ModelView:
    return ModelView.model_validate(dict(zip(ModelView.model_fields, row[:-1], strict=True)))


def give_up(connection: Connection, number: int) -> None:
    """Give up a model that is being built."""
    with connection.transaction():
        connection.execute(sql.LOCK_MODELS)
        standing = model_in(connection, ModelState.BUILDING)
        if standing is not None and standing.number == number:
            connection.execute(sql.RETIRE, {"state": ModelState.BUILDING})
    drop_retired(connection)


def tables_of_rows(connection: Connection) -> list[str]:
    """Name the tables that hold rows, those of retired models included."""
    return [f"rows_{row[0]}" for row in connection.execute(sql.MODELS).fetchall() if row[-1]]
