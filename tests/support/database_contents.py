"""Database contents: where a text stands, in tables as SQL sees them and in their files on disk."""

from __future__ import annotations

from psycopg import sql

from infrastructure.database import Connection

SCHEMAS = ["hansard", "hansard_read", "hansard_search"]


def relations_with(connection: Connection, text: str) -> list[str]:
    """Name the tables and partitions of ours in which a text stands, in any column.

    Texts and bytes are searched in what COPY gives, as binary and as text.
    """
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1, 2",
        (SCHEMAS,),
    ).fetchall()
    return [
        f"{schema}.{table}"
        for schema, table in tables
        if any(
            text.encode() in _copied(connection, schema, table, form).lower()
            for form in ("binary", "text")
        )
    ]


def files_with(connection: Connection, text: str) -> list[str]:
    """Name the tables and indexes of ours in whose files a text stands, deleted rows included."""
    connection.execute("CHECKPOINT")
    relations = connection.execute(
        "SELECT c.oid::regclass::text, pg_relation_filepath(c.oid) FROM pg_class AS c"
        " WHERE c.relnamespace IN"
        "   (SELECT oid FROM pg_namespace WHERE nspname = ANY(%s) OR nspname = 'pg_toast')"
        " AND pg_relation_filepath(c.oid) IS NOT NULL",
        (SCHEMAS,),
    ).fetchall()
    found = []
    for name, path in relations:
        row = connection.execute("SELECT pg_read_binary_file(%s)", (path,)).fetchone()
        assert row is not None
        if text.encode() in row[0].lower():
            found.append(name)
    return found


def _copied(connection: Connection, schema: str, table: str, form: str) -> bytes:
    statement = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT {})").format(
        sql.Identifier(schema, table), sql.SQL("binary" if form == "binary" else "text")
    )
    with connection.cursor().copy(statement) as copy:
        return b"".join(bytes(part) for part in copy)
