"""SQL statements of the event log."""

from __future__ import annotations

LOG = 1
"""Number of the one log a database holds today; the tables have room for more."""

LOCK_KEY = 0x48414E53_00000000 + LOG
"""Advisory lock that `hansard.append` takes (`HANS` in ASCII, then the log's number)."""

COLUMNS = (
    "position, stream, version, event_id, type, schema_version, tenant, session_id, actor,"
    " correlation_id, causation_id, traceparent, subject, occurred_at, recorded_at, payload"
)

APPEND = "SELECT * FROM hansard.append(%b, %b)"

ENTRY_TYPES = """
SELECT 'hansard.entry'::regtype::oid::bigint, 'hansard.entry[]'::regtype::oid::bigint
"""

SELECT_POSITIONS = f"""
SELECT {COLUMNS} FROM hansard.events WHERE log = %s AND position = ANY(%s)
"""  # noqa: S608 - built from constants of this module

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
