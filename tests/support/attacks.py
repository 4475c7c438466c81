"""Attacks on the log: what a login with too few rights may try, as SQL."""

from __future__ import annotations

TABLES = ("hansard.events", "hansard.events_from_1")

ON_TABLES = (
    "UPDATE {} SET actor = 'X'",
    "UPDATE {} SET position = 100 WHERE position = 1",
    "UPDATE {} SET recorded_at = '2020-01-01Z'",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "TRUNCATE {} CASCADE",
    "MERGE INTO {} AS e USING (SELECT 1) ON true WHEN MATCHED THEN DELETE",
    "MERGE INTO {} AS e USING (SELECT 1) ON false WHEN NOT MATCHED THEN INSERT VALUES (1, 99)",
    "INSERT INTO {} DEFAULT VALUES",
    "INSERT INTO {0} TABLE {0}",
    "INSERT INTO {0} TABLE {0} ON CONFLICT DO NOTHING",
    "INSERT INTO {0} TABLE {0} ON CONFLICT (log, position) DO UPDATE SET actor = 'X'",
    "INSERT INTO {} (log, position, recorded_at) VALUES (1, 99, '2020-01-01Z')",
    "WITH gone AS (DELETE FROM {} RETURNING *) SELECT count(*) FROM gone",
    "COPY {} FROM STDIN",
    "COPY {} TO '/tmp/log'",
    "COPY {} TO PROGRAM 'cat'",
    "SELECT * FROM {} FOR UPDATE",
    "DO $$ BEGIN LOCK TABLE {} IN SHARE MODE; END $$",
    "DO $$ BEGIN LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; END $$",
    "ALTER TABLE {} DISABLE TRIGGER append_only",
    "ALTER TABLE {} DISABLE TRIGGER ALL",
    "ALTER TABLE {} ENABLE REPLICA TRIGGER append_only",
    "DROP TRIGGER append_only ON {}",
    "CREATE TRIGGER mine BEFORE INSERT ON {} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE mine AS ON INSERT TO {} DO INSTEAD NOTHING",
    "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {} OWNER TO CURRENT_USER",
    "ALTER TABLE {} ADD COLUMN mine text DEFAULT pg_sleep(0)::text",
    "ALTER TABLE {} ALTER COLUMN actor TYPE text USING 'X'",
    "ALTER TABLE {} DROP COLUMN actor",
    "ALTER TABLE {} SET SCHEMA public",
    "ALTER TABLE {} RENAME TO forgotten",
    "DROP TABLE {} CASCADE",
    "CREATE INDEX ON {} (actor)",
    "CREATE STATISTICS mine ON actor, type FROM {}",
    "REINDEX TABLE {}",
    "COMMENT ON TABLE {} IS 'mine'",
)
"""On the log itself and on a partition of it."""

ON_PARTITIONS = (
    "SELECT * FROM hansard.events_from_1",
    "COPY hansard.events_from_1 TO STDOUT",
    "ALTER TABLE hansard.events DETACH PARTITION hansard.events_from_1",
    "ALTER TABLE hansard.events DETACH PARTITION hansard.events_from_1 CONCURRENTLY",
    "CREATE TABLE public.mine PARTITION OF hansard.events FOR VALUES FROM (9000000) TO (9000001)",
)

COMPANIONS = {
    "hansard.stream_heads": "version",
    "hansard.event_ids": "position",
    "hansard.time_index": "position",
    "hansard.partitions": "first",
    "hansard.logs": "partition_size",
    "hansard.archives": "first",
    "hansard.schema_version": "version_num",
    "hansard.event_log": "position",
}
"""Tables beside the log, and the view on it, each with a column that an attack would change."""

ON_COMPANIONS = tuple(
    statement.format(table, column)
    for table, column in COMPANIONS.items()
    for statement in (
        "INSERT INTO {} DEFAULT VALUES",
        "UPDATE {0} SET {1} = {1}",
        "DELETE FROM {}",
        "ALTER TABLE {} OWNER TO CURRENT_USER",
    )
)

