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
    master_key   text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((master_key IS NULL) = (wrapped_key IS NULL))
);
CREATE INDEX subject_keys_by_master ON hansard.subject_keys (master_key)
    WHERE master_key IS NOT NULL;
COMMENT ON TABLE hansard.subject_keys IS
    'Data key of each subject, wrapped by a key outside the database; erasure destroys it.';
COMMENT ON COLUMN hansard.subject_keys.wrapped_key IS
    'AES-256-GCM: nonce, ciphertext, tag; NULL once the subject was forgotten.';
COMMENT ON COLUMN hansard.subject_keys.master_key IS 'Id of the master key that wraps it.';

CREATE INDEX events_by_subject ON hansard.events (log, subject, position)
    WHERE subject IS NOT NULL;
"""

FINAL = """
CREATE FUNCTION hansard.refuse_revival() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the subject % was forgotten, and that is final: % refused', OLD.subject, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER final BEFORE UPDATE OR DELETE ON hansard.subject_keys
    FOR EACH ROW WHEN (OLD.destroyed_at IS NOT NULL) EXECUTE FUNCTION hansard.refuse_revival();
ALTER TABLE hansard.subject_keys ENABLE ALWAYS TRIGGER final;
"""

RIGHTS = """
REVOKE ALL ON FUNCTION hansard.refuse_revival FROM PUBLIC;
GRANT SELECT (subject, created_at, destroyed_at) ON hansard.subject_keys TO hansard_reader;
GRANT SELECT, INSERT (subject, wrapped_key, master_key),
    UPDATE (wrapped_key, master_key, destroyed_at) ON hansard.subject_keys TO hansard_writer;
"""

# Who forgets a subject also removes what the tables keep of rows that are gone.
MAINTENANCE = """
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON hansard.subject_keys TO hansard_writer;
        GRANT MAINTAIN ON ALL TABLES IN SCHEMA hansard_read TO hansard_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Create the table, and an index that finds the events of a subject."""
    for statements in (TABLE, FINAL, RIGHTS, MAINTENANCE):
        op.execute(statements)
