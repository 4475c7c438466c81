"""Task spending: what work on tasks of any sessions took, each alone and with all below it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from domain.spending import Spent, added
from projections.activity import whole_activity
from projections.task_tree import tasks

ENDED = ("task_completed", "task_failed", "task_cancelled")


class Spending(NamedTuple):
    """What a task took.

    Attributes:
        working_ms: milliseconds from when an agent took it up to its end; None before that.
    """

    own: Spent
    inclusive: Spent
    working_ms: float | None


NOTHING = Spending(Spent(), Spent(), None)


def spending_of(
    connection: sa.Connection, session_ids: Collection[UUID], position: int
) -> dict[tuple[UUID, UUID], Spending]:
    """Tell what each task of some sessions took up to a position, by session and task.

    A fork goes on with tasks of its parent: what each of the two took is told apart.
    """
    if not session_ids:
        return {}
    rows = connection.execute(_sums(session_ids, position)).mappings().all()
    found = {(row["session_id"], row["task_id"]): row for row in rows}
    below: dict[tuple[UUID, UUID], list[tuple[UUID, UUID]]] = {}
    for place, row in found.items():
        if row["parent_id"] is not None:
            below.setdefault((row["session_id"], row["parent_id"]), []).append(place)

    def inclusive(place: tuple[UUID, UUID]) -> Spent:
        return added(_own(found[place]), *map(inclusive, below.get(place, ())))

    return {
        place: Spending(_own(row), inclusive(place), row["working_ms"])
        for place, row in found.items()
    }


def _own(row: Mapping[Any, Any]) -> Spent:
    return Spent(**{name: row[name] for name in Spent.model_fields})


def _sums(session_ids: Collection[UUID], position: int) -> sa.Select[Any]:
    facts = whole_activity()
    fact = facts.columns
    tokens_in = fact.input_tokens + fact.cache_read_tokens + fact.cache_write_tokens
    return (
        sa.select(
            fact.session_id,
            fact.task_id,
            tasks.columns.parent_id,
            sa.func.max(fact.duration_ms).filter(fact.kind.in_(ENDED)).label("working_ms"),
            sa.func.count().filter(fact.kind == "model_call").label("model_calls"),
            sa.func.count().filter(fact.kind == "tool_call").label("tool_calls"),
            _total(tokens_in).label("input_tokens"),
            _total(fact.output_tokens).label("output_tokens"),
            sa.func.sum(fact.cost_usd).label("cost_usd"),
        )
        .join_from(facts, tasks, tasks.columns.task_id == fact.task_id)
        .where(fact.session_id.in_(session_ids), fact.position <= position)
        .group_by(fact.session_id, fact.task_id, tasks.columns.parent_id)
    )


def _total(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)
