"""Create the table in which applications of the library keep how far they have followed others."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE hansard.tracking (
    application text   NOT NULL PRIMARY KEY,
    position    bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE hansard.tracking IS
    'Position up to which an application of the eventsourcing library has followed another one.';

GRANT SELECT ON hansard.tracking TO hansard_reader;
GRANT SELECT, INSERT, UPDATE ON hansard.tracking TO hansard_writer;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
