"""Similar-query search beside LangGraph's PostgresStore, on one server.

Run with `python -m benchmarks.similar [--quick] [--json]` after `make bench-setup`.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, count
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.figures import Figures, figure, main
from benchmarks.peers.postgres_store import Store, postgres_store
from infrastructure.database import EmbeddedServer, connect, ensure_schema, prepare_writer
from infrastructure.embedders.installation import find_installed
from infrastructure.embedders.registry import embedder_named
from infrastructure.embedders.static import StaticEmbedder
from infrastructure.embedders.vocabulary import vocabulary
from infrastructure.lexical import document_weights, query_weights
from infrastructure.settings import load_settings
from infrastructure.similar.search import (
    EXACT_UP_TO,
    SimilarRequest,
    SimilarSearch,
    open_search_pool,
)
from infrastructure.similar.statements import DEPTH, SMOOTHING, WEIGHTS
from infrastructure.similar.weighing import sparsevec
from infrastructure.similar.worker import EmbeddingWorker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from infrastructure.embedders.port import Embedder

HITS = 10
CALLERS = 4
TENANTS = 100
ROWS_OF_A_TENANT = 1_000
TOPICS = 400
WORDS_OF_A_TOPIC = 40
SHARES = (0.05, 0.005)
"""Parts of the rows that an early T leaves."""

COLUMNS = (
    "position",
    "recorded_at",
    "said_at",
    "tenant",
    "session_id",
    "conversation_id",
    "turn_id",
    "kind",
    "speaker",
    "agent",
    "text",
    "words",
)
TYPES = (
    *("int8", "timestamptz", "timestamptz", "text", "uuid", "uuid", "uuid", "text", "text"),
    *("text", "text", "bytea"),
)
HELD = """
INSERT INTO hansard_read.projection_positions (projection, slot, version, position, updated_at)
VALUES ('similar_queries', 'live', 1, %s, now())
ON CONFLICT (projection, slot) DO UPDATE SET position = excluded.position
"""


class Sentences:
    """Makes questions of words that are as frequent as in a language, each about a topic."""

    def __init__(self) -> None:
        self._chance = random.Random(20261121)  # noqa: S311 - repeatable, not secret
        self._words = [word for word in vocabulary() if word.isalpha() and len(word) > 1][:20_000]
        self._ranks = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._topics = [self._chance.sample(self._words, WORDS_OF_A_TOPIC) for _ in range(TOPICS)]

    def make(self) -> str:
        """Make a question of 8 to 24 words."""
        topic, length = self._chance.choice(self._topics), self._chance.randint(8, 24)
        of_topic = self._chance.choices(topic, k=length // 2)
        others = self._chance.choices(self._words, cum_weights=self._ranks, k=length - length // 2)
        words = [*of_topic, *others]
        self._chance.shuffle(words)
        return " ".join(words).capitalize() + "?"

    def resemble(self, text: str) -> str:
        """Make a question that shares about half of its words with another one."""
        words = text.rstrip("?").split()
        kept = self._chance.sample(words, len(words) // 2)
        others = self._chance.choices(self._words, cum_weights=self._ranks, k=len(words) // 3)
        return " ".join([*kept, *others]) + "?"


@dataclass
class Corpus:
    """What was asked, in order of position: item n stands at position n + 1."""

    texts: list[str]
    tenants: list[str]

    def positions_of(self, tenant: str) -> list[int]:
        """List the positions of a tenant's items."""
        return [place + 1 for place, name in enumerate(self.tenants) if name == tenant]


@dataclass
class Question:
    """A search whose right answer is known.

    Attributes:
        nearest: positions of the nearest items by meaning alone.
        right: positions of the hits that comparing everything gives.
        exist: how many items there are in scope.
    """

    request: SimilarRequest
    nearest: list[int]
    right: list[int]
    exist: int