ON_PROOFS = tuple(
    statement.format(table)
    for table in ("hansard.tiles", "hansard.checkpoints")
    for statement in (
        "UPDATE {} SET log = 2",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "ALTER TABLE {} DISABLE TRIGGER append_only",
        "DROP TABLE {}",
    )
)

ON_FUNCTIONS = (
    "SELECT hansard.record('{}')",
    "SELECT hansard.record(ARRAY[NULL]::hansard.entry[])",
    "SELECT hansard.judge('{}')",
    "SELECT hansard.ensure_partitions(9000000)",
    "SELECT hansard.protect('hansard.events')",
    "SELECT hansard.refuse_change()",
    "CREATE OR REPLACE FUNCTION hansard.protect(regclass) RETURNS void LANGUAGE sql AS ''",
    "CREATE FUNCTION hansard.append(hansard.entry[], sizes text) RETURNS void LANGUAGE sql AS ''",
    "ALTER FUNCTION hansard.refuse_change RENAME TO mine",
    "ALTER FUNCTION hansard.append SECURITY INVOKER",
    "ALTER FUNCTION hansard.append RESET search_path",
    "ALTER FUNCTION hansard.append OWNER TO CURRENT_USER",
    "DROP FUNCTION hansard.append",
    "ALTER TYPE hansard.entry ADD ATTRIBUTE position bigint",
    "DROP TYPE hansard.entry CASCADE",
    "CREATE CAST (hansard.entry AS text) WITH INOUT AS IMPLICIT",
)

ON_RIGHTS = (
    "SET session_replication_role = replica",
    "SELECT set_config('session_replication_role', 'replica', false)",
    "ALTER ROLE CURRENT_USER SET session_replication_role = replica",
    "SET ROLE hansard_owner",
    "SET ROLE hansard",
    "SET SESSION AUTHORIZATION hansard",
    "GRANT hansard_owner TO CURRENT_USER",
    "GRANT hansard_writer TO hansard_reader",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE hansard_owner LOGIN",
    "ALTER ROLE hansard_reader SET search_path = pg_temp",
    "CREATE ROLE mine",
    "ALTER SYSTEM SET fsync = off",
    "ALTER DATABASE {database} SET session_replication_role = replica",
    "ALTER DEFAULT PRIVILEGES FOR ROLE hansard_owner GRANT ALL ON TABLES TO PUBLIC",
    "REASSIGN OWNED BY hansard_owner TO CURRENT_USER",
    "DROP OWNED BY hansard_owner CASCADE",
    "GRANT EXECUTE ON FUNCTION hansard.record TO CURRENT_USER",
)

ON_THE_SERVER = (
    "CREATE TABLE hansard.mine ()",
    "CREATE VIEW hansard.mine AS SELECT 1",
    "CREATE TABLE hansard_read.mine ()",
    "CREATE TABLE public.mine ()",
    "CREATE SCHEMA mine",
    "ALTER SCHEMA hansard RENAME TO mine",
    "DROP SCHEMA hansard CASCADE",
    "DROP DATABASE {database}",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION hansard.refuse_change()",
    "DROP EXTENSION vector",
    "CREATE PUBLICATION mine FOR TABLE hansard.events",
    "CREATE SUBSCRIPTION mine CONNECTION 'dbname=x' PUBLICATION y",
    "SELECT pg_create_logical_replication_slot('mine', 'pgoutput')",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "CREATE TEMPORARY TABLE mine (line text); COPY mine FROM PROGRAM 'id'",
    "SELECT lo_import('/etc/hostname')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/mine')",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_switch_wal()",
    "SELECT pg_reload_conf()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hansard'",
    "CHECKPOINT",
)

ATTACKS = (
    *(attack.format(table) for table in TABLES for attack in ON_TABLES),
    *ON_PARTITIONS,
    *ON_COMPANIONS,
    *ON_PROOFS,
    *ON_FUNCTIONS,
    *ON_RIGHTS,
    *ON_THE_SERVER,
)
