"""PostgreSQL: the embedded server or the user's own, its connections, schema and errors."""

from __future__ import annotations

from infrastructure.database.connection import Connection, DatabasePool, connect, open_pool
from infrastructure.database.database import (
    Access,
    Database,
    DatabaseStatus,
    Migration,
    database_status,
    embedded_server,
    migrate,
    open_database,
)
from infrastructure.database.embedded import EmbeddedServer, ServerStatus
from infrastructure.database.errors import DatabaseUnavailableError, translate, translated
from infrastructure.database.roles import prepare_owner, prepare_writer
from infrastructure.database.schema import current_revision, ensure_schema

__all__ = [
    "Access",
    "Connection",
    "Database",
    "DatabasePool",
    "DatabaseStatus",
    "DatabaseUnavailableError",
    "EmbeddedServer",
    "Migration",
    "ServerStatus",
    "connect",
    "current_revision",
    "database_status",
    "embedded_server",
    "ensure_schema",
    "migrate",
    "open_database",
    "open_pool",
    "prepare_owner",
    "prepare_writer",
    "translate",
    "translated",
]
