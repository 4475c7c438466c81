"""Create the event log: events, stream heads, known event ids, time index, integrity, erasure."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EVENTS = """
CREATE TABLE hansard.events (
    log             smallint    NOT NULL,
    position        bigint      NOT NULL CHECK (position > 0),
    stream          uuid        NOT NULL,
    version         integer     NOT NULL CHECK (version >= 0),
    event_id        uuid        NOT NULL,
    type            text        NOT NULL,
    schema_version  smallint    NOT NULL,
    tenant          text        NOT NULL,
    session_id      uuid,
    actor           text        NOT NULL,
    correlation_id  uuid        NOT NULL,
    causation_id    uuid,
    traceparent     text,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    payload         bytea       NOT NULL,
    PRIMARY KEY (log, position)
) PARTITION BY RANGE (position);

CREATE INDEX events_by_stream ON hansard.events (log, stream, version);
CREATE INDEX events_by_session ON hansard.events (log, session_id, position)
    WHERE session_id IS NOT NULL;
CREATE INDEX events_by_type ON hansard.events (log, type, position);

COMMENT ON TABLE hansard.events IS
    'The log. Positions are gapless and in commit order; rows are never changed.';
COMMENT ON COLUMN hansard.events.payload IS 'The exact UTF-8 JSON of the event.';
COMMENT ON COLUMN hansard.events.recorded_at IS
    'Set under the log''s lock; never runs backwards along position.';
"""

APPEND_ONLY = """
CREATE FUNCTION hansard.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hansard.events
    FOR EACH STATEMENT EXECUTE FUNCTION hansard.refuse_change();
"""

# ATTACH lets readers and appends go on; PARTITION OF would wait for them, and they for it.
PARTITIONS = """
CREATE FUNCTION hansard.ensure_partitions(up_to bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    size CONSTANT bigint := 1000000;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(x'48414E5350415254'::bigint);  -- HANSPART in ASCII
    FOR number IN 0 .. up_to / size LOOP
        name := format('hansard.events_%s', number);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %s (LIKE hansard.events INCLUDING ALL)', name);
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s'
            ' FOR EACH STATEMENT EXECUTE FUNCTION hansard.refuse_change()', name);
        EXECUTE format(
            'ALTER TABLE hansard.events ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
            name, number * size, (number + 1) * size);
    END LOOP;
END $$;

COMMENT ON FUNCTION hansard.ensure_partitions IS
    'Create what is missing so that positions up to and including up_to fit.';

SELECT hansard.ensure_partitions(1000000);
"""

COMPANIONS = """
CREATE TABLE hansard.stream_heads (
    log        smallint NOT NULL,
    stream     uuid     NOT NULL,
    version    integer  NOT NULL,
    chain_head bytea,
    PRIMARY KEY (log, stream)
) WITH (fillfactor = 70);
COMMENT ON TABLE hansard.stream_heads IS
    'Newest version of each stream: the gate that keeps versions from repeating or skipping.';

CREATE TABLE hansard.event_ids (
    log      smallint NOT NULL,
    event_id uuid     NOT NULL,
    position bigint   NOT NULL,
    PRIMARY KEY (log, event_id)
);
COMMENT ON TABLE hansard.event_ids IS
    'Where each event id stands: appending the same event twice is recognised.';

CREATE TABLE hansard.time_index (
    log         smallint    NOT NULL,
    recorded_at timestamptz NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (log, recorded_at)
);
COMMENT ON TABLE hansard.time_index IS
    'About one row a second of recording: leads from a moment to a position.';

CREATE TABLE hansard.tiles (
    log   smallint NOT NULL,
    level smallint NOT NULL,
    tile  bigint   NOT NULL,
    width integer  NOT NULL,
    hashes bytea   NOT NULL,
    PRIMARY KEY (log, level, tile, width)
);
CREATE TABLE hansard.checkpoints (
    log        smallint    NOT NULL,
    position   bigint      NOT NULL,
    root       bytea       NOT NULL,
    signed_at  timestamptz NOT NULL,
    note       text        NOT NULL,
    PRIMARY KEY (log, position)
);
CREATE TABLE hansard.subject_keys (
    subject      text        NOT NULL PRIMARY KEY,
    wrapped_key  bytea,
    created_at   timestamptz NOT NULL,
    destroyed_at timestamptz
);
COMMENT ON TABLE hansard.tiles IS 'Hash tiles of the Merkle tree over the log (RFC 9162).';
COMMENT ON TABLE hansard.checkpoints IS 'Signed tree heads.';
COMMENT ON TABLE hansard.subject_keys IS
    'Data key of each person, wrapped by a key outside the database; erasure destroys it.';
"""

VIEW = """
CREATE FUNCTION hansard.as_jsonb(payload bytea) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN convert_from(payload, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR untranslatable_character OR program_limit_exceeded THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION hansard.as_jsonb IS
    'A payload as JSONB; NULL where that cannot hold it, as with the character U+0000.';

CREATE VIEW hansard.event_log AS
SELECT position, stream, version, event_id, type, schema_version, tenant, session_id, actor,
       correlation_id, causation_id, traceparent, occurred_at, recorded_at,
       hansard.as_jsonb(payload) AS payload
FROM hansard.events;
COMMENT ON VIEW hansard.event_log IS 'The log for whoever reads it in SQL, payloads as JSONB.';
"""


def upgrade() -> None:
    """Create the schema `hansard`."""
    op.execute("CREATE SCHEMA hansard")
    for statements in (EVENTS, APPEND_ONLY, PARTITIONS, COMPANIONS, VIEW):
        op.execute(statements)
