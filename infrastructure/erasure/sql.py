"""SQL statements of the keys of subjects."""

from __future__ import annotations

from infrastructure.event_log.sql import LOCK_KEY as LOG_LOCK_KEY

LOCK_KEY = 0x48414E53_4B455953
"""Advisory lock under which keys of subjects are made, wrapped anew and destroyed (`HANSKEYS`)."""

LOG_ID = "SELECT log_id FROM hansard.logs WHERE log = 1"

SELECT = """
SELECT wrapped_key, master_key, created_at, destroyed_at FROM hansard.subject_keys
WHERE subject = %s
"""

LOCK = f"SELECT pg_advisory_xact_lock({LOCK_KEY})"

LOCK_LOG = f"SELECT pg_advisory_xact_lock({LOG_LOCK_KEY})"

SELECT_MASTER_KEY = """
SELECT master_key FROM hansard.subject_keys WHERE master_key IS NOT NULL LIMIT 1
"""

INSERT = """
INSERT INTO hansard.subject_keys (subject, wrapped_key, master_key) VALUES (%s, %s, %s)
"""

SPOKE_AFTER = """
SELECT EXISTS (SELECT FROM hansard.events WHERE log = 1 AND subject = %s AND position > %s)
"""

DESTROY = """
UPDATE hansard.subject_keys
SET wrapped_key = NULL, master_key = NULL, destroyed_at = clock_timestamp()
WHERE subject = %s AND destroyed_at IS NULL
"""

SELECT_WRAPPED = """
SELECT subject, wrapped_key, master_key FROM hansard.subject_keys
WHERE wrapped_key IS NOT NULL ORDER BY subject
"""

REWRAP = """
UPDATE hansard.subject_keys AS k SET wrapped_key = w.wrapped_key, master_key = %s
FROM unnest(%s::text[], %s::bytea[]) AS w (subject, wrapped_key)
WHERE k.subject = w.subject
"""

DELETE_SNAPSHOTS = "DELETE FROM hansard.snapshots WHERE stream = ANY(%s)"

COUNT_SNAPSHOTS = "SELECT count(*) FROM hansard.snapshots WHERE stream = ANY(%s)"

# Partitions of the log and what proves it never change, so there is nothing to take out of them.
TABLES_WITH_WORDS = """
SELECT n.nspname, c.relname, pg_total_relation_size(c.oid),
       pg_has_role(c.relowner, 'USAGE')
       OR (current_setting('server_version_num')::integer >= 170000
           AND has_table_privilege(c.oid, 'MAINTAIN'))
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'
  AND (n.nspname IN ('hansard_read', 'hansard_rebuild')
       OR (n.nspname = 'hansard_search' AND pg_relation_size(c.oid) > 0)
       OR (n.nspname = 'hansard' AND c.relname IN ('subject_keys', 'snapshots')))
ORDER BY n.nspname, c.relname
"""

NOW = "SELECT pg_current_xact_id()::xid::text"

# VACUUM (FULL) keeps a deleted row as long as a transaction lasts that could still see it; for its
# own snapshot, that is also one which began to write earlier in another database.
IS_SEEN = """
SELECT EXISTS (
    SELECT FROM (
        SELECT backend_xmin FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND coalesce(datname, current_database()) = current_database()
        UNION ALL SELECT backend_xid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        UNION ALL SELECT xmin FROM pg_replication_slots
        UNION ALL SELECT transaction FROM pg_prepared_xacts
    ) AS holding (xid)
    WHERE age(xid) > age(%s::xid)
)
"""
