"""Create activity and the task tree, and what rebuilds read models beside the live ones."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Read models are derived: what changes shape starts anew, and is built from the log when first
# asked for.
START_ANEW = """
DROP TABLE hansard_read.session_facts, hansard_read.agent_facts, hansard_read.agent_duties,
    hansard_read.delegated_tasks, hansard_read.delegated_task_ends;
TRUNCATE hansard_read.sessions, hansard_read.session_ends, hansard_read.turns,
    hansard_read.delegations;
DROP TABLE hansard_read.projection_positions;
"""

POSITIONS = """
CREATE TABLE hansard_read.projection_positions (
    projection      text        NOT NULL,
    slot            text        NOT NULL DEFAULT 'live' CHECK (slot IN ('live', 'next')),
    version         integer     NOT NULL,
    position        bigint      NOT NULL,
    generation      integer     NOT NULL DEFAULT 0,
    failed_position bigint,
    error           text,
    paused_at       timestamptz,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (projection, slot)
);
COMMENT ON TABLE hansard_read.projection_positions IS
    'How far each read model has come, and the event it stopped at.';

CREATE TABLE hansard_read.events_set_aside (
    projection   text        NOT NULL,
    slot         text        NOT NULL DEFAULT 'live' CHECK (slot IN ('live', 'next')),
    position     bigint      NOT NULL,
    error        text        NOT NULL,
    reason       text        NOT NULL,
    set_aside_at timestamptz NOT NULL,
    PRIMARY KEY (projection, slot, position)
);
COMMENT ON TABLE hansard_read.events_set_aside IS
    'Events that a read model was told to do without.';
"""

SESSION_LIST = """
ALTER TABLE hansard_read.sessions ADD COLUMN words tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, left(request, 100000))) STORED;
CREATE INDEX sessions_by_words ON hansard_read.sessions USING gin (words);
ALTER TABLE hansard_read.session_ends ADD COLUMN said text NOT NULL, ADD COLUMN words tsvector
    GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, left(said, 100000))) STORED;
CREATE INDEX session_ends_by_words ON hansard_read.session_ends USING gin (words);
"""

SUMS = """
    agent              text,
    department         text,
    peer               text,
    kind               text        NOT NULL,
    name               text,
    error              text,
    count              bigint      NOT NULL,
    durations          bigint      NOT NULL,
    duration_ms        double precision,
    latencies          bigint      NOT NULL,
    latency_ms         double precision,
    input_tokens       bigint,
    output_tokens      bigint,
    cache_read_tokens  bigint,
    cache_write_tokens bigint,
    cost_usd           numeric,
    priced             bigint      NOT NULL,
    first_recorded_at  timestamptz NOT NULL,
    last_recorded_at   timestamptz NOT NULL
"""

ACTIVITY = f"""
CREATE TABLE hansard_read.activity (
    position           bigint      NOT NULL PRIMARY KEY,
    recorded_at        timestamptz NOT NULL,
    session_id         uuid,
    task_id            uuid,
    agent              text,
    department         text,
    peer               text,
    kind               text        NOT NULL,
    name               text,
    error              text,
    duration_ms        double precision,
    latency_ms         double precision,
    input_tokens       bigint,
    output_tokens      bigint,
    cache_read_tokens  bigint,
    cache_write_tokens bigint,
    cost_usd           numeric
);
CREATE INDEX activity_by_session ON hansard_read.activity (session_id, position);
COMMENT ON TABLE hansard_read.activity IS
    'What counts in statistics, one row an event; kind says what.';

CREATE TABLE hansard_read.activity_rollup (
    level              smallint    NOT NULL,
    block              bigint      NOT NULL,
    {SUMS}
);
CREATE INDEX activity_rollup_by_block ON hansard_read.activity_rollup (level, block, kind);
COMMENT ON TABLE hansard_read.activity_rollup IS
    'Sums of activity over block * 2^level < position <= (block + 1) * 2^level.';

CREATE TABLE hansard_read.activity_days (
    day                date        NOT NULL,
    {SUMS}
);
CREATE INDEX activity_days_by_day ON hansard_read.activity_days (day);
COMMENT ON TABLE hansard_read.activity_days IS
    'Sums of activity over whole days (UTC), once they are over.';

CREATE TABLE hansard_read.activity_day_ends (
    day           date   NOT NULL,
    last_position bigint NOT NULL PRIMARY KEY
);
COMMENT ON TABLE hansard_read.activity_day_ends IS
    'The last fact of each day (UTC) that is over.';

CREATE TABLE hansard_read.activity_spread (
    level      smallint NOT NULL,
    block      bigint   NOT NULL,
    kind       text     NOT NULL,
    agent      text,
    department text,
    measure    text     NOT NULL,
    bucket     smallint NOT NULL,
    count      bigint   NOT NULL
);
CREATE INDEX activity_spread_by_block
    ON hansard_read.activity_spread (level, block, kind, measure);
