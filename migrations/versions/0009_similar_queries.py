"""Create the items of similar-query search, and the tables of the vectors that embedders make."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ITEMS = """
CREATE TABLE hansard_read.similar_items (
    position        bigint      NOT NULL PRIMARY KEY,
    recorded_at     timestamptz NOT NULL,
    said_at         timestamptz NOT NULL,
    tenant          text        NOT NULL,
    session_id      uuid,
    subject         text,
    conversation_id uuid        NOT NULL,
    turn_id         uuid        NOT NULL,
    kind            text        NOT NULL,
    speaker         text        NOT NULL,
    agent           text,
    text            text        NOT NULL,
    words           sparsevec(1000000000) NOT NULL
);
CREATE INDEX similar_items_by_tenant ON hansard_read.similar_items (tenant, position);
CREATE INDEX similar_items_by_session ON hansard_read.similar_items (session_id, position);
CREATE INDEX similar_items_by_conversation
    ON hansard_read.similar_items (conversation_id, position);
COMMENT ON TABLE hansard_read.similar_items IS
    'Every query of a user and every answer to one, with the weights of its words.';
INSERT INTO hansard_read.projection_tables (projection, name)
VALUES ('similar_queries', 'similar_items');
"""

MODELS = """
CREATE SCHEMA hansard_search;

CREATE TABLE hansard_search.models (
    id            integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    embedder      text        NOT NULL,
    name          text        NOT NULL,
    dimensions    integer     NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    items_version integer     NOT NULL,
    state         text        NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    is_trial      boolean     NOT NULL DEFAULT false,
    position      bigint      NOT NULL DEFAULT 0,
    comparison    jsonb,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    live_at       timestamptz,
    retired_at    timestamptz
);
CREATE UNIQUE INDEX models_in_state ON hansard_search.models (state) WHERE state <> 'retired';
COMMENT ON TABLE hansard_search.models IS
    'Embedders whose vectors are kept: one live, which searches use, and one that is being built.';
COMMENT ON COLUMN hansard_search.models.embedder IS 'Its name in the settings.';
COMMENT ON COLUMN hansard_search.models.name IS 'Its own name, with its version.';
COMMENT ON COLUMN hansard_search.models.is_trial IS
    'Whether it is built to be compared alone, and never takes the place of the live one.';
COMMENT ON COLUMN hansard_search.models.items_version IS
    'Version of the read model similar_queries whose items its rows were made of.';
COMMENT ON COLUMN hansard_search.models.position IS
    'Position up to which every item has its row.';

CREATE TABLE hansard_search.scopes (
    model     integer NOT NULL REFERENCES hansard_search.models,
    tenant    text    NOT NULL,
    items     bigint  NOT NULL,
    has_graph boolean NOT NULL DEFAULT false,
    PRIMARY KEY (model, tenant)
) WITH (fillfactor = 50);
COMMENT ON TABLE hansard_search.scopes IS
    'How many rows each tenant has, and whether they have indexes for large scopes.';

CREATE TABLE hansard_search.dead_letters (
    model     integer     NOT NULL REFERENCES hansard_search.models,
    position  bigint      NOT NULL,
    attempts  integer     NOT NULL,
    error     text        NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (model, position)
);
COMMENT ON TABLE hansard_search.dead_letters IS
    'Items that an embedder refused for good; they are found by their words alone.';

CREATE TABLE hansard_search.queries (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tenant   text        NOT NULL,
    position bigint      NOT NULL,
    text     text        NOT NULL
);
COMMENT ON TABLE hansard_search.queries IS
    'Some of the newest searches, on which a new embedder is compared with the old one.';
"""

# Rows of a tenant lie together, because tenants are spread over partitions. A search reads all of
# them, so whole rows up to 8 kB stay in the table itself, and what every search reads stands first.
ROWS = """
CREATE FUNCTION hansard_search.vector_schema() RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'vector'
$$;

