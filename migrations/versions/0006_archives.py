"""Create the list of archives: partitions of the log that were moved to files."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE hansard.archives (
    log         smallint    NOT NULL,
    first       bigint      NOT NULL,
    last        bigint      NOT NULL,
    file        text        NOT NULL UNIQUE,
    sha256      bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    bytes       bigint      NOT NULL,
    archived_at timestamptz NOT NULL,
    PRIMARY KEY (log, first),
    UNIQUE (log, last)
);
COMMENT ON TABLE hansard.archives IS 'Files that hold old positions of the log.';
SELECT hansard.protect('hansard.archives');

GRANT SELECT ON hansard.archives TO hansard_reader;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
