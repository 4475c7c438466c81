"""SQL statements of the models of meaning and of the worker that keeps their rows."""

from __future__ import annotations

from infrastructure.database.connection import NOTICE_DEATH

MODELS_LOCK_KEY = 0x48414E53_4D4F4445
"""Advisory lock under which models are made and exchanged (`HANSMODE` in ASCII)."""

ERASING_LOCK_KEY = 0x48414E53_53494D49
"""Advisory lock that erasure takes alone, and each batch of rows with others (`HANSSIMI`)."""

NAMESPACE = "hansard.embedding"
"""First key of the advisory locks that say who keeps a model's rows; the second is its number."""

SETTINGS = f"""
SELECT set_config('synchronous_commit', 'off', false), set_config('jit', 'off', false),
       {NOTICE_DEATH}
"""
"""Rows and position are kept or lost together, so a crash may lose the newest: they are made again.
The rest lets the server free the models of a machine that went dark."""

LEAD = """
SELECT pg_try_advisory_lock(hashtext(%(namespace)s), %(model)s)
"""

LOCK_MODELS = f"SELECT pg_advisory_xact_lock({MODELS_LOCK_KEY})"

LOCK_ERASING = f"SELECT pg_advisory_xact_lock({ERASING_LOCK_KEY})"

LOCK_ERASING_SHARED = f"SELECT pg_advisory_xact_lock_shared({ERASING_LOCK_KEY})"

ITEMS = """
SELECT version, position FROM hansard_read.projection_positions
WHERE projection = 'similar_queries' AND slot = 'live'
"""

MODELS = """
SELECT m.id, m.embedder, m.name, m.dimensions, m.items_version, m.state, m.is_trial, m.position,
       m.comparison, m.created_at, m.live_at, m.retired_at,
       (SELECT count(*) FROM hansard_search.dead_letters AS d WHERE d.model = m.id),
       to_regclass('hansard_search.rows_' || m.id) IS NOT NULL
FROM hansard_search.models AS m ORDER BY m.id
"""

ADD_MODEL = """
INSERT INTO hansard_search.models (embedder, name, dimensions, items_version, state, is_trial,
                                   live_at)
VALUES (%(embedder)s, %(name)s, %(dimensions)s, %(items_version)s, %(state)s::text, %(is_trial)s,
        CASE WHEN %(state)s = 'live' THEN clock_timestamp() END)
RETURNING id
"""

CREATE_ROWS = "SELECT hansard_search.create_rows(%(model)s)"

DROP_ROWS = "SELECT hansard_search.drop_rows(%(model)s)"

CREATE_GRAPH = "SELECT hansard_search.create_graph(%(model)s, %(bucket)s, %(tenant)s)"

RETIRE = """
UPDATE hansard_search.models SET state = 'retired', retired_at = clock_timestamp()
WHERE state = %(state)s
"""

GO_LIVE = """
UPDATE hansard_search.models
SET state = 'live', live_at = clock_timestamp(), comparison = %(comparison)s
WHERE id = %(model)s AND state = 'building'
"""

FORGET_SCOPES = "DELETE FROM hansard_search.scopes WHERE model = %(model)s"

FORGET_LETTERS = "DELETE FROM hansard_search.dead_letters WHERE model = %(model)s"

PENDING_ITEMS = """
SELECT position, tenant, agent, left(text, %(length)s), hashtext(text)
FROM hansard_read.similar_items
WHERE position > %(after)s ORDER BY position LIMIT %(limit)s
"""

