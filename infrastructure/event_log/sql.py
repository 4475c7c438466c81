"""SQL statements of the event log."""

from __future__ import annotations

from functools import cache

LOG = 1
"""Number of the one log a database holds today; the tables have room for more."""

LOCK_KEY = 0x48414E53_00000000 + LOG
"""Advisory lock that `hansard.append` takes (`HANS` in ASCII, then the log's number)."""

COLUMNS = (
    "position, stream, version, event_id, type, schema_version, tenant, session_id, actor,"
    " correlation_id, causation_id, traceparent, subject, occurred_at, recorded_at, payload"
)

APPEND = "SELECT * FROM hansard.append(%b, %b)"

APPEND_FENCED = "SELECT * FROM hansard.append_fenced(%b, %b, %b::uuid[], %b::integer[])"

KEEP_TO_INDEXES = """
SELECT set_config(name, value, false)
FROM (VALUES ('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'),
             ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off')) AS choices (name, value)
"""

ENTRY_TYPES = """
SELECT 'hansard.entry'::regtype::oid::bigint, 'hansard.entry[]'::regtype::oid::bigint
"""

SELECT_POSITIONS = f"""
SELECT {COLUMNS} FROM hansard.events WHERE log = %(log)s AND position = ANY(%(positions)s)
"""  # noqa: S608 - built from constants of this module

# Large payloads come by SELECT_PAYLOADS, so that a page is never larger than memory.
PAGE_COLUMNS = COLUMNS.removesuffix("payload") + (
    "CASE WHEN octet_length(payload) <= %(small)s THEN payload END"
)

SELECT_PAGE = f"""
SELECT {PAGE_COLUMNS} FROM hansard.events
WHERE {{log}} = %(log)s AND position > %(after)s AND position <= %(until)s {{filters}}
ORDER BY {{order}} LIMIT %(limit)s
"""  # noqa: S608 - built from constants of this module

SELECT_PAYLOADS = """
SELECT position, payload FROM (
    SELECT position, payload,
           sum(octet_length(payload)) OVER (ORDER BY position {direction})
           - octet_length(payload) AS before
    FROM hansard.events WHERE log = %(log)s AND position = ANY(%(positions)s)) AS measured
WHERE before < %(bytes)s
"""

OF_STREAM = " AND stream = %(stream)s AND version > %(above)s AND version <= %(up_to)s"

OF_SESSION = " AND session_id = %(session_id)s"

# Where a partition holds few sessions, a kept plan hopes to meet any session by walking along the
# log, and reads the whole partition when it is not there. Said like this, no index but that by
# session gives the order.
PASSED_BY = "log + 0"

OF_TYPES = " AND type = ANY(%(types)s)"

# Written so that the index by type is used however few the events and old the statistics are:
# left to itself, the planner hopes to meet them by walking along the log.
OF_RARE_TYPES = """
AND position = ANY(ARRAY(
    SELECT found.position FROM unnest(%(types)s::text[]) AS wanted (type)
    CROSS JOIN LATERAL (SELECT t.position FROM hansard.events AS t
                        WHERE t.log = %(log)s AND t.type = wanted.type
                          AND t.position > %(after)s AND t.position <= %(until)s
                        ORDER BY t.position {direction} LIMIT %(limit)s) AS found
    ORDER BY found.position {direction} LIMIT %(limit)s))
"""

# A page that would begin in an archive comes back empty: whoever reads forward asks for archives
# then, and never otherwise, and what does come is known to be all there is.
NOT_ARCHIVED = """
AND NOT EXISTS (SELECT FROM hansard.archives AS a
                WHERE a.log = %(log)s AND a.last > %(after)s)
"""

SESSION_NOT_ARCHIVED = """
AND NOT EXISTS (SELECT FROM hansard.archive_contents AS c
                WHERE c.log = %(log)s AND c.id = %(session_id)s AND c.last > %(after)s)
"""

STREAM_NOT_ARCHIVED = """
AND NOT EXISTS (SELECT FROM hansard.archive_contents AS c
                WHERE c.log = %(log)s AND c.id = %(stream)s AND c.last > %(after)s
                  AND c.version > %(above)s)
"""


@cache
def page(*, of_stream: bool, of_session: bool, of_types: bool, backwards: bool) -> str:
    """Write the statement for a page of the log under some filters."""
    direction = "DESC" if backwards else "ASC"
    filters = (OF_STREAM if of_stream else "") + (OF_SESSION if of_session else "")
    if of_types:
        filters += OF_TYPES if filters else OF_RARE_TYPES.format(direction=direction)
    if not backwards and of_stream:
        filters += STREAM_NOT_ARCHIVED
    elif not backwards:
        filters += SESSION_NOT_ARCHIVED if of_session else NOT_ARCHIVED
    order = "version" if of_stream else "position"
    log = PASSED_BY if of_session else "log"
    return SELECT_PAGE.format(log=log, filters=filters, order=f"{order} {direction}")


LAST_POSITION = "SELECT max(position) FROM hansard.events WHERE log = %(log)s"

POSITION_OF = "SELECT position FROM hansard.event_ids WHERE log = %(log)s AND event_id = %(id)s"

# The time index only narrows the search: the answer is right wherever its rows stand. It is final
# when a later event is recorded already, because times never run backwards along the log.
POSITION_AT = """
SELECT
    (SELECT position FROM hansard.events
     WHERE log = %(log)s AND recorded_at <= %(moment)s
       AND position >= coalesce((SELECT i.position FROM hansard.time_index AS i
                                 WHERE i.log = %(log)s AND i.recorded_at <= %(moment)s
                                 ORDER BY i.recorded_at DESC LIMIT 1), 0)
       AND position < coalesce((SELECT i.position FROM hansard.time_index AS i
                                WHERE i.log = %(log)s AND i.recorded_at > %(moment)s
                                ORDER BY i.recorded_at LIMIT 1), 9223372036854775807)
     ORDER BY position DESC LIMIT 1) AS position,
    (SELECT recorded_at FROM hansard.events
     WHERE log = %(log)s ORDER BY position DESC LIMIT 1) > %(moment)s AS is_final
"""

AWAIT_APPENDS = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
"""Returns when the appends under way at its start are recorded or given up."""
