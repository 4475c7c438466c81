"""Let appends be fenced: they count only while nobody has taken over what they are made under."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What a fence watches is looked up under the log's lock: an append that was sent before somebody
# took over, and comes after, is refused, however late it comes. `hansard.append` is as it was, so
# that nobody else pays.
APPEND_FENCED = """
CREATE FUNCTION hansard.append_fenced(
    entries hansard.entry[], sizes integer[], streams uuid[], versions integer[]
)
RETURNS SETOF hansard.outcome
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict hansard.outcome;
    head    integer;
    start   integer := 1;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append in a transaction of isolation READ COMMITTED'
            USING ERRCODE = 'invalid_transaction_state',
                  DETAIL = 'The snapshot of a stricter one is older than the wait for the lock.';
    END IF;
    IF (cardinality(sizes) = cardinality(streams) AND cardinality(sizes) = cardinality(versions))
       IS NOT TRUE THEN
        RAISE EXCEPTION 'give each append a fence, or NULL'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(x'48414E5300000001'::bigint);  -- as hansard.append does
    IF NOT EXISTS (
        SELECT FROM (SELECT DISTINCT f.stream, f.version
                     FROM unnest(streams, versions) AS f (stream, version)
                     WHERE f.stream IS NOT NULL) AS fence
        WHERE fence.version IS DISTINCT FROM
              (SELECT h.version FROM hansard.stream_heads AS h
               WHERE h.log = 1 AND h.stream = fence.stream))
    THEN
        RETURN QUERY SELECT * FROM hansard.append(entries, sizes);
        RETURN;
    END IF;
    FOR n IN 1 .. cardinality(sizes) LOOP
        verdict := NULL;
        SELECT h.version INTO head
        FROM hansard.stream_heads AS h WHERE h.log = 1 AND h.stream = streams[n];
        IF streams[n] IS NOT NULL AND versions[n] IS DISTINCT FROM head THEN
            verdict.outcome := 'fenced';
            verdict.stream := streams[n];
            verdict.expected := versions[n];
            verdict.actual := coalesce(head, 0);
        ELSE
            SELECT * INTO verdict
            FROM hansard.append(entries[start : start + sizes[n] - 1], ARRAY[sizes[n]]);
        END IF;
        RETURN NEXT verdict;
        start := start + sizes[n];
    END LOOP;
END $$;
COMMENT ON FUNCTION hansard.append_fenced IS
    'Append as hansard.append does, but each append with a fence only while that stream stands at'
    ' that version; otherwise its outcome is fenced.';
"""

RIGHTS = """
REVOKE ALL ON FUNCTION hansard.append_fenced FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hansard.append_fenced TO hansard_writer;
"""


def upgrade() -> None:
    """Add the function that judges fences."""
    for statements in (APPEND_FENCED, RIGHTS):
        op.execute(statements)
