"""Create the event log: events, the one function that appends, and what reads need."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EVENTS = """
CREATE TABLE hansard.logs (
    log            smallint NOT NULL PRIMARY KEY,
    log_id         uuid     NOT NULL DEFAULT gen_random_uuid(),
    partition_size bigint   NOT NULL DEFAULT 1000000 CHECK (partition_size > 0)
);
INSERT INTO hansard.logs (log) VALUES (1);
COMMENT ON TABLE hansard.logs IS 'The logs of this database: one today, with an id of its own.';
COMMENT ON COLUMN hansard.logs.partition_size IS 'Positions in each partition made from now on.';

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
    subject         text,
    occurred_at     timestamptz NOT NULL
        CHECK (occurred_at >= '0001-01-01 00:00+00' AND occurred_at < '10000-01-01 00:00+00'),
    recorded_at     timestamptz NOT NULL,
    payload         bytea       NOT NULL,
    PRIMARY KEY (log, position)
) PARTITION BY RANGE (position);

CREATE INDEX events_by_stream ON hansard.events (log, stream, version);
CREATE INDEX events_by_session ON hansard.events (session_id, position)
    WHERE session_id IS NOT NULL;
CREATE INDEX events_by_type ON hansard.events (log, type, position);

COMMENT ON TABLE hansard.events IS
    'The log. Positions are gapless and in commit order; rows are never changed.';
COMMENT ON COLUMN hansard.events.payload IS
    'The exact UTF-8 JSON of the event; words of a subject are sealed in it.';
COMMENT ON COLUMN hansard.events.recorded_at IS
    'Set under the log''s lock; never runs backwards along position.';
COMMENT ON COLUMN hansard.events.subject IS
    'The person whose words the payload holds, under a name that is no secret.';
"""

APPEND_ONLY = """
CREATE FUNCTION hansard.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION hansard.protect(guarded regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION hansard.refuse_change()', guarded);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', guarded);
END $$;
COMMENT ON FUNCTION hansard.protect IS
    'Make a table append-only, whatever session_replication_role says.';

SELECT hansard.protect('hansard.events');
"""

# ATTACH lets readers and appends go on; PARTITION OF would wait for them, and they for it.
PARTITIONS = """
CREATE TABLE hansard.partitions (
    log   smallint NOT NULL,
    first bigint   NOT NULL,
    last  bigint   NOT NULL,
    name  text     NOT NULL UNIQUE,
    PRIMARY KEY (log, first),
    UNIQUE (log, last)
);
COMMENT ON TABLE hansard.partitions IS 'Which positions each partition of the log holds.';

