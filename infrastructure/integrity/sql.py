"""SQL statements of integrity."""

from __future__ import annotations

LOG = 1
"""Number of the one log a database holds today."""

LOCK_KEY = 0x48414E53_54524545
"""Advisory lock that lets one process checkpoint at a time (`HANSTREE` in ASCII)."""

FIELDS = (
    "position, stream, version, event_id, type, schema_version, tenant, session_id, actor,"
    " correlation_id, causation_id, traceparent, subject, occurred_at, recorded_at, payload"
)

TRY_LOCK = f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})"
LOCK = f"SELECT pg_advisory_xact_lock({LOCK_KEY})"

LOG_ID = "SELECT log_id FROM hansard.logs WHERE log = %s"

LAST_POSITION = "SELECT max(position) FROM hansard.events WHERE log = %s"

# The sum stops a page of large payloads; the first event always comes.
_MEASURED = f"""
SELECT {FIELDS} FROM (
    SELECT *, coalesce(sum(octet_length(payload)) OVER before_it, 0) AS before
    FROM ({{inner}}) AS page
    WINDOW before_it AS (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS measured
WHERE before < %(bytes)s
ORDER BY position
"""  # noqa: S608 - built from constants of this module

PAGE = _MEASURED.format(
    inner=f"SELECT {FIELDS} FROM hansard.events"  # noqa: S608 - as above
    " WHERE log = %(log)s AND position > %(after)s AND position <= %(until)s"
)

SESSION_PAGE = _MEASURED.format(
    inner=f"SELECT {FIELDS} FROM hansard.events"  # noqa: S608 - as above
    " WHERE log = %(log)s AND session_id = %(session)s AND position > %(after)s"
    " ORDER BY position LIMIT %(limit)s"
)

# Written so that the index by type is used however few the events are, as reading for their meaning
# does it.
TYPES_PAGE = _MEASURED.format(
    inner=f"SELECT {FIELDS} FROM hansard.events"  # noqa: S608 - as above
    " WHERE log = %(log)s AND position = ANY(ARRAY("
    "SELECT found.position FROM unnest(%(types)s::text[]) AS wanted (type)"
    " CROSS JOIN LATERAL (SELECT t.position FROM hansard.events AS t"
    " WHERE t.log = %(log)s AND t.type = wanted.type"
    " AND t.position > %(after)s AND t.position <= %(until)s"
    " ORDER BY t.position LIMIT %(limit)s) AS found"
    " ORDER BY found.position LIMIT %(limit)s))"
)

# The leaf as `leaf.leaf_of` makes it: for checkpoints, which then need not fetch the events.
# 262,968 hours lie between 1970 and 2000, from where PostgreSQL counts its microseconds.
LEAF_HASHES = r"""
SELECT position, sha256(
    '\x0068616e736172642d6576656e742d76310a'
    || '\x00000008'::bytea || int8send(position)
    || '\x00000010'::bytea || uuid_send(stream)
    || '\x00000004'::bytea || int4send(version)
    || '\x00000010'::bytea || uuid_send(event_id)
    || int4send(octet_length(type)) || convert_to(type, 'UTF8')
    || '\x00000002'::bytea || int2send(schema_version)
    || int4send(octet_length(tenant)) || convert_to(tenant, 'UTF8')
    || coalesce('\x00000010'::bytea || uuid_send(session_id), '\xffffffff')
    || int4send(octet_length(actor)) || convert_to(actor, 'UTF8')
    || '\x00000010'::bytea || uuid_send(correlation_id)
    || coalesce('\x00000010'::bytea || uuid_send(causation_id), '\xffffffff')
    || coalesce(int4send(octet_length(traceparent)) || convert_to(traceparent, 'UTF8'),
                '\xffffffff')
    || coalesce(int4send(octet_length(subject)) || convert_to(subject, 'UTF8'), '\xffffffff')
    || '\x00000008'::bytea || timestamptz_send(occurred_at + interval '262968 hours')
    || '\x00000008'::bytea || timestamptz_send(recorded_at + interval '262968 hours')
    || int4send(octet_length(payload)) || payload)
FROM hansard.events
WHERE log = %(log)s AND position > %(after)s AND position <= %(until)s
ORDER BY position
"""

LAST_CHECKPOINT = """
SELECT note FROM hansard.checkpoints WHERE log = %s ORDER BY position DESC LIMIT 1
"""

CHECKPOINT_AT = "SELECT note FROM hansard.checkpoints WHERE log = %s AND position = %s"

CHECKPOINTS = """
SELECT position, root, note FROM hansard.checkpoints WHERE log = %s AND position > %s
ORDER BY position LIMIT %s
"""

INSERT_CHECKPOINT = """
INSERT INTO hansard.checkpoints (log, position, root, signed_at, note)
VALUES (%s, %s, %s, clock_timestamp(), %s)
"""

TILE = "SELECT hashes FROM hansard.tiles WHERE log = %s AND level = %s AND tile = %s"

TILES = """
SELECT tile, hashes FROM hansard.tiles
WHERE log = %s AND level = %s AND tile >= %s AND tile < %s ORDER BY tile
"""

INSERT_TILES = """
INSERT INTO hansard.tiles (log, level, tile, hashes)
SELECT %s, level, tile, hashes
FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[]) AS t (level, tile, hashes)
ORDER BY level, tile
"""

MISNAMED = """
SELECT min(e.position) FROM hansard.events AS e
LEFT JOIN hansard.event_ids AS i ON i.log = e.log AND i.event_id = e.event_id
WHERE e.log = %s AND e.position > %s AND e.position <= %s AND i.position IS DISTINCT FROM e.position
"""

COUNT_IDS = "SELECT count(*) FROM hansard.event_ids WHERE log = %s AND position <= %s"

HEADS = """
SELECT stream, version FROM hansard.stream_heads WHERE log = %s AND stream > %s
ORDER BY stream LIMIT %s
"""

HEADS_OF = """
SELECT stream, version FROM hansard.stream_heads WHERE log = %s AND stream = ANY(%s)
"""

NEWEST_VERSION = """
SELECT greatest((SELECT max(e.version) FROM hansard.events AS e
                 WHERE e.log = w.log AND e.stream = w.stream),
                (SELECT max(c.version) FROM hansard.archive_contents AS c
                 WHERE c.log = w.log AND c.id = w.stream))
FROM (VALUES (%s::smallint, %s::uuid)) AS w (log, stream)
"""

# Versions up to the newest that is in an archive were archived without a gap.
COUNT_VERSIONS = """
SELECT (SELECT count(*) FROM hansard.events AS e
        WHERE e.log = w.log AND e.stream = w.stream
          AND e.version > greatest(w.above, w.archived) AND e.version < w.below)
       + greatest(least(w.archived, w.below - 1) - w.above, 0)
FROM (SELECT g.*, coalesce((SELECT max(c.version) FROM hansard.archive_contents AS c
                            WHERE c.log = g.log AND c.id = g.stream), -1) AS archived
      FROM (VALUES (%s::smallint, %s::uuid, %s::integer, %s::integer))
           AS g (log, stream, above, below)) AS w
"""

STRAY = "SELECT min(position) FROM hansard.events WHERE log = %s AND position < 1"

NEWEST_SESSION = """
SELECT session_id FROM hansard.events WHERE log = %s AND type = 'session.opened'
ORDER BY position DESC LIMIT 1
"""
