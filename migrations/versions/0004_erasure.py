"""Create the keys of subjects, whose destruction erases what they seal."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE hansard.subject_keys (
    subject      text        NOT NULL PRIMARY KEY,
    wrapped_key  bytea,
    created_at   timestamptz NOT NULL,
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE hansard.subject_keys IS
    'Data key of each subject, wrapped by a key outside the database; erasure destroys it.';

GRANT SELECT (subject, created_at, destroyed_at) ON hansard.subject_keys TO hansard_reader;
GRANT SELECT, INSERT, UPDATE (wrapped_key, destroyed_at) ON hansard.subject_keys
    TO hansard_writer;
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)
