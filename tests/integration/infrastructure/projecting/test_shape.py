"""What takes the place of a table is like it in every respect that the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from psycopg import sql

from infrastructure.database import Connection
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY
from tests.support.read_side import ReadSide

CATALOGUE = {
    "tables": """
        SELECT c.relname, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), c.reloptions,
               t.reloptions, (SELECT array_agg(a::text ORDER BY 1) FROM unnest(c.relacl) AS a),
               obj_description(c.oid, 'pg_class'), pg_get_partkeydef(c.oid),
               pg_get_expr(c.relpartbound, c.oid)
        FROM pg_class AS c LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
        WHERE c.relnamespace = 'hansard_read'::regnamespace AND c.relkind IN ('r', 'p')
        ORDER BY 1
    """,
    "columns": """
        SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
               format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
               pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation::text, a.attstorage,
               a.attcompression, col_description(c.oid, a.attnum),
               (SELECT array_agg(x::text ORDER BY 1) FROM unnest(a.attacl) AS x)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'hansard_read'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY 1, 2
    """,
    "indexes": """
        SELECT t.relname, i.relname, pg_get_indexdef(i.oid), x.indisunique, x.indisprimary,
               x.indisvalid, i.reloptions, obj_description(i.oid, 'pg_class'),
               pg_get_userbyid(i.relowner)
        FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
        JOIN pg_class AS t ON t.oid = x.indrelid
        WHERE t.relnamespace = 'hansard_read'::regnamespace ORDER BY 1, 2
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'hansard_read'::regnamespace ORDER BY 1, 2
    """,
    "partitions": """
        SELECT inhparent::regclass::text, inhrelid::regclass::text FROM pg_inherits
        JOIN pg_class AS c ON c.oid = inhparent
        WHERE c.relnamespace = 'hansard_read'::regnamespace ORDER BY 1, 2
    """,
}

Shape = dict[str, list[tuple[object, ...]]]


def shape(connection: Connection) -> Shape:
    return {
        name: connection.execute(query.encode()).fetchall() for name, query in CATALOGUE.items()
    }


SPOKEN = """
CREATE TABLE hansard_read."Spoken" (
    position bigint NOT NULL, speaker text NOT NULL DEFAULT 'nobody',
    length integer CHECK (length > 0),
    shout text GENERATED ALWAYS AS (upper(speaker)) STORED,
    PRIMARY KEY (position, speaker)
) PARTITION BY LIST (speaker);
CREATE TABLE hansard_read."Spoken user" PARTITION OF hansard_read."Spoken" FOR VALUES IN ('USER')
    WITH (fillfactor = 77);
CREATE TABLE hansard_read.spoken_rest PARTITION OF hansard_read."Spoken" DEFAULT;
CREATE INDEX b ON hansard_read."Spoken" (length);
CREATE INDEX a ON hansard_read."Spoken" (length);
CREATE INDEX "An index" ON hansard_read."Spoken" (lower(speaker), position DESC) WHERE length > 1;
COMMENT ON INDEX hansard_read.b IS 'With it''s comment.';
COMMENT ON TABLE hansard_read."Spoken user" IS 'A partition.';
COMMENT ON COLUMN hansard_read."Spoken".length IS 'In characters.';
GRANT SELECT, INSERT, DELETE ON hansard_read."Spoken" TO hansard_writer;
GRANT SELECT ON hansard_read."Spoken user" TO hansard_reader WITH GRANT OPTION;
INSERT INTO hansard_read.projection_tables (projection, name)
VALUES ('conversation_history', 'Spoken');
"""

DECORATED = """
GRANT SELECT ON hansard_read.turns TO PUBLIC;
GRANT SELECT (position), UPDATE (text) ON hansard_read.turns TO {};
ALTER TABLE hansard_read.turns SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
    toast.autovacuum_enabled = false);
ALTER TABLE hansard_read.turns ALTER COLUMN text SET STORAGE EXTERNAL;
COMMENT ON TABLE hansard_read.turns IS 'Somebody''s own %s words.';
ALTER INDEX hansard_read.turns_by_session SET (fillfactor = 60);
CREATE UNIQUE INDEX mine ON hansard_read.turns (conversation_id, position);
"""


@pytest.fixture
def role(connection: Connection) -> Iterator[str]:
    """A role with a name that has to be quoted."""
    name = f'Clerk "{uuid4().hex[:8]}"'
    connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    yield name
    connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(name)))


def test_every_table_has_the_same_shape_after_an_exchange(
    read_side: ReadSide, connection: Connection
) -> None:
    read_side.tell_plain_session()
    runner = read_side.runner()
    runner.catch_up()
    before = shape(connection)
    runner.rebuild_together([projection.name for projection in PROJECTIONS])
    assert shape(connection) == before
    runner.rebuild_together([projection.name for projection in PROJECTIONS])
    assert shape(connection) == before
    assert connection.execute(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'hansard_rebuild'::regnamespace"
    ).fetchone() == (0,)


def test_what_an_administrator_changed_is_kept_and_so_are_partitions(
    read_side: ReadSide, connection: Connection, role: str
) -> None:
    read_side.tell_plain_session()
    connection.execute("SET ROLE hansard_owner")
    connection.execute(SPOKEN)
    connection.execute(sql.SQL(DECORATED).format(sql.Identifier(role)))
    connection.execute("RESET ROLE")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    before = shape(connection)
    runner.rebuild(CONVERSATION_HISTORY.name)
    assert shape(connection) == before
