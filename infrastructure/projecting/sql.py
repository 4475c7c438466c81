"""SQL statements of the projection runner; `{schema}` and `{table}` are names of ours."""

from __future__ import annotations

from infrastructure.database.connection import NOTICE_DEATH

NAMESPACE = "hansard.projection"
"""First key of the advisory locks that say who leads a read model; the second is its name."""

LEASE = "15s"
"""For so long who leads may say nothing; the server then ends its connection."""

SETTINGS = f"""
SELECT set_config('synchronous_commit', 'off', false), set_config('jit', 'off', false),
       {NOTICE_DEATH},
       set_config('idle_in_transaction_session_timeout', %(lease)s, false),
       set_config('client_connection_check_interval',
                  CASE WHEN version() LIKE '%%linux%%' THEN '1s' ELSE '0' END, false)
"""
"""Rows and position are kept or lost together, so a crash may lose the newest: they are made again.
The rest lets the server free the read models of a process that hangs or died in the middle of a
statement, and of a machine that went dark."""

LEAD = """
SELECT name, set_config('idle_session_timeout', %(lease)s, false)
FROM unnest(%(names)s::text[]) AS wanted (name)
WHERE pg_try_advisory_lock(hashtext(%(namespace)s), hashtext(name))
"""

RELEASE = "SELECT pg_advisory_unlock_all(), set_config('idle_session_timeout', '0', false)"

ROWS = """
SELECT projection, slot, version, position, generation, failed_position, error, paused_at,
       updated_at
FROM hansard_read.projection_positions WHERE projection = ANY(%(names)s)
ORDER BY projection, slot
"""

LOCKED_ROWS = ROWS + "FOR UPDATE"

ADD_ROW = """
INSERT INTO hansard_read.projection_positions (projection, slot, version, position, updated_at)
VALUES (%(name)s, %(slot)s, %(version)s, 0, clock_timestamp()) ON CONFLICT DO NOTHING
"""

# The fence: who was overtaken, paused or told to look again finds no row.
ADVANCE = """
UPDATE hansard_read.projection_positions AS p
SET position = %(until)s, updated_at = clock_timestamp()
FROM unnest(%(names)s::text[], %(slots)s::text[], %(generations)s::int[])
     AS m (projection, slot, generation)
WHERE p.projection = m.projection AND p.slot = m.slot AND p.generation = m.generation
  AND p.position = %(after)s AND p.failed_position IS NULL AND p.paused_at IS NULL
"""

STOP = """
UPDATE hansard_read.projection_positions
SET failed_position = %(position)s, error = %(error)s, updated_at = clock_timestamp()
WHERE projection = %(name)s AND slot = %(slot)s AND generation = %(generation)s
  AND position + 1 = %(position)s
"""

PAUSE = """
UPDATE hansard_read.projection_positions
SET paused_at = coalesce(paused_at, clock_timestamp()) WHERE projection = %(name)s
"""

RESUME = """
UPDATE hansard_read.projection_positions
SET paused_at = NULL, failed_position = NULL, error = NULL, updated_at = clock_timestamp()
WHERE projection = %(name)s
"""

SET_ASIDE = """
INSERT INTO hansard_read.events_set_aside
    (projection, slot, position, error, reason, set_aside_at)
SELECT projection, slot, failed_position, error, %(reason)s, clock_timestamp()
FROM hansard_read.projection_positions
WHERE projection = %(name)s AND failed_position IS NOT NULL
ON CONFLICT DO NOTHING
RETURNING position
"""

ASIDE = """
SELECT projection, slot, position, error, reason, set_aside_at
FROM hansard_read.events_set_aside
WHERE projection = ANY(%(names)s) ORDER BY projection, slot, position
"""

ERASE_ERRORS = """
UPDATE hansard_read.events_set_aside AS a SET error = %(erased)s
FROM hansard.events AS e
WHERE a.projection = %(name)s AND e.log = 1 AND e.position = a.position
  AND e.session_id = %(session_id)s
"""

FORGET_ASIDE = """
DELETE FROM hansard_read.events_set_aside WHERE projection = %(name)s AND slot = %(slot)s
"""

ASIDE_GOES_LIVE = """
UPDATE hansard_read.events_set_aside SET slot = 'live'
WHERE projection = %(name)s AND slot = 'next'
"""

BEGIN_REBUILD = "SELECT hansard_read.begin_rebuild(%(name)s)"

FINISH_REBUILD = "SELECT hansard_read.finish_rebuild(%(name)s)"

DROP_REBUILD = "SELECT hansard_read.drop_rebuild(%(name)s)"

STOPPED_SUCCESSOR = """
SELECT failed_position, error FROM hansard_read.projection_positions
WHERE projection = %(name)s AND slot = 'next' AND failed_position IS NOT NULL FOR UPDATE
"""

DROP_ROW = """
DELETE FROM hansard_read.projection_positions
WHERE projection = %(name)s AND slot = %(slot)s
"""

GO_LIVE = """
UPDATE hansard_read.projection_positions SET slot = 'live', updated_at = clock_timestamp()
WHERE projection = %(name)s AND slot = 'next'
"""

LOOK_AGAIN = """
UPDATE hansard_read.projection_positions
SET generation = generation + 1, failed_position = NULL, error = NULL,
    updated_at = clock_timestamp()
WHERE projection = %(name)s AND slot = %(slot)s
"""

WAITING_SINCE = """
SELECT recorded_at FROM hansard.events
WHERE log = 1 AND position > %(position)s ORDER BY position LIMIT 1
"""

IDENTITY = "SELECT to_regclass(%(table)s)::oid"
"""Tells a table from the one that takes its place."""

ANALYZE = "ANALYZE {tables}"

LOCK_PATIENCE = "SELECT set_config('lock_timeout', %(patience)s, true)"

DELETE_ROWS = "DELETE FROM {schema}.{table} WHERE position = ANY(%s)"

COUNT_ROWS = "SELECT count(*) FROM {schema}.{table} WHERE position = ANY(%s)"
