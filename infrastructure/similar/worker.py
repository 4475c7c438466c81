"""EmbeddingWorker: gives every item its vector, in batches, once, and never in anybody's way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from infrastructure.database.connection import WITHOUT_TIME_LIMIT
from infrastructure.database.errors import translated
from infrastructure.embedders.errors import EmbedderRejectedError, EmbedderUnavailableError
from infrastructure.similar import sql, vectors
from infrastructure.similar.comparing import compare
from infrastructure.similar.models import (
    Items,
    ModelState,
    ModelView,
    add_model,
    drop_retired,
    exchange,
    is_of,
    model_in,
    read_items,
)
from infrastructure.similar.names import without_names
from infrastructure.similar.search import EXACT_UP_TO, SimilarSearch
from infrastructure.similar.statements import bucket_of
from projections.similar_queries import SEARCHED_LENGTH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from infrastructure.database import Connection
    from infrastructure.embedders.port import Embedder

BATCH_SIZE = 512
"""Items that are embedded and stored together."""

GRAPH_FROM = EXACT_UP_TO
"""Rows of a tenant above which indexes for large scopes are made."""

SETTLED_S = 5.0
"""Seconds for which, without new items, nothing is looked at but their position."""

LONGEST_ERROR = 2_000

logger = logging.getLogger(__name__)

Tell = Callable[[int, int], None]
"""Is told the position that was reached, and the one that is to be reached."""


def tell_nobody(_reached: int, _target: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An item that has no vector yet.

    Attributes:
        hash: of its text, which tells whether it is still the same when the vector is stored.
    """

    position: int
    tenant: str
    agent: str | None
    text: str
    hash: int


