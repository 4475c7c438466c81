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

# Under a stricter isolation, the snapshot would be older than the wait for the lock.
LOCK = f"""
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock({LOCK_KEY})
"""

TAIL = """
WITH tail AS (
    SELECT position, recorded_at FROM hansard.events WHERE log = %(log)s
    ORDER BY position DESC LIMIT 1
), stamp AS (
    SELECT greatest(clock_timestamp(), (SELECT recorded_at FROM tail)) AS recorded_at
)
SELECT coalesce((SELECT position FROM tail), 0), recorded_at,
       NOT EXISTS (SELECT FROM hansard.time_index AS i WHERE i.log = %(log)s
                   AND i.recorded_at > stamp.recorded_at - interval '1 second')
FROM stamp
"""

HEADS = "SELECT stream, version FROM hansard.stream_heads WHERE log = %s AND stream = ANY(%s)"

KNOWN = "SELECT position FROM hansard.event_ids WHERE log = %s AND event_id = ANY(%s)"

SELECT_POSITIONS = f"""
SELECT {COLUMNS} FROM hansard.events WHERE log = %s AND position = ANY(%s)
"""  # noqa: S608 - built from constants of this module

ENSURE_PARTITIONS = "SELECT hansard.ensure_partitions(%s)"

INSERT = f"""
WITH entry AS (
    SELECT %s AS log, * FROM unnest(
        %s::bigint[], %s::uuid[], %s::integer[], %s::uuid[], %s::text[], %s::smallint[],
        %s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::text[],
        %s::timestamptz[], %s::timestamptz[], %s::bytea[]) AS e ({COLUMNS})
), logged AS (
    INSERT INTO hansard.events (log, {COLUMNS}) SELECT log, {COLUMNS} FROM entry
), named AS (
    INSERT INTO hansard.event_ids (log, event_id, position)
    SELECT log, event_id, position FROM entry
)
INSERT INTO hansard.stream_heads AS heads (log, stream, version)
SELECT log, stream, max(version) FROM entry GROUP BY log, stream
ON CONFLICT (log, stream) DO UPDATE SET version = excluded.version
"""  # noqa: S608 - built from constants of this module

INSERT_TIME = "INSERT INTO hansard.time_index (log, recorded_at, position) VALUES (%s, %s, %s)"

SELECT_STREAM = f"""
SELECT {COLUMNS} FROM hansard.events
WHERE log = %s AND stream = %s AND version > %s AND version <= %s
ORDER BY version {{direction}} LIMIT %s
"""  # noqa: S608 - built from constants of this module

SELECT_PAGE = f"""
SELECT {COLUMNS} FROM (
    SELECT *, sum(octet_length(payload)) OVER (ORDER BY position) - octet_length(payload) AS before
    FROM (SELECT {COLUMNS} FROM hansard.events
          WHERE log = %(log)s AND position > %(after)s AND position <= %(until)s {{filters}}
          ORDER BY position LIMIT %(limit)s) AS page) AS measured
WHERE before < %(bytes)s
ORDER BY position
"""  # noqa: S608 - built from constants of this module

OF_SESSION = " AND session_id = %(session_id)s"

OF_TYPES = " AND type = ANY(%(types)s)"

# Written so that the index by type is used however few the events and old the statistics are:
# left to itself, the planner hopes to meet them by walking along the log.
OF_RARE_TYPES = """
AND position = ANY(ARRAY(
    SELECT found.position FROM unnest(%(types)s::text[]) AS wanted (type)
    CROSS JOIN LATERAL (SELECT t.position FROM hansard.events AS t
                        WHERE t.log = %(log)s AND t.type = wanted.type
                          AND t.position > %(after)s AND t.position <= %(until)s
                        ORDER BY t.position LIMIT %(limit)s) AS found
    ORDER BY found.position LIMIT %(limit)s))
"""

LAST_POSITION = "SELECT max(position) FROM hansard.events WHERE log = %s"

POSITION_OF = "SELECT position FROM hansard.event_ids WHERE log = %s AND event_id = %s"

# The time index only narrows the search: the answer is right wherever its rows stand.
POSITION_AT = """
SELECT position FROM hansard.events
WHERE log = %(log)s AND recorded_at <= %(moment)s
  AND position >= coalesce((SELECT i.position FROM hansard.time_index AS i
                            WHERE i.log = %(log)s AND i.recorded_at <= %(moment)s
                            ORDER BY i.recorded_at DESC LIMIT 1), 0)
  AND position < coalesce((SELECT i.position FROM hansard.time_index AS i
                           WHERE i.log = %(log)s AND i.recorded_at > %(moment)s
                           ORDER BY i.recorded_at LIMIT 1), 9223372036854775807)
ORDER BY position DESC LIMIT 1
"""