CREATE TABLE hansard_read.activity_sessions (
    position        bigint  NOT NULL PRIMARY KEY,
    session_id      uuid    NOT NULL,
    opened_position bigint  NOT NULL,
    answers         bigint  NOT NULL,
    tokens          bigint  NOT NULL,
    cost_usd        numeric
);
CREATE INDEX activity_sessions_by_cost ON hansard_read.activity_sessions
    (cost_usd DESC NULLS LAST, tokens DESC, session_id);
COMMENT ON TABLE hansard_read.activity_sessions IS
    'What the answers of each session that has ended took; position is that of its end.';
COMMENT ON TABLE hansard_read.activity_spread IS
    'How durations and latencies of a block are spread: ms + 1 >= 2^(bucket / 8).';
"""

TASK_TREE = """
CREATE TABLE hansard_read.tasks (
    task_id     uuid        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    session_id  uuid        NOT NULL,
    parent_id   uuid,
    key         text        NOT NULL,
    title       text        NOT NULL,
    department  text,
    holder      text        NOT NULL,
    depends_on  uuid[]      NOT NULL
);
CREATE INDEX tasks_by_session ON hansard_read.tasks (session_id, position);
COMMENT ON TABLE hansard_read.tasks IS 'Every task and who made it.';

CREATE TABLE hansard_read.task_starts (
    position    bigint      NOT NULL PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    task_id     uuid        NOT NULL,
    agent       text        NOT NULL
);
CREATE INDEX task_starts_by_task ON hansard_read.task_starts (task_id, position);
COMMENT ON TABLE hansard_read.task_starts IS 'Who took up a task, and when.';

CREATE TABLE hansard_read.task_ends (
    task_id     uuid        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    outcome     text        NOT NULL,
    detail      text        NOT NULL
);
COMMENT ON TABLE hansard_read.task_ends IS
    'How each task ended; detail is the first part of its result, or the reason.';
"""

PROJECTION_TABLES = """
CREATE TABLE hansard_read.projection_tables (
    name       text NOT NULL PRIMARY KEY,
    projection text NOT NULL
);
COMMENT ON TABLE hansard_read.projection_tables IS
    'Which tables each read model is made of: what a rebuild makes anew and exchanges.';
INSERT INTO hansard_read.projection_tables (projection, name) VALUES
    ('session_list', 'sessions'), ('session_list', 'session_ends'),
    ('conversation_history', 'turns'),
    ('delegation_audit', 'delegations'),
    ('activity', 'activity'), ('activity', 'activity_rollup'), ('activity', 'activity_days'),
    ('activity', 'activity_day_ends'), ('activity', 'activity_sessions'),
    ('activity', 'activity_spread'),
    ('task_tree', 'tasks'), ('task_tree', 'task_starts'), ('task_tree', 'task_ends');
"""

# Whoever keeps the read models may not create tables in general: these functions, which run as
# their owner, copy and exchange those that projection_tables names, and no others.
REBUILDS = """
CREATE SCHEMA hansard_rebuild;

