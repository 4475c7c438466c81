"""SQL statements of the event log."""

from __future__ import annotations

LOG = 1
"""Number of the one log a database holds today; the tables have room for more."""

LOCK_KEY = 0x48414E53_00000000 + LOG
"""Advisory lock that orders all appends to the log (`HANS` in ASCII, then its number)."""

COLUMNS = (
    "position, stream, version, event_id, type, schema_version, tenant, session_id, actor,"
    " correlation_id, causation_id, traceparent, occurred_at, recorded_at, payload"
)

LOCK = "SELECT pg_advisory_xact_lock(%s)"

TAIL = """
SELECT coalesce(max(tail.position), 0),
       greatest(clock_timestamp(), max(tail.recorded_at))
FROM (SELECT position, recorded_at FROM hansard.events WHERE log = %s
      ORDER BY position DESC LIMIT 1) AS tail
"""

HEADS = "SELECT stream, version FROM hansard.stream_heads WHERE log = %s AND stream = ANY(%s)"

KNOWN = """
SELECT e.event_id, e.position, e.stream, e.version, e.recorded_at
FROM hansard.event_ids AS i
JOIN hansard.events AS e ON e.log = i.log AND e.position = i.position
WHERE i.log = %s AND i.event_id = ANY(%s)
"""

INSERT_EVENTS = f"""
INSERT INTO hansard.events (log, {COLUMNS})
SELECT %s, * FROM unnest(
    %s::bigint[], %s::uuid[], %s::integer[], %s::uuid[], %s::text[], %s::smallint[], %s::text[],
    %s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[],
    %s::timestamptz[], %s::bytea[])
"""  # noqa: S608 - built from constants of this module

INSERT_IDS = """
INSERT INTO hansard.event_ids (log, event_id, position)
SELECT %s, * FROM unnest(%s::uuid[], %s::bigint[])
"""

UPSERT_HEADS = """
INSERT INTO hansard.stream_heads AS heads (log, stream, version)
SELECT %s, * FROM unnest(%s::uuid[], %s::integer[])
ON CONFLICT (log, stream) DO UPDATE SET version = excluded.version
"""

INSERT_TIME = """
INSERT INTO hansard.time_index (log, recorded_at, position) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""

SELECT_STREAM = f"""
SELECT {COLUMNS} FROM hansard.events
WHERE log = %s AND stream = %s AND version > %s AND version <= %s
ORDER BY version {{direction}} LIMIT %s
"""  # noqa: S608 - built from constants of this module

SELECT_LOG = f"""
SELECT {COLUMNS} FROM hansard.events
WHERE log = %(log)s AND position > %(after)s AND position <= %(until)s {{filters}}
ORDER BY position LIMIT %(limit)s
"""  # noqa: S608 - built from constants of this module

LAST_POSITION = "SELECT max(position) FROM hansard.events WHERE log = %s"

POSITION_OF = "SELECT position FROM hansard.event_ids WHERE log = %s AND event_id = %s"

POSITION_AT = """
WITH bracket AS (
    SELECT
        coalesce((SELECT position FROM hansard.time_index WHERE log = %(log)s
                  AND recorded_at <= %(moment)s ORDER BY recorded_at DESC LIMIT 1), 0) AS low,
        coalesce((SELECT position FROM hansard.time_index WHERE log = %(log)s
                  AND recorded_at > %(moment)s ORDER BY recorded_at LIMIT 1),
                 9223372036854775807) AS high)
SELECT max(position) FROM hansard.events, bracket
WHERE log = %(log)s AND position >= bracket.low AND position < bracket.high
  AND recorded_at <= %(moment)s
"""
