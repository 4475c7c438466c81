"""Create the list of archives: partitions of the log that were moved to files."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE hansard.archives (
    log            smallint    NOT NULL,
    first          bigint      NOT NULL CHECK (first > 0),
    last           bigint      NOT NULL CHECK (last >= first),
    file           text        NOT NULL UNIQUE,
    sha256         bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    bytes          bigint      NOT NULL,
    recorded_until timestamptz NOT NULL,
    archived_at    timestamptz NOT NULL,
    PRIMARY KEY (log, first),
    UNIQUE (log, last)
);
COMMENT ON TABLE hansard.archives IS
    'Files that hold old positions of the log, from the first one on without a gap.';
COMMENT ON COLUMN hansard.archives.file IS 'Path below the folder of archives.';
COMMENT ON COLUMN hansard.archives.recorded_until IS 'When its last event was recorded.';
SELECT hansard.protect('hansard.archives');

CREATE TABLE hansard.archive_contents (
    log     smallint NOT NULL,
    id      uuid     NOT NULL,
    last    bigint   NOT NULL,
    version integer,
    PRIMARY KEY (log, id, last)
);
COMMENT ON TABLE hansard.archive_contents IS
    'Which archives (by their last position) hold events of a stream or of a session.';
COMMENT ON COLUMN hansard.archive_contents.version IS
    'Newest version of the stream in the archive; NULL where the id is that of a session alone.';
SELECT hansard.protect('hansard.archive_contents');

GRANT SELECT ON hansard.archives, hansard.archive_contents TO hansard_reader;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