class EmbeddingWorker:
    """Keeps the rows of the live model, and builds those of the one that is to replace it.

    Any number of processes may run one: a model's rows are kept by one of them at a time, and the
    rows of a batch are stored together with the position that was reached. May be used from several
    threads.

    Args:
        connect: opens a connection in autocommit mode.
        embedder: gives an embedder by its name in the settings.
        default: name of the embedder to begin with.
        wanted: name of the embedder that somebody chose; the live one stays where nobody did.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        embedder: Callable[[str], Embedder],
        search: SimilarSearch,
        *,
        default: str,
        wanted: str | None = None,
    ) -> None:
        self._connect = connect
        self._embedder = embedder
        self._search = search
        self._default = default
        self._wanted = wanted
        self._lock = RLock()
        self._opened: Connection | None = None
        self._led: set[int] = set()
        self._settled: Items | None = None
        self._settled_until = 0.0

    def advance(self, tell: Tell = tell_nobody) -> bool:
        """Bring all models up to date that this process can keep.

        Returns:
            Whether it keeps the live one.

        Raises:
            UnavailableError: the database or an embedder cannot be used; whatever was stored
                before stays.
        """
        with self._lock, translated():
            try:
                return self._advance(tell)
            except BaseException:
                self._drop_connection()
                raise

    def retry(self) -> int:
        """Embed again what was refused, and tell how many were taken now.

        Raises:
            UnavailableError: the database or an embedder cannot be used.
        """
        with self._lock, translated():
            connection = self._connection()
            models = [
                model_in(connection, state) for state in (ModelState.LIVE, ModelState.BUILDING)
            ]
            return sum(self._retry(connection, model) for model in models if model is not None)

    def look_again(self) -> None:
        """Look at the models in the next round, be there new items or not."""
        with self._lock:
            self._settled = None

    def close(self) -> None:
        """Let others keep the rows."""
        with self._lock:
            self._drop_connection()

    def _advance(self, tell: Tell) -> bool:
        connection = self._connection()
        items = read_items(connection)
        if items is None:
            return False
        if items == self._settled and monotonic() < self._settled_until:
            return True
        live = self._live(connection, items)
        leads, failed = False, None
        try:
            leads = self._keep(connection, live, items, tell_nobody)
        except EmbedderUnavailableError as error:  # what is to replace it may do better
            failed = error
        self._ensure_successor(connection, live, items)
        building = model_in(connection, ModelState.BUILDING)
        if building is not None and self._keep(connection, building, items, tell):
            self._finish(connection, building.number)
        if failed is not None and model_in(connection, ModelState.LIVE) == live:
            raise failed
        if leads and building is None:
            self._settled, self._settled_until = items, monotonic() + SETTLED_S
        return leads

    def _keep(self, connection: Connection, model: ModelView, items: Items, tell: Tell) -> bool:
        """Give the newest items their rows; False when another process does it."""
        if not self._leads(connection, model):
            return False
        if model.items_version != items.version:
            return True  # what it was built from is gone; its successor is being built
        embedder = self._embedder(model.embedder)
        if not is_of(model, embedder, items.version):
            return True
        reached: int | None = model.position
        while reached is not None and reached < items.position:
            reached = self._take_in(connection, model, embedder, reached, items.position)
            tell(reached or items.position, items.position)
        self._index_large(connection, model)
        return True

    def _take_in(
        self, connection: Connection, model: ModelView, embedder: Embedder, after: int, target: int
    ) -> int | None:
        """Store one batch and tell the position reached; None when somebody else went on."""
        limits = {"after": after, "limit": BATCH_SIZE, "length": SEARCHED_LENGTH}
        pending = [Pending(*row) for row in connection.execute(sql.PENDING_ITEMS, limits)]
        last = pending[-1].position if pending else after
        until = last if len(pending) == BATCH_SIZE else max(target, last)
        made, refused = self._embed(embedder, pending)
        with connection.transaction():
            connection.execute(sql.LOCK_ERASING_SHARED)
            values = {"model": model.number, "after": after, "until": until}
            if connection.execute(sql.ADVANCE, values).rowcount != 1:
                return None
            if pending:
                self._add_rows(connection, model, pending, made)
            for position, error in refused:
                letter = {"model": model.number, "position": position, "error": error}
                connection.execute(sql.ADD_LETTER, letter)
        return until

    def _embed(
        self, embedder: Embedder, pending: Sequence[Pending]
    ) -> tuple[list[NDArray[np.float32] | None], list[tuple[int, str]]]:
        """Embed items; those that the embedder refuses for good get none, and are named."""
        made: list[NDArray[np.float32] | None] = [None] * len(pending)
        refused: list[tuple[int, str]] = []
        places = list(range(len(pending)))
        while places:
            texts = [without_names(pending[place].text, pending[place].agent) for place in places]
            try:
                rows = embedder.embed(texts)
            except EmbedderRejectedError as error:
                place = places.pop(error.index)
                refused.append((pending[place].position, str(error)[:LONGEST_ERROR]))
                continue
            for place, row in zip(places, rows, strict=True):
                made[place] = row
            break
        return made, refused

    def _add_rows(
        self,
        connection: Connection,
        model: ModelView,
        pending: Sequence[Pending],
        made: Sequence[NDArray[np.float32] | None],
    ) -> None:
        statement = sql.ADD_ROWS.format(rows=f"rows_{model.number}").encode()
        values: dict[str, Any] = {
            "model": model.number,
            "positions": [item.position for item in pending],
            "buckets": [bucket_of(item.tenant) for item in pending],
            "hashes": [item.hash for item in pending],
            "embeddings": vectors.halfvecs(made, self._halfvec_oid),
        }
        connection.execute(statement, values)

    def _retry(self, connection: Connection, model: ModelView) -> int:
        embedder = self._embedder(model.embedder)
        if not self._leads(connection, model) or embedder.name != model.name:
            return 0
        limits = {"model": model.number, "length": SEARCHED_LENGTH}
        pending = [Pending(*row) for row in connection.execute(sql.LETTER_ITEMS, limits)]
        made, refused = self._embed(embedder, pending)
        errors = dict(refused)
        statement = sql.SET_EMBEDDING.format(rows=f"rows_{model.number}").encode()
        for item, row in zip(pending, made, strict=True):
            letter = {"model": model.number, "position": item.position}
            with connection.transaction():
                connection.execute(sql.LOCK_ERASING_SHARED)
                if item.position in errors:
                    connection.execute(sql.ADD_LETTER, letter | {"error": errors[item.position]})
                    continue
                place = {
                    "bucket": bucket_of(item.tenant),
                    "tenant": item.tenant,
                    "hash": item.hash,
                    "embedding": None if row is None else vectors.halfvec(row),
                }
                connection.execute(statement, letter | place)
                connection.execute(sql.DROP_LETTER, letter)
        return len(pending) - len(refused)

    def _index_large(self, connection: Connection, model: ModelView) -> None:
        """Make indexes for tenants that have grown too large to compare all their rows."""
        values: dict[str, Any] = {"model": model.number, "items": GRAPH_FROM}
        for (tenant,) in connection.execute(sql.GROWN_TENANTS, values).fetchall():
            values |= {"tenant": tenant, "bucket": bucket_of(tenant)}
            with connection.transaction():
                connection.execute(sql.CREATE_GRAPH, values)
                connection.execute(sql.NOTE_GRAPH, values)

    def _live(self, connection: Connection, items: Items) -> ModelView:
        """Find the live model, or make the first one."""
        while (live := model_in(connection, ModelState.LIVE)) is None:
            key = self._wanted or self._default
            add_model(connection, key, self._embedder(key), items.version, ModelState.LIVE)
        return live

    def _ensure_successor(self, connection: Connection, live: ModelView, items: Items) -> None:
        """Begin a model in place of one that the settings do not want, or that is outdated."""
        drop_retired(connection)
        building = model_in(connection, ModelState.BUILDING)
        key = self._wanted or live.embedder
        if self._wanted is None and building is not None:
            if building.items_version == items.version:
                return  # somebody has it built
            key = building.embedder
        embedder = self._embedder(key)
        if not is_of(live, embedder, items.version):
            add_model(connection, key, embedder, items.version, ModelState.BUILDING)

    def _finish(self, connection: Connection, number: int) -> None:
        """Let a model that has come as far as the live one take its place."""
        building = model_in(connection, ModelState.BUILDING)
        live = model_in(connection, ModelState.LIVE)
        items = read_items(connection)
        if building is None or live is None or items is None or building.number != number:
            return
        if building.items_version != items.version or building.position < live.position:
            return
        if building.is_trial:
            return
        comparison = compare(connection, self._search, live, building)
        if exchange(connection, building, comparison):
            logger.info(
                "meanings are compared by %r from now on, no longer by %r", building.name, live.name
            )
            drop_retired(connection)

    def _leads(self, connection: Connection, model: ModelView) -> bool:
        if model.number not in self._led:
            values = {"namespace": sql.NAMESPACE, "model": model.number}
            if connection.execute(sql.LEAD, values).fetchone() != (True,):
                return False
            self._led.add(model.number)
        return True

    def _connection(self) -> Connection:
        if self._opened is None or self._opened.closed:
            self._led.clear()
            self._settled = None
            connection = self._connect()
            connection.execute(sql.SETTINGS)
            connection.execute(WITHOUT_TIME_LIMIT)
            vectors.register(connection)
            row = connection.execute("SELECT 'halfvec'::regtype::oid::bigint").fetchone()
            self._halfvec_oid = int(row[0]) if row else 0
            self._opened = connection
        return self._opened

    def _drop_connection(self) -> None:
        self._led.clear()
        self._settled = None
        if self._opened is not None:
            connection, self._opened = self._opened, None
            connection.close()