CREATE FUNCTION hansard_search.create_rows(wanted integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    width  integer;
    rows   text := 'hansard_search.rows_' || wanted;
    bucket integer;
BEGIN
    SELECT m.dimensions INTO STRICT width FROM hansard_search.models AS m WHERE m.id = wanted;
    EXECUTE format(
        'CREATE TABLE %1$s (
             position   bigint   NOT NULL,
             ordinal    bigint   NOT NULL,
             session_id uuid,
             bucket     smallint NOT NULL,
             embedding  %2$I.halfvec(%3$s),
             words      %2$I.sparsevec(1000000000) NOT NULL,
             tenant     text     NOT NULL,
             kind       text     NOT NULL,
             agent      text,
             subject    text
         ) PARTITION BY LIST (bucket)', rows, hansard_search.vector_schema(), width);
    EXECUTE format('CREATE UNIQUE INDEX rows_%2$s_by_tenant ON %1$s (bucket, tenant, position)',
        rows, wanted);
    EXECUTE format('CREATE INDEX rows_%2$s_by_session ON %1$s (session_id, position)',
        rows, wanted);
    FOR bucket IN 0..63 LOOP
        EXECUTE format('CREATE TABLE %1$s_%2$s PARTITION OF %1$s FOR VALUES IN (%2$s)'
            ' WITH (toast_tuple_target = 8160)', rows, bucket);
    END LOOP;
    EXECUTE format('GRANT SELECT ON %s TO hansard_reader', rows);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO hansard_writer', rows);
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE format('GRANT MAINTAIN ON %s TO hansard_writer', rows);
        FOR bucket IN 0..63 LOOP
            EXECUTE format('GRANT MAINTAIN ON %s_%s TO hansard_writer', rows, bucket);
        END LOOP;
    END IF;
END $$;
COMMENT ON FUNCTION hansard_search.create_rows IS 'Make the table of the rows of a model.';

CREATE FUNCTION hansard_search.drop_rows(wanted integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM hansard_search.models AS m
               WHERE m.id = wanted AND m.state <> 'live') THEN
        EXECUTE format('DROP TABLE IF EXISTS hansard_search.rows_%s', wanted);
    END IF;
END $$;
COMMENT ON FUNCTION hansard_search.drop_rows IS
    'Drop the rows of a model that no search uses.';
"""

# Made for tenants with very many rows alone: such indexes make writing slow.
LARGE_SCOPES = """
CREATE FUNCTION hansard_search.terms(words sparsevec) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ('{' || regexp_replace(split_part(substr(words::text, 2), '}', 1), ':[^,]*', '', 'g')
        || '}')::integer[]
$$;
COMMENT ON FUNCTION hansard_search.terms IS 'Name the dimensions of weights that are not zero.';

CREATE FUNCTION hansard_search.create_graph(wanted integer, bucket integer, tenant text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' AS $$
DECLARE
    leaf text := format('hansard_search.rows_%s_%s', wanted, bucket);
    name text := format('rows_%s_%s_%s', wanted, bucket, substr(md5(tenant), 1, 12));
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s USING hnsw (embedding %I.halfvec_ip_ops)'
        ' WHERE tenant = %L', name || '_graph', leaf, hansard_search.vector_schema(), tenant);
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s USING gin (hansard_search.terms(words))'
        ' WHERE tenant = %L', name || '_terms', leaf, tenant);
END $$;
COMMENT ON FUNCTION hansard_search.create_graph IS
    'Make the indexes that searches in very many rows of one tenant use.';
"""

RIGHTS = """
GRANT SELECT ON hansard_read.similar_items TO hansard_reader;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON hansard_read.similar_items TO hansard_writer;
GRANT USAGE ON SCHEMA hansard_search TO hansard_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA hansard_search TO hansard_reader;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hansard_search TO hansard_writer;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hansard_search FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hansard_search.terms TO hansard_reader;
GRANT EXECUTE ON FUNCTION hansard_search.create_rows, hansard_search.drop_rows,
    hansard_search.create_graph TO hansard_writer;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON hansard_read.similar_items TO hansard_writer;
        GRANT MAINTAIN ON ALL TABLES IN SCHEMA hansard_search TO hansard_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Create the tables, and the functions that make and drop the rows of a model."""
    for statements in (ITEMS, MODELS, ROWS, LARGE_SCOPES, RIGHTS):
        op.execute(statements)
