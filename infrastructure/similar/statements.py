"""SQL statements of a search: one scan that gives both ranks, or an index for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from psycopg import sql

BUCKETS = 64
"""Partitions that the rows of a model are spread over by tenant."""

DEPTH = 50
"""Places of each ranking that count, or as many as hits are asked for where those are more."""

CANDIDATES = 100
"""Rows that the graph is asked for, before their distances are compared exactly."""

SMOOTHING = 10
"""The k of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009,
https://doi.org/10.1145/1571941.1572114); 10 suits short lists better than its usual 60."""


class Weights(NamedTuple):
    """What a place in the ranking by meaning counts, and one in the ranking by words."""

    meaning: float
    words: float


DEFAULT_WEIGHTS = Weights(1.0, 0.5)

WEIGHTS = {"static": Weights(0.5, 1.0)}
"""By the embedder's name in the settings, where words tell more (docs/adr/0013-embedders.md)."""

SHOWN_LENGTH = 2_000
"""Characters of a text that a hit shows."""

REACHED = """
reached AS MATERIALIZED (
    SELECT p.position AS held, least(%(at)s::bigint, p.position) AS position,
           {embedded} AS embedded
    FROM hansard_read.projection_positions AS p
    WHERE p.projection = 'similar_queries' AND p.slot = 'live'
)"""

EMBEDDED = "(SELECT m.position FROM hansard_search.models AS m WHERE m.id = {model})"

# What has no row yet is found by its words.
TAIL = """
    SELECT i.position, NULL::double precision AS distance,
           i.words <#> %(words)s::sparsevec AS score, true AS is_bare
    FROM hansard_read.similar_items AS i
    WHERE i.tenant = {tenant} AND i.position > (SELECT embedded FROM reached)
      AND i.position <= (SELECT position FROM reached) {filters}"""

# A materialized scan without an order can be served by no index on distances: it is exact.
SCAN = """
scanned AS MATERIALIZED (
    SELECT i.position, i.embedding <#> %(vector)s::halfvec AS distance,
           i.words <#> %(words)s::sparsevec AS score, i.embedding IS NULL AS is_bare
    FROM hansard_search.{rows} AS i
    WHERE i.bucket = {bucket} AND i.tenant = {tenant}
      AND i.position <= (SELECT position FROM reached) {filters}
    UNION ALL {tail}
)"""

SCAN_WORDS = """
scanned AS MATERIALIZED ({tail}
)"""

# The sums keep the other indexes from serving the range, and leave the graph as the cheapest way.
LARGE = """
near AS MATERIALIZED (
    SELECT i.position, i.embedding <#> %(vector)s::halfvec AS distance
    FROM hansard_search.{rows} AS i
    WHERE i.bucket = {bucket} AND i.tenant = {tenant}
      AND i.position + 0 <= (SELECT position FROM reached) {filters}
    ORDER BY i.embedding <#> %(vector)s::halfvec
    LIMIT {candidates}
), worded AS MATERIALIZED (
    SELECT i.position, i.words <#> %(words)s::sparsevec AS score,
           i.embedding IS NULL AS is_bare
    FROM hansard_search.{rows} AS i
    WHERE i.bucket = {bucket} AND i.tenant = {tenant}
      AND hansard_search.terms(i.words) && %(terms)s::integer[]
      AND i.position + 0 <= (SELECT position FROM reached) {filters}
), scanned AS MATERIALIZED (
    SELECT position, distance, 0 AS score, false AS is_bare FROM near
    UNION ALL SELECT position, NULL, score, is_bare FROM worded
    UNION ALL {tail}
)"""

# What has no vector yet has its place by words for both: else it would come after all that has.
FUSED = """
, by_meaning AS (
    SELECT position, distance, row_number() OVER (ORDER BY distance, position DESC) AS rank
    FROM (SELECT position, distance FROM scanned WHERE distance IS NOT NULL
          ORDER BY distance, position DESC LIMIT greatest({depth}, %(limit)s)) AS nearest
), by_words AS (
    SELECT position, score, is_bare,
           row_number() OVER (ORDER BY score, position DESC) AS rank
    FROM (SELECT position, score, is_bare FROM scanned WHERE score < 0
          ORDER BY score, position DESC LIMIT greatest({depth}, %(limit)s)) AS best
), fused AS (
    SELECT position, m.rank AS meaning_rank, w.rank AS word_rank,
           -m.distance AS similarity, -w.score AS word_score,
           coalesce({meaning}::double precision / ({smoothing} + m.rank), 0)
           + coalesce(CASE WHEN w.is_bare THEN {both} ELSE {word} END::double precision
                      / ({smoothing} + w.rank), 0) AS score
    FROM by_meaning AS m FULL JOIN by_words AS w USING (position)
    ORDER BY score DESC, position DESC
    LIMIT %(limit)s
)"""

# Of one's own session or of an ancestor, as far as the fork shares its history; and for what holds,
# nothing that was taken back.
IN_SAME_HISTORY = """
          AND (o.session_id IS NOT DISTINCT FROM i.session_id
               OR EXISTS (SELECT FROM hansard_read.session_segments AS s
                          WHERE s.session_id = i.session_id AND s.of_session_id = o.session_id
                            AND s.counts AND o.position > s.after_position
                            AND o.position <= s.until_position))
          AND (NOT {of_other} OR {of_hit})"""

TAKEN_BACK = """EXISTS (
              SELECT FROM hansard_read.session_segments AS s
              WHERE s.session_id = {item}.session_id AND NOT s.counts
                AND {item}.position > s.after_position AND {item}.position <= s.until_position
                AND s.position = (SELECT max(t.position)
                                  FROM hansard_read.session_turnings AS t
                                  WHERE t.session_id = {item}.session_id
                                    AND t.position <= (SELECT position FROM reached)))"""

