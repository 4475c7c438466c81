"""SQL statements of archives, in PostgreSQL."""

from __future__ import annotations

LOG = 1
"""Number of the one log a database holds today."""

LOCK_KEY = 0x48414E53_41524348
"""Advisory lock that lets one process archive at a time (`HANSARCH` in ASCII)."""

TRY_LOCK = f"SELECT pg_try_advisory_lock({LOCK_KEY})"

ARCHIVES = """
SELECT first, last, file, sha256, bytes, recorded_until FROM hansard.archives
WHERE log = %s AND first > %s ORDER BY first
"""

HOLDING_SESSION = """
SELECT last FROM hansard.archive_contents WHERE log = %s AND id = %s AND last > %s
"""

HOLDING_STREAM = """
SELECT last FROM hansard.archive_contents WHERE log = %s AND id = %s AND last > %s AND version > %s
"""

LAST_POSITION = "SELECT coalesce(max(position), 0) FROM hansard.events WHERE log = %s"

# pg_inherits tells the partitions that are attached, and those whose detaching was interrupted.
PARTITIONS = """
SELECT p.first, p.last, p.name, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false),
       EXISTS (SELECT FROM hansard.archives AS a WHERE a.log = p.log AND a.last = p.last),
       coalesce(pg_total_relation_size(to_regclass(p.name)), 0)
FROM hansard.partitions AS p
LEFT JOIN pg_inherits AS i ON i.inhrelid = to_regclass(p.name)
WHERE p.log = %s ORDER BY p.first
"""

EXTENT = """
SELECT count(*),
       (SELECT recorded_at FROM {partition} ORDER BY position LIMIT 1),
       (SELECT recorded_at FROM {partition} ORDER BY position DESC LIMIT 1)
FROM {partition}
"""

# Texts are quoted, so that only an unquoted \\N is NULL; times are counted, so that they are exact.
EXPORT = """
COPY (
    SELECT position, stream, version, event_id, type, schema_version, tenant, session_id, actor,
           correlation_id, causation_id, traceparent, subject,
           (extract(epoch FROM occurred_at) * 1000000)::bigint,
           (extract(epoch FROM recorded_at) * 1000000)::bigint,
           translate(encode(payload, 'base64'), E'\\n', '')
    FROM {partition} ORDER BY position
) TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE (type, tenant, actor, traceparent, subject))
"""

INSERT_ARCHIVE = """
INSERT INTO hansard.archives (log, first, last, file, sha256, bytes, recorded_until, archived_at)
VALUES (%(log)s, %(first)s, %(last)s, %(file)s, %(sha256)s, %(size)s, %(recorded_until)s,
        clock_timestamp())
"""

INSERT_CONTENTS = """
INSERT INTO hansard.archive_contents (log, id, last, version)
SELECT %(log)s, id, %(last)s, max(version)
FROM (SELECT stream, max(version) FROM {partition} GROUP BY stream
      UNION ALL
      SELECT DISTINCT session_id, NULL::integer FROM {partition} WHERE session_id IS NOT NULL
     ) AS named (id, version)
GROUP BY id
"""

DETACH = "ALTER TABLE hansard.events DETACH PARTITION {partition} CONCURRENTLY"

FINALIZE = "ALTER TABLE hansard.events DETACH PARTITION {partition} FINALIZE"

DROP = "DROP TABLE IF EXISTS {partition}"

FORGET_PARTITION = "DELETE FROM hansard.partitions WHERE log = %s AND first = %s"