CREATE FUNCTION hansard_read.drop_rebuild(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT t.name FROM hansard_read.projection_tables AS t
                WHERE t.projection = wanted ORDER BY t.name LOOP
        EXECUTE format('DROP TABLE IF EXISTS hansard_rebuild.%I', name);
    END LOOP;
END $$;
COMMENT ON FUNCTION hansard_read.drop_rebuild IS 'Give up the tables that are being built anew.';

CREATE FUNCTION hansard_read.begin_rebuild(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    PERFORM hansard_read.drop_rebuild(wanted);
    FOR name IN SELECT t.name FROM hansard_read.projection_tables AS t
                WHERE t.projection = wanted ORDER BY t.name LOOP
        PERFORM hansard_read.copy_shape(name);
    END LOOP;
END $$;
COMMENT ON FUNCTION hansard_read.begin_rebuild IS
    'Make empty tables in hansard_rebuild, shaped as those of a read model.';

CREATE FUNCTION hansard_read.copy_shape(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    live   regclass := format('hansard_read.%I', name)::regclass;
    parted text := pg_get_partkeydef(live);
    part   record;
BEGIN
    EXECUTE format('CREATE TABLE hansard_rebuild.%I (LIKE %s INCLUDING ALL) %s', name, live,
        'PARTITION BY ' || parted);
    PERFORM hansard_read.copy_properties(name);
    FOR part IN SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
                FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
                WHERE i.inhparent = live ORDER BY c.relname LOOP
        EXECUTE format('CREATE TABLE hansard_rebuild.%I PARTITION OF hansard_rebuild.%I %s',
            part.name, name, part.bound);
        PERFORM hansard_read.copy_properties(part.name);
    END LOOP;
END $$;

-- What LIKE leaves out: the comment, storage parameters, and who may do what, whoever granted it.
CREATE FUNCTION hansard_read.copy_properties(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    live    regclass := format('hansard_read.%I', name)::regclass;
    options text;
    given   record;
BEGIN
    EXECUTE format('COMMENT ON TABLE hansard_rebuild.%I IS %L', name,
        obj_description(live, 'pg_class'));
    SELECT string_agg(format('%s%I = %L', o.prefix, split_part(o.value, '=', 1),
        substr(o.value, strpos(o.value, '=') + 1)), ', ') INTO options
    FROM (SELECT '' AS prefix, unnest(c.reloptions) AS value FROM pg_class AS c WHERE c.oid = live
          UNION ALL
          SELECT 'toast.', unnest(t.reloptions)
          FROM pg_class AS c JOIN pg_class AS t ON t.oid = c.reltoastrelid
          WHERE c.oid = live) AS o;
    IF options IS NOT NULL THEN
        EXECUTE format('ALTER TABLE hansard_rebuild.%I SET (%s)', name, options);
    END IF;
    FOR given IN
        SELECT a.privilege_type AS right, '' AS columns, a.grantee, a.is_grantable
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.oid = live AND a.grantee <> c.relowner
        UNION ALL
        SELECT a.privilege_type, format(' (%I)', t.attname), a.grantee, a.is_grantable
        FROM pg_class AS c JOIN pg_attribute AS t ON t.attrelid = c.oid,
            aclexplode(t.attacl) AS a
        WHERE c.oid = live AND a.grantee <> c.relowner AND NOT t.attisdropped
    LOOP
        EXECUTE format('GRANT %s%s ON hansard_rebuild.%I TO %s%s', given.right, given.columns, name,
            CASE WHEN given.grantee = 0 THEN 'PUBLIC'
                 ELSE quote_ident(pg_get_userbyid(given.grantee)) END,
            CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END $$;

CREATE FUNCTION hansard_read.indexes_of(tables text[]) RETURNS TABLE (place text, name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(' ', t.relname, x.indisunique, x.indisprimary, y.shape,
            row_number() OVER (PARTITION BY t.oid, x.indisunique, x.indisprimary, y.shape
                               ORDER BY i.oid)), i.relname  -- copies are made in this order
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
    CROSS JOIN LATERAL regexp_replace(pg_get_indexdef(i.oid), '^.*? USING ', '') AS y (shape)
    JOIN pg_class AS t ON t.oid = x.indrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    WHERE n.nspname = 'hansard_read' AND t.relname = ANY (tables)
$$;

CREATE FUNCTION hansard_read.take_place(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names  text[];
    former jsonb;
    each   text;
    index  record;
BEGIN
    SELECT array_agg(c.relname::text ORDER BY c.relname) INTO names
    FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = format('hansard_read.%I', name)::regclass;
    names := name || coalesce(names, '{}');
    SELECT jsonb_object_agg(x.place, x.name) INTO former FROM hansard_read.indexes_of(names) AS x;
    EXECUTE format('DROP TABLE hansard_read.%I', name);
    FOREACH each IN ARRAY names LOOP
        EXECUTE format('ALTER TABLE hansard_rebuild.%I SET SCHEMA hansard_read', each);
    END LOOP;
    FOR index IN SELECT x.place, x.name FROM hansard_read.indexes_of(names) AS x
                 WHERE former ->> x.place <> x.name LOOP
        EXECUTE format('ALTER INDEX hansard_read.%I RENAME TO %I', index.name,
            former ->> index.place);
    END LOOP;
END $$;

CREATE FUNCTION hansard_read.finish_rebuild(wanted text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    name text;
BEGIN
    LOCK TABLE hansard_read.projection_tables IN ACCESS EXCLUSIVE MODE;  -- readers hold it
    FOR name IN SELECT t.name FROM hansard_read.projection_tables AS t
                WHERE t.projection = wanted ORDER BY t.name LOOP
        PERFORM hansard_read.take_place(name);
    END LOOP;
END $$;
COMMENT ON FUNCTION hansard_read.finish_rebuild IS
    'Put the tables that were built anew in the place of the live ones.';
"""

RIGHTS = """
GRANT USAGE ON SCHEMA hansard_rebuild TO hansard_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA hansard_read TO hansard_reader;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA hansard_read TO hansard_writer;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON hansard_read.projection_tables FROM hansard_writer;
REVOKE ALL ON FUNCTION hansard_read.drop_rebuild, hansard_read.begin_rebuild,
    hansard_read.finish_rebuild, hansard_read.copy_shape, hansard_read.copy_properties,
    hansard_read.indexes_of, hansard_read.take_place FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hansard_read.drop_rebuild, hansard_read.begin_rebuild,
    hansard_read.finish_rebuild TO hansard_writer;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON ALL TABLES IN SCHEMA hansard_read TO hansard_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Start the read models anew, with the new tables."""
    for statements in (
        START_ANEW,
        POSITIONS,
        SESSION_LIST,
        ACTIVITY,
        TASK_TREE,
        PROJECTION_TABLES,
        REBUILDS,
        RIGHTS,
    ):
        op.execute(statements)