# What was erased since it was read finds no item any more, or another text.
ADD_ROWS = """
WITH made AS (
    INSERT INTO hansard_search.{rows} (bucket, tenant, position, ordinal, session_id, subject,
                                       kind, agent, embedding, words)
    SELECT b.bucket, i.tenant, i.position,
           coalesce(s.items, 0) + row_number() OVER (PARTITION BY i.tenant ORDER BY i.position),
           i.session_id, i.subject, i.kind, i.agent, b.embedding, i.words
    FROM unnest(%(positions)s::bigint[], %(buckets)s::smallint[], %(hashes)s::integer[],
                %(embeddings)s::halfvec[]) AS b (position, bucket, hash, embedding)
    JOIN hansard_read.similar_items AS i
      ON i.position = b.position AND hashtext(i.text) = b.hash
    LEFT JOIN hansard_search.scopes AS s ON s.model = %(model)s AND s.tenant = i.tenant
    RETURNING tenant
)
INSERT INTO hansard_search.scopes AS s (model, tenant, items)
SELECT %(model)s, tenant, count(*) FROM made GROUP BY tenant ORDER BY tenant
ON CONFLICT (model, tenant) DO UPDATE SET items = s.items + excluded.items
"""

ADD_LETTER = """
INSERT INTO hansard_search.dead_letters AS d (model, position, attempts, error)
VALUES (%(model)s, %(position)s, 1, %(error)s)
ON CONFLICT (model, position) DO UPDATE
SET attempts = d.attempts + 1, error = excluded.error, failed_at = clock_timestamp()
"""

# The fence: who was overtaken, or whose model was exchanged, changes nothing.
ADVANCE = """
UPDATE hansard_search.models AS m SET position = %(until)s
FROM hansard_read.projection_positions AS p
WHERE m.id = %(model)s AND m.position = %(after)s AND m.state <> 'retired'
  AND p.projection = 'similar_queries' AND p.slot = 'live' AND p.version = m.items_version
"""

GROWN_TENANTS = """
SELECT tenant FROM hansard_search.scopes
WHERE model = %(model)s AND items > %(items)s AND NOT has_graph ORDER BY tenant
"""

NOTE_GRAPH = """
UPDATE hansard_search.scopes SET has_graph = true WHERE model = %(model)s AND tenant = %(tenant)s
"""

LETTERS = """
SELECT m.name, d.position, i.session_id, d.attempts, d.error, d.failed_at
FROM hansard_search.dead_letters AS d JOIN hansard_search.models AS m ON m.id = d.model
LEFT JOIN hansard_read.similar_items AS i ON i.position = d.position
WHERE m.state <> 'retired' ORDER BY d.position, m.id
"""

LETTER_ITEMS = """
SELECT i.position, i.tenant, i.agent, left(i.text, %(length)s), hashtext(i.text)
FROM hansard_search.dead_letters AS d JOIN hansard_read.similar_items AS i USING (position)
WHERE d.model = %(model)s ORDER BY i.position
"""

SET_EMBEDDING = """
UPDATE hansard_search.{rows} AS r SET embedding = %(embedding)s::halfvec
FROM hansard_read.similar_items AS i
WHERE r.bucket = %(bucket)s AND r.tenant = %(tenant)s AND r.position = %(position)s
  AND i.position = r.position AND hashtext(i.text) = %(hash)s
"""

DROP_LETTER = """
DELETE FROM hansard_search.dead_letters WHERE model = %(model)s AND position = %(position)s
"""

ERASE_ROWS = """
DELETE FROM hansard_search.{rows} AS r
WHERE r.session_id = ANY(%(sessions)s)
  AND NOT EXISTS (SELECT FROM hansard_read.similar_items AS i WHERE i.position = r.position)
RETURNING r.position
"""

ERASE_LETTERS = "DELETE FROM hansard_search.dead_letters WHERE position = ANY(%(positions)s)"

FORGET_QUERIES = "DELETE FROM hansard_search.queries"

LOG_QUERY = """
INSERT INTO hansard_search.queries (tenant, position, text)
VALUES (%(tenant)s, %(position)s, %(text)s)
"""

TRIM_QUERIES = """
DELETE FROM hansard_search.queries
WHERE id <= (SELECT max(id) FROM hansard_search.queries) - %(most)s
   OR asked_at < clock_timestamp() - make_interval(days => %(days)s)
"""

LOGGED_QUERIES = """
SELECT DISTINCT ON (tenant, text) tenant, position, text FROM hansard_search.queries
ORDER BY tenant, text, id DESC LIMIT %(limit)s
"""
