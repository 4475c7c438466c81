"""SimilarSearch: finds what was asked and answered by words and meaning, as of any position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import errors
from psycopg.rows import dict_row

from application.errors import BadRequestError, UnavailableError
from domain.event import DEFAULT_TENANT
from infrastructure import lexical
from infrastructure.database import open_pool, prepare_writer
from infrastructure.database.errors import translated
from infrastructure.embedders.errors import EmbedderRejectedError
from infrastructure.similar import statements, vectors
from infrastructure.similar.names import without_names
from infrastructure.similar.statements import (
    DEFAULT_WEIGHTS,
    WEIGHTS,
    Shape,
    bucket_of,
    scope_statement,
    search_statement,
)
from infrastructure.similar.weighing import sparsevec
from projections.similar_queries import SEARCHED_LENGTH, ItemKind, SimilarPage, SimilarView

if TYPE_CHECKING:
    from infrastructure.database import Connection
    from infrastructure.database.connection import DatabasePool
    from infrastructure.embedders.port import Embedder

EXACT_UP_TO = 20_000
"""Rows in scope up to which all are compared; above, indexes are faster and are asked first."""

FRESH_S = 5.0
"""Seconds for which it is taken for granted which model is live and which tenants are large."""

LARGEST_LIMIT = 100

NEWEST = 2**63 - 1
"""A position after all others."""

TELLING_TERMS = 8
"""In a large scope only rows are looked at that hold one of so many rarest words of the query."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """What is looked for, and where.

    Attributes:
        at: position of the log; None for now.
        within: the session that asks. It is left out itself, and what a subject said is found only
            for another session of the same subject: else its words would be recorded again where
            erasure does not reach them.
        limit: hits at most, up to `LARGEST_LIMIT`.
    """

    text: str
    at: int | None = None
    tenant: str = DEFAULT_TENANT
    agent: str | None = None
    session_id: UUID | None = None
    kind: ItemKind | None = None
    within: UUID | None = None
    limit: int = 5
    length: int = statements.SHOWN_LENGTH


@dataclass(frozen=True, slots=True)
class LiveModel:
    """The model that searches use, as the database says."""

    number: int
    embedder: str
    name: str
    large_tenants: frozenset[str] = frozenset()


@dataclass
class _Known:
    """What is taken for granted for a while."""

    model: LiveModel | None = None
    until: float = field(default=-1.0)


def open_search_pool(conninfo: str, max_size: int = 8) -> DatabasePool:
    """Open connections that are made for searches."""
    return open_pool(conninfo, max_size=max_size, prepare=prepare_search)


def prepare_search(connection: Connection) -> None:
    """Make a new connection ready for searches; it is left outside of a transaction."""
    prepare_writer(connection)
    connection.execute(statements.SEARCH_SETTINGS)
    connection.prepare_threshold = 0
    connection.prepared_max = 500
    vectors.register(connection)
    if not connection.autocommit:
        connection.commit()


class SimilarSearch:
    """Searches; may be used from several threads.

    Args:
        pool: gives connections that `prepare_search` made ready.
        embedder: gives an embedder by its name in the settings.
    """

    def __init__(
        self, pool: Callable[[], DatabasePool], embedder: Callable[[str], Embedder]
    ) -> None:
        self._pool = pool
        self._embedder = embedder
        self._known = _Known()

    def search(self, request: SimilarRequest) -> SimilarPage:
        """Find items that are near to a text by its words and its meaning, best first.

        Raises:
            BadRequestError: the text is empty, or the limit cannot be used.
            UnavailableError: the database cannot be used.
        """
        _check(request)
        with translated(), self._pool().connection() as connection:
            model = self._live_model(connection)
            try:
                return self._search(connection, request, model)
            except errors.UndefinedTable:  # the model was replaced, and its rows are gone
                self.look_again()
                return self._search(connection, request, self._live_model(connection))

    def look_again(self) -> None:
        """Ask the database anew which model is live."""
        self._known = _Known()

    def search_with(
        self, request: SimilarRequest, model: LiveModel, *, exact: bool = False
    ) -> SimilarPage:
        """Search with a certain model, be it live or not.

        Args:
            exact: compare all rows, however many there are.
        """
        _check(request)
        with translated(), self._pool().connection() as connection:
            return self._search(connection, request, model, exact=exact)

    def _search(
        self,
        connection: Connection,
        request: SimilarRequest,
        model: LiveModel | None,
        *,
        exact: bool = False,
    ) -> SimilarPage:
        vector, note = self._embed(request, model)
        parameters = _parameters(connection, request, vector)
        shape = Shape(None, bucket_of(request.tenant), _filters(request))
        if model is not None:
            weights = WEIGHTS.get(model.embedder, DEFAULT_WEIGHTS)
            shape = replace(shape, model=model.number, weights=weights)
        rows: list[Row] | None = None
        if model is not None and not exact and _is_large(connection, request, model):
            parameters["terms"] = _telling_terms(request.text)
            large = replace(shape, large_tenant=request.tenant)
            rows = _execute(connection, large, parameters)
            if _too_few(rows, request, by_meaning=vector is not None):
                rows = None
        if rows is None:
            rows = _execute(connection, shape, parameters)
        page = _page(rows)
        compared = model.name if model is not None and vector is not None else None
        lag = page.meaning_lag if compared else 0
        return page.model_copy(
            update={
                "lag": _lag(connection, page.position, rows, request),
                "model": compared,
                "meaning_lag": lag,
                "note": note or _note_on(lag),
            }
        )

    def _embed(
        self, request: SimilarRequest, model: LiveModel | None
    ) -> tuple[vectors.BinaryVector | None, str]:
        if model is None:
            return None, "No embedder has compared meanings yet."
        try:
            embedder = self._embedder(model.embedder)
            if embedder.name != model.name:
                return None, (
                    f"The vectors are of {model.name!r}, but {model.embedder!r} is"
                    f" {embedder.name!r} here: meanings are compared once they are made anew."
                )
            [row] = embedder.embed([without_names(request.text[:SEARCHED_LENGTH], request.agent)])
        except (UnavailableError, EmbedderRejectedError) as error:
            return None, f"Meanings were not compared: {error}"
        return vectors.halfvec(row), ""

    def _live_model(self, connection: Connection) -> LiveModel | None:
        known = self._known
        if monotonic() > known.until:
            row = connection.execute(statements.LIVE_MODEL).fetchone()
            model = None
            if row is not None:
                number, embedder, name = row
                tenants = connection.execute(statements.LARGE_TENANTS, {"model": number})
                large = frozenset(tenant for (tenant,) in tenants)
                model = LiveModel(number, embedder, name, large)
            known = _Known(model, monotonic() + (FRESH_S if model else 0.0))
            self._known = known
        return known.model


def _check(request: SimilarRequest) -> None:
    if not request.text.strip():
        raise BadRequestError("The text is empty; say what to look for.")
    try:
        request.text.encode()
    except UnicodeEncodeError as error:
        raise BadRequestError("The text is no valid text; write it in UTF-8.") from error
    if not 1 <= request.limit <= LARGEST_LIMIT:
        raise BadRequestError(
            f"The limit {request.limit} cannot be used; give 1 to {LARGEST_LIMIT} hits."
        )


def _filters(request: SimilarRequest) -> tuple[str, ...]:
    given = {
        "agent": request.agent,
        "session": request.session_id,
        "kind": request.kind,
        "exclude": request.within,
        "subject": request.within,
    }
    return tuple(name for name, value in given.items() if value is not None)


def _parameters(
    connection: Connection, request: SimilarRequest, vector: vectors.BinaryVector | None
) -> dict[str, Any]:
    words = sparsevec(lexical.query_weights(request.text[:SEARCHED_LENGTH]))
    return {
        "vector": vector,
        "words": vectors.BinaryVector(words),
        "at": NEWEST if request.at is None else request.at,
        "tenant": request.tenant,
        "agent": request.agent,
        "session": request.session_id,
        "kind": None if request.kind is None else str(request.kind),
        "exclude": request.within,
        "subject": _subject_of(connection, request.within),
        "limit": request.limit,
        "length": request.length,
    }


def _subject_of(connection: Connection, session_id: UUID | None) -> str | None:
    if session_id is None:
        return None
    row = connection.execute(statements.SUBJECT_OF, {"session": session_id}).fetchone()
    return None if row is None else row[0]


def _is_large(connection: Connection, request: SimilarRequest, model: LiveModel) -> bool:
    if request.session_id is not None or request.tenant not in model.large_tenants:
        return False
    row = connection.execute(
        scope_statement(model.number, request.tenant),
        {"tenant": request.tenant, "at": NEWEST if request.at is None else request.at},
    ).fetchone()
    return row is not None and row[0] > EXACT_UP_TO


def _telling_terms(text: str) -> list[int]:
    """Name the rarest words of a query, by their dimensions counted from 1."""
    weights = lexical.query_weights(text[:SEARCHED_LENGTH])
    rarest = sorted(weights, key=lambda dimension: (-weights[dimension], dimension))
    return [dimension + 1 for dimension in rarest[:TELLING_TERMS]]


def _execute(connection: Connection, shape: Shape, parameters: dict[str, Any]) -> list[Row]:
    with connection.cursor(row_factory=dict_row, binary=True) as cursor:
        return cursor.execute(search_statement(shape), parameters).fetchall()


def _too_few(rows: list[Row], request: SimilarRequest, *, by_meaning: bool) -> bool:
    considered = rows[0]["considered"] if rows else 0
    return len(rows) < request.limit or (by_meaning and considered < statements.CANDIDATES)


def _page(rows: list[Row]) -> SimilarPage:
    if not rows:
        return SimilarPage(position=0, items=())
    computed, embedded = rows[0]["computed"], rows[0]["embedded"]
    return SimilarPage(
        position=computed,
        items=tuple(_view(row) for row in rows if row["position"] is not None),
        meaning_lag=max(computed - (embedded or 0), 0),
    )


def _view(row: Row) -> SimilarView:
    asked = row["before_kind"] == ItemKind.QUERY
    answered = row["after_kind"] == ItemKind.ANSWER
    return SimilarView(
        position=row["position"],
        session_id=row["session_id"],
        conversation_id=row["conversation_id"],
        turn_id=row["turn_id"],
        kind=ItemKind(row["kind"]),
        speaker=row["speaker"],
        agent=row["agent"],
        said_at=row["said_at"],
        text=row["text"],
        query=row["query"] if asked else None,
        query_position=row["query_position"] if asked else None,
        answer=row["answer"] if answered else None,
        answer_position=row["answer_position"] if answered else None,
        score=row["score"],
        meaning_rank=row["meaning_rank"],
        word_rank=row["word_rank"],
        similarity=row["similarity"],
        word_score=row["word_score"] or 0.0,
    )


def _lag(connection: Connection, position: int, rows: list[Row], request: SimilarRequest) -> int:
    held = rows[0]["held"] if rows else 0
    if request.at is not None and request.at <= held:
        return 0
    row = connection.execute(statements.LAST_POSITION).fetchone()
    last = row[0] if row else 0
    wanted = last if request.at is None else min(request.at, last)
    return max(wanted - position, 0)


def _note_on(meaning_lag: int) -> str:
    if meaning_lag == 0:
        return ""
    return f"What the last {meaning_lag} positions say is found by its words alone so far."
