"""Create the snapshots of long streams: a cache that is never trusted over events."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE hansard.snapshots (
    log         smallint    NOT NULL,
    stream      uuid        NOT NULL,
    version     integer     NOT NULL,
    event_id    uuid        NOT NULL,
    fingerprint bytea       NOT NULL,
    digest      bytea       NOT NULL,
    taken_at    timestamptz NOT NULL DEFAULT now(),
    state       bytea       NOT NULL,
    PRIMARY KEY (log, stream)
);
COMMENT ON TABLE hansard.snapshots IS
    'State of a long stream at a version: saves replaying what lies before, and may go any time.';
COMMENT ON COLUMN hansard.snapshots.event_id IS 'The event at that version.';
COMMENT ON COLUMN hansard.snapshots.fingerprint IS 'SHA-256 of the code that the state belongs to.';
COMMENT ON COLUMN hansard.snapshots.digest IS
    'SHA-256 of the columns before it and the state: finds damage, not forgery.';
COMMENT ON COLUMN hansard.snapshots.state IS 'JSON, as that code writes it.';

GRANT SELECT, INSERT, UPDATE, DELETE ON hansard.snapshots TO hansard_writer;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON hansard.snapshots TO hansard_writer;  -- to sweep after erasure
    END IF;
END $$;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
