"""SimilarQueries: everything this process does for similar-query search, wired."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock, RLock
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psycopg

from application.errors import BadRequestError, ConflictError, NotFoundError, UnavailableError
from domain.value import Value
from infrastructure.database.errors import translated
from infrastructure.similar import sql
from infrastructure.similar.comparing import compare
from infrastructure.similar.models import (
    Comparison,
    DeadLetterView,
    ModelState,
    ModelView,
    add_model,
    give_up,
    is_of,
    model_in,
    read_items,
    read_letters,
    read_models,
)
from infrastructure.similar.search import SimilarRequest, SimilarSearch, open_search_pool
from infrastructure.similar.shelf import EmbedderShelf
from infrastructure.similar.thread import EmbeddingThread
from infrastructure.similar.worker import EmbeddingWorker, Tell, tell_nobody
from projections.similar_queries import SimilarPage

if TYPE_CHECKING:
    from contextlib import ExitStack

    from infrastructure.database import Connection, Database
    from infrastructure.database.connection import DatabasePool
    from infrastructure.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_S = 0.25
"""Seconds that a search waits for the newest items to be embedded."""

FIRST_PATIENCE_S = 3.0
"""Seconds that the first searches wait, for the embedder is loaded then."""

POLL_S = 0.05

LOGGED_AT_ONCE = 20
LOGGED_PER_S = 1.0
"""Searches that are kept for comparing models: so many at once, and so many a second."""

KEPT_QUERIES = 1_000
KEPT_DAYS = 30
"""How many searches are kept, and for how long at most."""


class RebuildView(Value):
    """What a rebuild did, or would do.

    Attributes:
        model: the model that was built.
        replaced: the model that was live before.
        swapped: whether it is live now.
    """

    model: ModelView
    replaced: ModelView | None
    comparison: Comparison | None
    swapped: bool


class SimilarQueries:
    """Searches and keeps what is searched; its thread begins with the first use.

    Args:
        closing: ends what was begun.
    """

    def __init__(self, database: Database, settings: Settings, closing: ExitStack) -> None:
        self._database = database
        self._settings = settings
        self._closing = closing
        self._shelf = EmbedderShelf(settings)
        self.engine = SimilarSearch(lambda: self._pool, self._shelf.get)
        self._budget = QueryBudget()
        self._opening = RLock()
        self._worker: EmbeddingWorker | None = None
        self._thread: EmbeddingThread | None = None
        self._opened: DatabasePool | None = None

    def search(self, request: SimilarRequest, patience_s: float = PATIENCE_S) -> SimilarPage:
        """Search; see `SimilarSearch.search`.

        Args:
            patience_s: how long to wait for the newest items to be embedded.
        """
        thread = self.thread
        is_first = not thread.has_looked
        page = self.engine.search(request)
        if patience_s and (page.model is None or page.meaning_lag):
            thread.await_round(FIRST_PATIENCE_S if is_first else patience_s)
            self.engine.look_again()
            page = self.engine.search(request)
        if request.within is None:
            self._log(request, page)
        return page

    @property
    def thread(self) -> EmbeddingThread:
        """What embeds in the background, begun."""
        with self._opening:
            if self._thread is None:
                self._thread = EmbeddingThread(self.worker)
                self._closing.callback(self._thread.stop)
                self._thread.start()
            return self._thread

    @property
    def worker(self) -> EmbeddingWorker:
        """What embeds."""
        with self._opening:
            if self._worker is None:
                self._worker = EmbeddingWorker(
                    self._database.connect,
                    self._shelf.get,
                    self.engine,
                    default=self._settings.embedder,
                    wanted=self._wanted,
                )
                self._closing.callback(self._worker.close)
            return self._worker

    def models(self) -> list[ModelView]:
        """List all models there ever were, oldest first."""
        with translated(), self._pool.connection() as connection:
            return read_models(connection)

    def dead_letters(self) -> list[DeadLetterView]:
        """List what embedders refused for good."""
        with translated(), self._pool.connection() as connection:
            return read_letters(connection)

    def retry(self) -> int:
        """Embed again what was refused, and tell how many items were taken now."""
        return self.worker.retry()

    def rebuild(
        self, key: str | None = None, *, dry_run: bool = False, tell: Tell = tell_nobody
    ) -> RebuildView:
        """Build the rows of a model anew beside the live ones, compare, and let it take over.

        Searches go on meanwhile with the live model.

        Args:
            key: name of the embedder in the settings; that of the live model by default.
            dry_run: only build and compare.
            tell: is told how far it has come.

        Raises:
            BadRequestError: there is no such embedder here, or the settings want another one.
            ConflictError: another rebuild took its place.
            UnavailableError: the database or the embedder cannot be used.
        """
        self.worker.advance()  # makes the first model where there is none
        with translated(), self._database.connect() as connection:
            live = model_in(connection, ModelState.LIVE)
            items = read_items(connection)
            if live is None or items is None:
                raise NotFoundError(
                    "model", key or "live", "Nothing was said yet; start with `hansard run`."
                )
            key = key or live.embedder
            embedder = self._shelf.choose(key)
            self._require_wanted(key, dry_run=dry_run)
            state = ModelState.BUILDING
            add_model(connection, key, embedder, items.version, state, is_trial=dry_run)
            self.worker.look_again()
            building = model_in(connection, state)
            if building is None or not is_of(building, embedder, items.version):
                raise ConflictError("Another model is being built: wait until it is live.")
            return self._build(connection, building, live, dry_run=dry_run, tell=tell)

    def _build(
        self,
        connection: Connection,
        building: ModelView,
        live: ModelView,
        *,
        dry_run: bool,
        tell: Tell,
    ) -> RebuildView:
        while True:
            self.worker.advance(tell)
            [model] = [each for each in read_models(connection) if each.number == building.number]
            if model.state is ModelState.LIVE:
                self.engine.look_again()
                return RebuildView(
                    model=model, replaced=live, comparison=model.comparison, swapped=True
                )
            if model.state is ModelState.RETIRED:
                raise ConflictError(
                    f"The model {model.name!r} was given up because another rebuild began:"
                    " wait for that one."
                )
            items = read_items(connection)
            if dry_run and items is not None and model.position >= items.position:
                comparison = compare(connection, self.engine, live, model)
                give_up(connection, model.number)
                return RebuildView(model=model, replaced=live, comparison=comparison, swapped=False)
            tell(model.position, items.position if items else model.position)
            sleep(POLL_S)

    @property
    def _wanted(self) -> str | None:
        chosen = "embedder" in self._settings.model_fields_set
        return self._settings.embedder if chosen else None

    def _require_wanted(self, key: str, *, dry_run: bool) -> None:
        if not dry_run and self._wanted not in {None, key}:
            raise BadRequestError(
                f"HANSARD_EMBEDDER is {self._wanted!r}, so that {key!r} would be replaced again at"
                f" once: set it to {key!r}, or unset it."
            )

    @property
    def _pool(self) -> DatabasePool:
        with self._opening:
            if self._opened is None:
                pool = open_search_pool(self._database.access.service)
                self._opened = self._closing.enter_context(pool)
            return self._opened

    def _log(self, request: SimilarRequest, page: SimilarPage) -> None:
        """Keep a search, on which models can be compared; it is no loss when that fails."""
        if not self._budget.spend():
            return
        values = {"tenant": request.tenant, "position": page.position, "text": request.text}
        values["text"] = request.text.replace("\x00", "\ufffd")
        try:
            with translated(), self._pool.connection() as connection, connection.transaction():
                connection.execute(sql.LOG_QUERY, values)
                connection.execute(sql.TRIM_QUERIES, {"most": KEPT_QUERIES, "days": KEPT_DAYS})
        except (psycopg.Error, UnavailableError) as error:
            logger.debug("a search is not kept: %s", error)


class QueryBudget:
    """Lets some searches be kept, and not all of a great many."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._left = float(LOGGED_AT_ONCE)
        self._asked_at = clock()
        self._lock = Lock()

    def spend(self) -> bool:
        """Tell whether one more may be kept."""
        with self._lock:
            now = self._clock()
            earned = (now - self._asked_at) * LOGGED_PER_S
            self._left = min(self._left + earned, LOGGED_AT_ONCE)
            self._asked_at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
