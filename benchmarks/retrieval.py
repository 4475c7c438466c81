"""How well words, meanings and both together find the document that answers a query.

Run with `python -m benchmarks.retrieval [--quick] [--json]`. MiniLM takes part when it is installed
(`hansard embedders install minilm`), an endpoint when HANSARD_EMBEDDER names it. Each search is set
beside the search by words.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

from application.errors import ApplicationError
from benchmarks.figures import Figures, figure, main
from benchmarks.ranking import Hits, Scores, fused, hits, lexical_scores, vector_scores
from benchmarks.texts import Pair, installed_packages, manual_pages, standard_library
from infrastructure import lexical
from infrastructure.embedders.port import Embedder
from infrastructure.embedders.registry import OPENAI, embedder_named
from infrastructure.settings import load_settings

QUERIES, QUICK_QUERIES = 2000, 1000
SHORT_TEXT = slice(120, 260)
"""Characters of a text of about 40 tokens."""

TEXTS_PER_S = {"words": 20_000, "static": 5_000, "minilm": 300}
"""What ingestion needs at least."""


class Weighed(NamedTuple):
    """Weights of the words of all queries and all documents."""

    queries: list[dict[int, float]]
    documents: list[dict[int, float]]


def weigh(pairs: Sequence[Pair]) -> Weighed:
    """Weigh the words of pairs."""
    return Weighed(
        [lexical.query_weights(pair.query) for pair in pairs],
        [lexical.document_weights(pair.document) for pair in pairs],
    )


def with_own_rarity(weighed: Weighed) -> list[Mapping[int, float]]:
    """Weigh the words of queries by how rare they really are among the documents (BM25's idf)."""
    count = len(weighed.documents)
    found = Counter(dimension for document in weighed.documents for dimension in document)
    rarity = {
        dimension: math.log(1 + (count - within + 0.5) / (within + 0.5))
        for dimension, within in found.items()
    }
    return [{dim: rarity.get(dim, 0.0) for dim in query} for query in weighed.queries]


def searches(pairs: Sequence[Pair], embedders: Mapping[str, Embedder]) -> dict[str, Hits]:
    """Search for every query among all documents by words, by meaning, and by both."""
    weighed = weigh(pairs)
    words = lexical_scores(*weighed)
    found = {
        "words": hits(words),
        "words, rarity from the corpus": hits(
            lexical_scores(with_own_rarity(weighed), weighed.documents)
        ),
    }
    for name, embedder in embedders.items():
        meaning = vector_scores(
            embedder.embed, [pair.query for pair in pairs], [pair.document for pair in pairs]
        )
        found |= _with_meaning(name, words, meaning)
    return found


def _with_meaning(name: str, words: Scores, meaning: Scores) -> dict[str, Hits]:
    return {
        name: hits(meaning),
        f"{name} 1 + words 0.5": hits(fused([(meaning, 1), (words, 0.5)])),
        f"{name} 1 + words 1": hits(fused([(meaning, 1), (words, 1)])),
        f"{name} 0.5 + words 1": hits(fused([(meaning, 0.5), (words, 1)])),
    }


def open_embedders() -> dict[str, Embedder]:
    """Open the embedders that can be used here; say which cannot."""
    settings = load_settings()
    names = ["static", "minilm"]
    if settings.embedder.startswith(OPENAI):
        names.append(settings.embedder)
    opened = {}
    for name in names:
        try:
            opened[name] = embedder_named(name, settings)
        except ApplicationError as error:
            print(f"{name} takes no part: {error}", file=sys.stderr)
    return opened


def texts_per_s(
    pairs: Sequence[Pair], embedders: Mapping[str, Embedder], *, quick: bool
) -> Figures:
    """Weigh and embed short texts; how many a second."""
    short = [
        pair.document for pair in pairs if SHORT_TEXT.start <= len(pair.document) < SHORT_TEXT.stop
    ]

    def measured(work: Callable[[list[str]], object], texts: list[str]) -> float:
        work(texts[:50])
        started = perf_counter()
        work(texts)
        return len(texts) / (perf_counter() - started)

    speeds = {"words": measured(lambda texts: [*map(lexical.document_weights, texts)], short * 20)}
    for name, embedder in embedders.items():
        times = 20 if name == "static" else 1 if quick else 3
        speeds[name] = measured(embedder.embed, short * times)
    return {
        f"texts/s, {name}": figure(speed, at_least=TEXTS_PER_S.get(name))
        for name, speed in speeds.items()
    }


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure on all sets; the quick way on the first alone."""
    limit = QUICK_QUERIES if quick else QUERIES
    sets = {"standard library": standard_library(limit)}
    if not quick:
        sets |= {"packages": installed_packages(limit), "manual": manual_pages(limit)}
    embedders = open_embedders()
    figures: Figures = {}
    for title, pairs in sets.items():
        if not pairs:
            continue
        found = searches(pairs, embedders)
        figures[f"queries, {title}"] = figure(len(pairs))
        for name, hit in found.items():
            peer = found["words"] if name != "words" else None
            figures[f"hit@1 %, {title}: {name}"] = figure(hit.at_1, peer=peer and peer.at_1)
            figures[f"hit@10 %, {title}: {name}"] = figure(hit.at_10, peer=peer and peer.at_10)
    return figures | texts_per_s(sets["standard library"], embedders, quick=quick)


if __name__ == "__main__":
    main(measure, __doc__)