class Judge:
    """Compares everything with everything in memory, by what the database holds."""

    def __init__(self, corpus: Corpus, embedder: Embedder) -> None:
        import numpy as np  # noqa: PLC0415 - heavy

        self._embedder = embedder
        self._tenants = np.array(corpus.tenants)
        self._vectors = embedder.embed(corpus.texts).astype(np.float16).astype(np.float32)
        self._weights = [document_weights(text) for text in corpus.texts]

    def ask(self, request: SimilarRequest) -> Question:
        """Find the right answer by brute force."""
        import numpy as np  # noqa: PLC0415 - heavy

        until = len(self._weights) if request.at is None else min(request.at, len(self._weights))
        places = np.flatnonzero(self._tenants[:until] == request.tenant)
        [vector] = self._embedder.embed([request.text]).astype(np.float16).astype(np.float32)
        nearest = _ranked(places, self._vectors[places] @ vector)
        query = query_weights(request.text)
        scores = np.array([_product(query, self._weights[place]) for place in places])
        best = _ranked(places[scores > 0], scores[scores > 0])
        fused: dict[int, float] = {}
        for weight, ranking in zip(WEIGHTS["static"], (nearest, best), strict=True):
            for rank, place in enumerate(ranking[:DEPTH], start=1):
                fused[place] = fused.get(place, 0.0) + weight / (SMOOTHING + rank)
        ordered = sorted(fused, key=lambda place: (-fused[place], -place))
        right = [place + 1 for place in ordered[: request.limit]]
        by_meaning = [place + 1 for place in nearest[: request.limit]]
        return Question(request, by_meaning, right, len(places))


def _ranked(places: NDArray[np.int64], scores: NDArray[np.float32]) -> list[int]:
    order = sorted(zip(scores.tolist(), places.tolist(), strict=True), reverse=True)
    return [place for _, place in order[: DEPTH * 2]]


def _product(query: dict[int, float], weights: dict[int, float]) -> float:
    return sum(weight * weights.get(dimension, 0.0) for dimension, weight in query.items())


def make_corpus(sentences: Sentences, rows: int, tenants: int) -> Corpus:
    """Make items whose tenants take turns."""
    return Corpus(
        [sentences.make() for _ in range(rows)],
        [f"tenant-{place % tenants}" for place in range(rows)],
    )


