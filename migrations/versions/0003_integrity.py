"""Create what proves the log: tiles of the Merkle tree and signed checkpoints."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE hansard.tiles (
    log    smallint NOT NULL,
    level  smallint NOT NULL,
    tile   bigint   NOT NULL,
    hashes bytea    NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (log, level, tile)
);
COMMENT ON TABLE hansard.tiles IS 'Full hash tiles of the Merkle tree over the log (RFC 9162).';
SELECT hansard.protect('hansard.tiles');

CREATE TABLE hansard.checkpoints (
    log       smallint    NOT NULL,
    position  bigint      NOT NULL,
    root      bytea       NOT NULL CHECK (octet_length(root) = 32),
    signed_at timestamptz NOT NULL,
    note      text        NOT NULL,
    PRIMARY KEY (log, position)
);
COMMENT ON TABLE hansard.checkpoints IS 'Signed tree heads.';
SELECT hansard.protect('hansard.checkpoints');

GRANT SELECT ON hansard.tiles, hansard.checkpoints TO hansard_reader;
GRANT INSERT ON hansard.tiles, hansard.checkpoints TO hansard_writer;
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(TABLES)
