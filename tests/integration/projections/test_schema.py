"""The tables that read models declare are the tables that migrations make."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from projections.catalogue import PROJECTIONS
from projections.protocol import (
    SCHEMA,
    events_set_aside,
    metadata,
    projection_positions,
    projection_tables,
)
from tests.support.read_side import ReadSide

SHARED = (projection_positions, projection_tables, events_set_aside)


def in_schema(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "schema" or name == SCHEMA


def test_the_migrated_database_equals_what_the_read_models_declare(read_side: ReadSide) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with read_side.read_models.writing() as connection:
        options = {"include_schemas": True, "include_name": in_schema, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_indexes_comments_and_computed_columns_are_the_same_too(read_side: ReadSide) -> None:
    with read_side.read_models.writing() as connection:
        inspector = sa.inspect(connection)
        for table in metadata.tables.values():
            found = inspector.get_indexes(table.name, schema=SCHEMA)
            assert {index["name"]: (index["column_names"], index["unique"]) for index in found} == {
                index.name: ([column.name for column in index.columns], bool(index.unique))
                for index in table.indexes
            }
            assert inspector.get_table_comment(table.name, schema=SCHEMA)["text"] == table.comment
            columns = inspector.get_columns(table.name, schema=SCHEMA)
            computed = {column["name"] for column in columns if column.get("computed")}
            assert computed == {column.name for column in table.columns if column.computed}


def test_every_table_belongs_to_one_read_model(read_side: ReadSide) -> None:
    owned = [table for each in PROJECTIONS for table in (*each.tables, *each.sums)]
    assert len(owned) == len(set(owned))
    assert {*owned, *SHARED} == set(metadata.tables.values())
    assert all("position" in table.columns for each in PROJECTIONS for table in each.tables)
    with read_side.read_models.reading() as connection:
        listed = [tuple(row) for row in connection.execute(sa.select(projection_tables))]
    assert sorted(listed) == sorted(
        (table.name, each.name) for each in PROJECTIONS for table in (*each.tables, *each.sums)
    )