def store_items(conninfo: str, corpus: Corpus) -> None:
    """Store items as their read model would."""
    columns = ", ".join(COLUMNS)
    statement = f"COPY hansard_read.similar_items ({columns}) FROM STDIN (FORMAT binary)"
    with connect(conninfo, autocommit=True) as connection:
        row = connection.execute("SELECT now()").fetchone()
        assert row is not None
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.set_types(TYPES)
            for place, text, tenant in zip(count(1), corpus.texts, corpus.tenants, strict=False):
                session, words = UUID(int=place // 10), sparsevec(document_weights(text))
                said = (session, session, UUID(int=place), "query", "USER", "NOVA_001", text, words)
                copy.write_row((place, row[0], row[0], tenant, *said))
        connection.execute(HELD, (len(corpus.texts),))
        connection.execute("VACUUM ANALYZE hansard_read.similar_items")


class Ours:
    """Our search on a database of its own."""

    def __init__(self, conninfo: str, closing: ExitStack, embedder: Embedder) -> None:
        self._conninfo = conninfo
        pool = closing.enter_context(open_search_pool(conninfo, max_size=CALLERS + 2))
        self.engine = SimilarSearch(lambda: pool, lambda _: embedder)
        opened = partial(connect, conninfo, autocommit=True, prepare=prepare_writer)
        self.worker = EmbeddingWorker(opened, lambda _: embedder, self.engine, default="static")
        closing.callback(self.worker.close)

    def embed_all(self) -> float:
        """Embed what is pending, and tell how many seconds that took."""
        started = perf_counter()
        self.worker.advance()
        seconds = perf_counter() - started
        with connect(self._conninfo, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        self.engine.look_again()
        return seconds

    def latencies_ms(self, questions: Sequence[Question]) -> list[float]:
        """Ask one after the other."""
        latencies = []
        for question in questions:
            started = perf_counter()
            self.engine.search(question.request)
            latencies.append((perf_counter() - started) * 1000)
        return latencies

    def per_s(self, questions: Sequence[Question]) -> tuple[float, list[float]]:
        """Let many callers ask at once: searches a second, and latencies in milliseconds."""
        shares = [questions[caller::CALLERS] for caller in range(CALLERS)]
        with ThreadPoolExecutor(CALLERS) as threads:
            list(threads.map(self.latencies_ms, [share[:5] for share in shares]))
            started = perf_counter()
            latencies = [ms for part in threads.map(self.latencies_ms, shares) for ms in part]
        return len(questions) / (perf_counter() - started), latencies

    def found(self, question: Question) -> list[int]:
        """Ask, and give the positions that were found."""
        return [hit.position for hit in self.engine.search(question.request).items]


def recall(right: Iterable[Sequence[int]], answers: Iterable[Sequence[int]]) -> float:
    """Give the mean share of the right hits that were found."""
    return statistics.fmean(
        len(set(answer) & set(hits)) / len(hits)
        for hits, answer in zip(right, answers, strict=True)
    )


def returned(questions: Sequence[Question], answers: Sequence[Sequence[int]]) -> float:
    """Give the smallest share of the rows that exist, up to the limit, that came back."""
    return min(
        len(answer) / min(question.exist, question.request.limit)
        for question, answer in zip(questions, answers, strict=True)
    )


def quantile(values: Sequence[float], of_100: int) -> float:
    """Give a percentile."""
    return statistics.quantiles(values, n=100)[of_100 - 1]


def questions_on(
    corpus: Corpus, sentences: Sentences, judge: Judge, number: int, share: float = 1.0
) -> list[Question]:
    """Ask about items of tenants in turn, as of a moment that leaves a share of their rows."""
    names = sorted(set(corpus.tenants))
    at = max(int(len(corpus.texts) * share), len(names))
    questions = []
    for turn in range(number):
        tenant = names[turn % len(names)]
        own = corpus.positions_of(tenant)
        text = sentences.resemble(corpus.texts[own[(turn * 7919) % len(own)] - 1])
        questions.append(judge.ask(SimilarRequest(text, at=at, tenant=tenant, limit=HITS)))
    return questions


class Bench:
    """Everything on one server."""

    def __init__(self, server: str, closing: ExitStack, folder: Path, *, quick: bool) -> None:
        self._server = server
        self._closing = closing
        self._folder = folder
        self.quick = quick
        self.sentences = Sentences()
        self.embedder = StaticEmbedder()

    def database(self, name: str, *, migrated: bool = True) -> str:
        """Make a database and give its connection string."""
        with connect(make_conninfo(self._server, dbname="postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        conninfo = make_conninfo(self._server, dbname=name)
        if migrated:
            ensure_schema(conninfo)
        else:
            with connect(conninfo, autocommit=True) as connection:
                connection.execute("CREATE EXTENSION vector")
        return conninfo

    def ours(self, name: str, corpus: Corpus, embedder: Embedder | None = None) -> Ours:
        """Store items in a new database and open our search on it; they have no vectors yet."""
        conninfo = self.database(name)
        store_items(conninfo, corpus)
        return Ours(conninfo, self._closing, embedder or self.embedder)

    def peer(self) -> Store:
        """Start the peer until the benchmark ends."""
        conninfo = self.database("peer", migrated=False)
        return self._closing.enter_context(postgres_store(conninfo))

    def teach(self, peer: Store, texts: list[str]) -> None:
        """Tell the peer the vectors of texts."""
        path = self._folder / "vectors"
        self.embedder.embed(texts).tofile(path)
        peer.do("load", texts=texts, vectors=str(path), dimensions=self.embedder.dimensions)


def measure_tenants(bench: Bench) -> Figures:
    """Many tenants with a thousand rows each, and the peer on as many of them as time allows."""
    tenants = TENANTS // 4 if bench.quick else TENANTS
    corpus = make_corpus(bench.sentences, tenants * ROWS_OF_A_TENANT, tenants)
    ours = bench.ours("tenants", corpus)
    ingested = len(corpus.texts) / ours.embed_all()
    judge = Judge(corpus, bench.embedder)
    asked = questions_on(corpus, bench.sentences, judge, 100 if bench.quick else 400)
    ours.latencies_ms(asked)
    alone = ours.latencies_ms(asked * 5)
    per_s, loaded = ours.per_s(asked * (10 if bench.quick else 20))
    found = [ours.found(question) for question in asked]
    size = f"similar, {len(corpus.texts):,} rows, {tenants} tenants"
    right = [question.right for question in asked]
    figures = {
        f"ingest, turns/s, {bench.embedder.name}": figure(ingested, at_least=5_000),
        f"{size}: p50 ms": figure(quantile(alone, 50), at_most=2),
        f"{size}: p99 ms": figure(quantile(alone, 99), at_most=5),
        f"{size}: searches/s, {CALLERS} callers": figure(per_s, at_least=1_500),
        f"{size}: p99 ms, {CALLERS} callers": figure(quantile(loaded, 99), at_most=5),
        f"{size}: recall@10": figure(recall(right, found), at_least=1),
    }
    return figures | measure_early(bench, ours, corpus, judge) | measure_peer(bench, ours, corpus)


def measure_early(bench: Bench, ours: Ours, corpus: Corpus, judge: Judge) -> Figures:
    """Searches as of moments that leave few rows."""
    figures: Figures = {}
    for share in SHARES:
        asked = questions_on(corpus, bench.sentences, judge, 50, share)
        found = [ours.found(question) for question in asked]
        right = [question.right for question in asked]
        name = f"similar, T leaves {share:.1%}"
        figures[f"{name}: rows of those there are"] = figure(returned(asked, found), at_least=1)
        figures[f"{name}: recall@10"] = figure(recall(right, found), at_least=1)
    return figures


def measure_peer(bench: Bench, ours: Ours, corpus: Corpus) -> Figures:
    """The first rows and the same vectors in the peer, searched in one tenant as of T."""
    rows = 5_000 if bench.quick else len(corpus.texts)
    part = Corpus(corpus.texts[:rows], corpus.tenants[:rows])
    judge, peer = Judge(part, bench.embedder), bench.peer()
    bench.teach(peer, part.texts)
    seconds = peer.do("put", texts=part.texts, tenants=part.tenants)["seconds"]
    figures: Figures = {f"PostgresStore, ingest, turns/s, {rows:,} rows": figure(rows / seconds)}
    for share in (1.0, *SHARES):
        asked = questions_on(part, bench.sentences, judge, 50, share)
        bench.teach(peer, [question.request.text for question in asked])
        for by_filter in (True, False):
            way = "filter" if by_filter else "namespace"
            name = f"{rows:,} rows, T leaves {share * 100:g} %%, %s : PostgresStore by {way}"
            figures |= compare_with_peer(ours, peer, asked, name, by_filter=by_filter)
    return figures


def compare_with_peer(
    ours: Ours, peer: Store, asked: Sequence[Question], name: str, *, by_filter: bool
) -> Figures:
    """Ask both the same; each is judged by its own right answers, for the peer ranks no words."""
    requests = [question.request for question in asked]
    theirs = peer.do(
        "search", questions=[[it.tenant, it.text, it.at] for it in requests], by_filter=by_filter
    )
    found = [ours.found(question) for question in asked]
    return {
        name % "rows": figure(
            statistics.fmean(map(len, found)), peer=statistics.fmean(map(len, theirs["found"]))
        ),
        name % "recall@10": figure(
            recall((question.right for question in asked), found),
            peer=recall((question.nearest for question in asked), theirs["found"]),
        ),
        name % "p50 ms": figure(
            quantile(ours.latencies_ms(asked), 50),
            peer=quantile([seconds * 1000 for seconds in theirs["latencies"]], 50),
        ),
    }


def measure_large(bench: Bench) -> Figures:
    """One tenant with very many rows, so that indexes are asked."""
    rows = 24_000 if bench.quick else 100_000
    corpus = make_corpus(bench.sentences, rows, 1)
    ours = bench.ours("large", corpus)
    ours.embed_all()
    judge = Judge(corpus, bench.embedder)
    figures: Figures = {}
    for share in (1.0, 0.9, 0.2, *SHARES):
        asked = questions_on(corpus, bench.sentences, judge, 20 if bench.quick else 100, share)
        found = [ours.found(question) for question in asked]
        latencies = ours.latencies_ms(asked)
        right = [question.right for question in asked]
        name = f"similar, {int(rows * share):,} of {rows:,} rows in scope"
        target = 1 if rows * share <= EXACT_UP_TO else 0.97
        figures |= {
            f"{name}: p50 ms": figure(quantile(latencies, 50)),
            f"{name}: recall@10": figure(recall(right, found), at_least=target),
            f"{name}: rows of those there are": figure(returned(asked, found), at_least=1),
        }
    return figures


def measure_minilm(bench: Bench) -> Figures:
    """How fast turns are taken in with MiniLM, where it is installed."""
    settings = load_settings(embedder="minilm")
    if find_installed(settings.home) is None:
        return {}
    rows = 1_000 if bench.quick else 5_000
    corpus = make_corpus(bench.sentences, rows, 10)
    embedder = embedder_named("minilm", settings)
    embedder.embed(corpus.texts[:8])
    seconds = bench.ours("minilm", corpus, embedder).embed_all()
    return {f"ingest, turns/s, {embedder.name}": figure(rows / seconds, at_least=300)}


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, closing, folder, quick=quick)
        return measure_tenants(bench) | measure_large(bench) | measure_minilm(bench)


if __name__ == "__main__":
    main(measure, __doc__)