SHOWN = """
SELECT reached.held, reached.position AS computed, reached.embedded, {considered} AS considered,
       hit.*
FROM reached LEFT JOIN (
    SELECT i.position, i.session_id, i.conversation_id, i.turn_id, i.kind, i.speaker, i.agent,
           i.said_at, left(i.text, %(length)s) AS text,
           before.kind AS before_kind, before.text AS query, before.position AS query_position,
           after.kind AS after_kind, after.text AS answer, after.position AS answer_position,
           fused.score, fused.meaning_rank, fused.word_rank, fused.similarity, fused.word_score
    FROM fused JOIN hansard_read.similar_items AS i USING (position)
    LEFT JOIN LATERAL (
        SELECT o.kind, left(o.text, %(length)s) AS text, o.position
        FROM hansard_read.similar_items AS o
        WHERE i.kind = 'answer' AND o.conversation_id = i.conversation_id
          AND o.position < i.position {same}
        ORDER BY o.position DESC LIMIT 1
    ) AS before ON true
    LEFT JOIN LATERAL (
        SELECT o.kind, left(o.text, %(length)s) AS text, o.position
        FROM hansard_read.similar_items AS o
        WHERE i.kind = 'query' AND o.conversation_id = i.conversation_id
          AND o.position > i.position AND o.position <= (SELECT position FROM reached) {same}
        ORDER BY o.position LIMIT 1
    ) AS after ON true
) AS hit ON true
ORDER BY hit.score DESC NULLS LAST, hit.position DESC
"""

ROWS_IN_SCOPE = """
SELECT ordinal FROM hansard_search.{rows}
WHERE bucket = {bucket} AND tenant = %(tenant)s AND position <= %(at)s
ORDER BY position DESC LIMIT 1
"""

LARGE_TENANTS = """
SELECT tenant FROM hansard_search.scopes WHERE model = %(model)s AND has_graph
"""

LIVE_MODEL = """
SELECT id, embedder, name FROM hansard_search.models WHERE state = 'live'
"""

SUBJECT_OF = """
SELECT subject FROM hansard.events WHERE log + 0 = 1 AND session_id = %(session)s
ORDER BY position LIMIT 1
"""

SEARCH_SETTINGS = """
SELECT set_config('jit', 'off', false), set_config('max_parallel_workers_per_gather', '0', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('hnsw.ef_search', '400', false),
       set_config('hnsw.iterative_scan', 'relaxed_order', false)
"""

FILTERS = {
    "agent": "AND i.agent = %(agent)s",
    "session": "AND i.session_id = %(session)s",
    "kind": "AND i.kind = %(kind)s",
    "exclude": "AND i.session_id IS DISTINCT FROM %(exclude)s",
    "subject": "AND (i.subject IS NULL OR i.subject = %(subject)s)",
}
"""What narrows a search, by the name of its parameter."""


LAST_POSITION = "SELECT coalesce(max(position), 0) FROM hansard.events WHERE log = 1"


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides the text of a search.

    Attributes:
        model: number of the model; None to search by words alone.
        filters: names of `FILTERS`, in their order.
        large_tenant: the tenant, where indexes of its own are to be used.
    """

    model: int | None
    bucket: int
    filters: tuple[str, ...] = ()
    large_tenant: str | None = None
    weights: Weights = DEFAULT_WEIGHTS


def bucket_of(tenant: str) -> int:
    """Tell the partition that holds the rows of a tenant."""
    return crc32(tenant.encode()) % BUCKETS


@lru_cache(maxsize=1024)
def search_statement(shape: Shape) -> bytes:
    """Write the statement of a search."""
    filters = "\n      ".join(FILTERS[name] for name in shape.filters)
    tenant = "%(tenant)s"
    if shape.large_tenant is not None:  # the server recognises its indexes by the constant alone
        tenant = sql.Literal(shape.large_tenant).as_string().replace("%", "%%")
    tail = TAIL.format(tenant=tenant, filters=filters)
    scan = SCAN_WORDS if shape.model is None else SCAN if shape.large_tenant is None else LARGE
    scanned = scan.format(
        rows=f"rows_{shape.model}",
        bucket=shape.bucket,
        tenant=tenant,
        filters=filters,
        tail=tail,
        candidates=CANDIDATES,
    )
    fused = FUSED.format(
        depth=DEPTH,
        smoothing=SMOOTHING,
        meaning=shape.weights.meaning,
        word=shape.weights.words,
        both=sum(shape.weights),
    )
    embedded = "0::bigint" if shape.model is None else EMBEDDED.format(model=shape.model)
    considered = "NULL" if shape.large_tenant is None else "(SELECT count(*) FROM near)"
    reached = REACHED.format(embedded=embedded)
    of_other, of_hit = TAKEN_BACK.format(item="o"), TAKEN_BACK.format(item="i")
    same = IN_SAME_HISTORY.format(of_other=of_other, of_hit=of_hit)
    shown = SHOWN.format(considered=considered, same=same)
    return f"WITH {reached}, {scanned} {fused} {shown}".encode()


def scope_statement(model: int, tenant: str) -> bytes:
    """Write the statement that tells how many rows of a tenant there are up to a position.

    Erasure leaves gaps in the numbers, so that it may tell a few too many.
    """
    return ROWS_IN_SCOPE.format(rows=f"rows_{model}", bucket=bucket_of(tenant)).encode()