CREATE FUNCTION hansard.ensure_partitions(up_to bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    size   bigint;
    ending bigint;
    name   text;
BEGIN
    PERFORM pg_advisory_xact_lock(x'48414E5350415254'::bigint);  -- HANSPART in ASCII
    SELECT partition_size INTO size FROM hansard.logs WHERE log = 1;
    SELECT coalesce(max(p.last), 0) INTO ending FROM hansard.partitions AS p WHERE log = 1;
    WHILE ending < up_to LOOP
        name := format('hansard.events_from_%s', ending + 1);
        EXECUTE format('CREATE TABLE %s (LIKE hansard.events INCLUDING ALL)', name);
        PERFORM hansard.protect(name::regclass);
        EXECUTE format(
            'ALTER TABLE hansard.events ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
            name, ending + 1, ending + size + 1);
        INSERT INTO hansard.partitions VALUES (1, ending + 1, ending + size, name);
        ending := ending + size;
    END LOOP;
END $$;
COMMENT ON FUNCTION hansard.ensure_partitions IS
    'Create what is missing so that positions up to and including up_to fit.';

SELECT hansard.ensure_partitions(1);
"""

COMPANIONS = """
CREATE TABLE hansard.stream_heads (
    log     smallint NOT NULL,
    stream  uuid     NOT NULL,
    version integer  NOT NULL,
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
"""

TOLD = (
    "stream, version, event_id, type, schema_version, tenant, session_id, actor, correlation_id,"
    " causation_id, traceparent, subject"
)
FIELDS = f"{TOLD}, occurred_at"

# What the writer may say of an event. Positions and times of recording are not among it.
ENTRY = """
CREATE TYPE hansard.entry AS (
    stream         uuid,
    version        integer,
    event_id       uuid,
    type           text,
    schema_version smallint,
    tenant         text,
    session_id     uuid,
    actor          text,
    correlation_id uuid,
    causation_id   uuid,
    traceparent    text,
    subject        text,
    occurred_at    timestamptz,
    payload        bytea
);
CREATE TYPE hansard.outcome AS (
    outcome     text,
    first       bigint,
    recorded_at timestamptz,
    positions   bigint[],
    stream      uuid,
    expected    integer,
    actual      integer
);
COMMENT ON TYPE hansard.outcome IS
    'recorded: from position first on; known: its event ids stand at positions;'
    ' conflict: the stream is at version actual, not expected;'
    ' forgotten: the subject of an event of the stream was forgotten';
"""

# Each entry beside the version its stream is at when its turn comes. Here and below, what is looked
# up is a scalar subquery: EXISTS may become a hash of the whole table.
IN_TURN = f"""
    (SELECT stream, version, event_id, subject, n,
            coalesce((SELECT h.version FROM hansard.stream_heads AS h
                      WHERE h.log = 1 AND h.stream = u.stream),
                     greatest(least(first_value(version) OVER in_order, 1), 0) - 1)
            + row_number() OVER in_order - 1 AS head
     FROM unnest(entries) WITH ORDINALITY AS u ({FIELDS}, payload, n)
     WINDOW in_order AS (PARTITION BY stream ORDER BY n)) AS e
"""  # noqa: S608 - built from constants of this module

JUDGE = f"""
CREATE FUNCTION hansard.judge(entries hansard.entry[]) RETURNS hansard.outcome
LANGUAGE plpgsql AS $$
DECLARE
    verdict hansard.outcome;
BEGIN
    IF NOT EXISTS (
        SELECT FROM {IN_TURN}
        WHERE e.version <> e.head + 1
           OR (SELECT i.position FROM hansard.event_ids AS i
               WHERE i.log = 1 AND i.event_id = e.event_id) IS NOT NULL
           OR (SELECT k.destroyed_at FROM hansard.subject_keys AS k
               WHERE k.subject = e.subject) IS NOT NULL)
    THEN
        RETURN verdict;
    END IF;
    SELECT array_agg(i.position) INTO verdict.positions
    FROM hansard.event_ids AS i
    WHERE i.log = 1 AND i.event_id = ANY (ARRAY(SELECT e.event_id FROM unnest(entries) AS e));
    IF verdict.positions IS NOT NULL THEN
        verdict.outcome := 'known';
        RETURN verdict;
    END IF;
    SELECT 'forgotten', e.stream INTO verdict.outcome, verdict.stream
    FROM unnest(entries) AS e JOIN hansard.subject_keys AS k ON k.subject = e.subject
    WHERE k.destroyed_at IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RETURN verdict;
    END IF;
    SELECT 'conflict', e.stream, e.version - 1, e.head
    INTO verdict.outcome, verdict.stream, verdict.expected, verdict.actual
    FROM {IN_TURN}
    WHERE e.version <> e.head + 1 ORDER BY e.n LIMIT 1;
    RETURN verdict;
END $$;
COMMENT ON FUNCTION hansard.judge IS
    'Tell why entries cannot be appended, if they cannot; to be asked under the log''s lock.';
"""  # noqa: S608 - built from constants of this module

RECORD = f"""
CREATE FUNCTION hansard.record(entries hansard.entry[]) RETURNS hansard.outcome
LANGUAGE plpgsql AS $$
DECLARE
    tail     bigint;
    previous timestamptz;
    verdict  hansard.outcome;
BEGIN
    SELECT i.position INTO tail
    FROM hansard.time_index AS i WHERE i.log = 1 ORDER BY i.recorded_at DESC LIMIT 1;
    SELECT e.position, e.recorded_at INTO tail, previous
    FROM hansard.events AS e
    WHERE e.log = 1 AND e.position >= coalesce(tail, 0) ORDER BY e.position DESC LIMIT 1;
    tail := coalesce(tail, 0);
    verdict.outcome := 'recorded';
    verdict.first := tail + 1;
    verdict.recorded_at := greatest(clock_timestamp(), previous);
    IF tail + cardinality(entries)
       > (SELECT p.last - (p.last - p.first + 1) / 10 FROM hansard.partitions AS p
          WHERE p.log = 1 ORDER BY p.last DESC LIMIT 1) THEN
        PERFORM hansard.ensure_partitions(tail + cardinality(entries) + l.partition_size / 10)
        FROM hansard.logs AS l WHERE l.log = 1;
    END IF;
    WITH entry AS MATERIALIZED (
        SELECT * FROM unnest(entries) WITH ORDINALITY AS u ({FIELDS}, payload, n)
    ), logged AS (
        INSERT INTO hansard.events (log, position, {FIELDS}, recorded_at, payload)
        SELECT 1, tail + n, {TOLD}, coalesce(occurred_at, verdict.recorded_at),
               verdict.recorded_at, payload
        FROM entry
    ), named AS (
        INSERT INTO hansard.event_ids (log, event_id, position)
        SELECT 1, event_id, tail + n FROM entry
    )
    INSERT INTO hansard.stream_heads AS heads (log, stream, version)
    SELECT 1, stream, max(version) FROM entry GROUP BY stream
    ON CONFLICT (log, stream) DO UPDATE SET version = excluded.version;
    IF date_trunc('second', previous) IS DISTINCT FROM date_trunc('second', verdict.recorded_at)
    THEN
        INSERT INTO hansard.time_index VALUES (1, verdict.recorded_at, verdict.first)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN verdict;
END $$;
COMMENT ON FUNCTION hansard.record IS
    'Append entries that were judged to fit; to be called under the log''s lock.';
"""  # noqa: S608 - built from constants of this module

# Whoever calls it often keeps its plans, and they must suit tables that grow from nothing. So its
# session switches off `enable_seqscan`, `enable_hashjoin` and `enable_mergejoin`, after which every
# look-up goes through an index by all its columns. Set here, they would cost 50 us a call.
APPEND = """
CREATE FUNCTION hansard.append(entries hansard.entry[], sizes integer[])
RETURNS SETOF hansard.outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict hansard.outcome;
    size    integer;
    start   integer := 1;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append in a transaction of isolation READ COMMITTED'
            USING ERRCODE = 'invalid_transaction_state',
                  DETAIL = 'The snapshot of a stricter one is older than the wait for the lock.';
    END IF;
    IF (cardinality(entries) > 0 AND array_ndims(entries) = 1 AND array_lower(entries, 1) = 1
        AND 0 < ALL (sizes) AND cardinality(entries) = (SELECT sum(s) FROM unnest(sizes) AS s))
       IS NOT TRUE THEN
        RAISE EXCEPTION 'append entries, and say how many of them belong to each append'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(x'48414E5300000001'::bigint);  -- HANS and the log's number
    verdict := hansard.judge(entries);
    IF verdict.outcome IS NULL THEN
        RETURN NEXT hansard.record(entries);
    ELSIF cardinality(sizes) = 1 THEN
        RETURN NEXT verdict;
    ELSE
        FOREACH size IN ARRAY sizes LOOP
            verdict := hansard.judge(entries[start : start + size - 1]);
            IF verdict.outcome IS NULL THEN
                verdict := hansard.record(entries[start : start + size - 1]);
            END IF;
            RETURN NEXT verdict;
            start := start + size;
        END LOOP;
    END IF;
END $$;
COMMENT ON FUNCTION hansard.append IS
    'Append a batch of appends, the sizes of which are given: each all or none, one row for each,'
    ' or one row alone when all of them are recorded.';
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
DO $$ BEGIN
    IF current_setting('server_version_num')::integer < 170000 THEN
        ALTER FUNCTION hansard.as_jsonb PARALLEL UNSAFE;  -- no subtransactions in workers there
    END IF;
END $$;

CREATE VIEW hansard.event_log AS
SELECT position, stream, version, event_id, type, schema_version, tenant, session_id, actor,
       correlation_id, causation_id, traceparent, subject, occurred_at, recorded_at,
       hansard.as_jsonb(payload) AS payload
FROM hansard.events WHERE log = 1;
COMMENT ON VIEW hansard.event_log IS 'The log for whoever reads it in SQL, payloads as JSONB.';
"""

RIGHTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hansard FROM PUBLIC;
GRANT USAGE ON SCHEMA hansard TO hansard_reader;
GRANT SELECT ON hansard.logs, hansard.events, hansard.partitions, hansard.stream_heads,
    hansard.event_ids, hansard.time_index, hansard.event_log, hansard.schema_version
    TO hansard_reader;
GRANT EXECUTE ON FUNCTION hansard.as_jsonb TO hansard_reader;
GRANT EXECUTE ON FUNCTION hansard.append TO hansard_writer;
"""


def upgrade() -> None:
    """Create the log in the schema `hansard`."""
    for statements in (
        EVENTS,
        APPEND_ONLY,
        PARTITIONS,
        COMPANIONS,
        ENTRY,
        JUDGE,
        RECORD,
        APPEND,
        VIEW,
        RIGHTS,
    ):
        op.execute(statements)
