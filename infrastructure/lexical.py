"""Lexical weights: BM25 as sparse vectors, whose inner product is the score of a document.

The formula is that of Robertson and Zaragoza 2009 (https://doi.org/10.1561/1500000019, section 3)
with k1 = 1.2 and b = 0.75. What BM25 usually takes from the corpus is frozen here, so that no later
document changes a past ranking: the average length, and how rare each word is. The latter comes
from the order of a vocabulary by frequency, through Zipf's law.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b

VERSION = 1
"""Changes with whatever changes a weight; weights of different versions never mix."""

DIMENSIONS = 1_000_000_000
"""As many as a `sparsevec` may have.

Of a million different terms about 500 pairs share a dimension: one term in a thousand.
"""

MOST_TERMS = 16_000
"""Terms that a `sparsevec` holds."""

AVERAGE_LENGTH = 60
"""Terms of an average document."""

SATURATION = 1.2
LENGTH_SHARE = 0.75
"""k1 and b of BM25."""

RAREST_RANK = 100_000
"""Rank of every word that is not in the vocabulary."""

SHORTEST_PLURAL = 4
"""Letters; shorter words, such as "gas", stay as they are."""

CACHED_CHUNKS = 200_000
CACHED_LENGTH = 40
"""Bounds of the memory for words: how many, and how long each may be, in characters."""

_FREQUENT_SINGLES = {"a": 6, "i": 16}
_ASCII_SINGLE_RANK = 100
_OTHER_SINGLE_RANK = 1000
"""Ranks of single characters, which the vocabulary lists by code point instead of frequency."""

_EULER = 0.5772156649
_HARMONIC = math.log(RAREST_RANK) + _EULER

_ASCII_TERMS = re.compile("[a-z0-9]+")
# Written without blanks between words: Han, kana, Hangul; Thai, Lao, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)


def document_weights(text: str) -> dict[int, float]:
    """Weigh the terms of a document, all but how rare they are.

    Returns:
        Weight by dimension, counted from 0; of very many terms the heaviest.
    """
    counts = Counter(_terms(text))
    length = sum(counts.values())
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length / AVERAGE_LENGTH)
    weights: dict[int, float] = {}
    for (dimension, _), count in counts.items():
        weight = count * (SATURATION + 1) / (count + norm)
        weights[dimension] = weights.get(dimension, 0.0) + weight
    return _heaviest(weights)


def query_weights(text: str) -> dict[int, float]:
    """Tell how rare each term of a query is, as a natural logarithm.

    Returns:
        Weight by dimension, counted from 0; of very many terms the rarest.
    """
    weights: dict[int, float] = {}
    for dimension, rarity in dict.fromkeys(_terms(text)):
        weights[dimension] = max(weights.get(dimension, 0.0), rarity)
    return _heaviest(weights)


def sparse_text(weights: Mapping[int, float]) -> str:
    """Write weights as pgvector reads a `sparsevec`, where dimensions count from 1."""
    inner = ",".join(f"{index + 1}:{weights[index]:.6g}" for index in sorted(weights))
    return f"{{{inner}}}/{DIMENSIONS}"


def words(text: str) -> list[str]:
    """Cut text into terms: small letters without accents or plurals, digits, CJK characters.

    Scripts without blanks between words give their characters and each pair of neighbours.
    """
    return [word for chunk in text.split() for word in _words(chunk)]


def rarity(word: str) -> float:
    """Estimate the idf of a term from its rank: minus the logarithm of its share of documents.

    By Zipf's law a word of rank r is one in r * H words, H being a harmonic number. A document
    without it has missed it with each of its words.
    """
    share = -math.expm1(AVERAGE_LENGTH * math.log1p(-1 / (_rank(word) * _HARMONIC)))
    return -math.log(share)


def _heaviest(weights: dict[int, float]) -> dict[int, float]:
    if len(weights) <= MOST_TERMS:
        return weights
    ordered = sorted(weights, key=lambda dimension: (-weights[dimension], dimension))
    return {dimension: weights[dimension] for dimension in ordered[:MOST_TERMS]}


Term = tuple[int, float]
"""Dimension and rarity."""

_known: dict[str, tuple[Term, ...]] = {}


def _terms(text: str) -> Iterator[Term]:
    for chunk in text.split():
        found = _known.get(chunk)
        yield from _learn(chunk) if found is None else found


def _learn(chunk: str) -> tuple[Term, ...]:
    terms = tuple((_dimension(word), rarity(word)) for word in _words(chunk))
    if len(chunk) <= CACHED_LENGTH:
        if len(_known) >= CACHED_CHUNKS:
            _known.clear()
        _known[chunk] = terms
    return terms


def _dimension(word: str) -> int:
    digest = blake2b(word.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % DIMENSIONS


def _words(chunk: str) -> list[str]:
    if chunk.isascii():
        return [_singular(word) for word in _ASCII_TERMS.findall(chunk.lower())]
    found: list[str] = []
    word = ""
    for character in f"{_folded(chunk)} ":
        if _belongs_to_word(character):
            word += character
        elif word:
            found.extend(_terms_of(word))
            word = ""
    return found


def _singular(word: str) -> str:
    """Take the ending of a plural away.

    The rules are those of the S stemmer (Harman 1991), with boxes, classes and pushes added.
    """
    if len(word) < SHORTEST_PLURAL or word[-1] != "s" or word[-2:] in {"ss", "us", "is"}:
        return word
    if word.endswith("ies") and len(word) > SHORTEST_PLURAL:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "shes", "xes")) else word[:-1]


def _folded(chunk: str) -> str:
    """Fold compatibility forms, case and accents; Hangul comes apart and together again."""
    parts = unicodedata.normalize("NFKD", chunk.casefold())
    bare = "".join(character for character in parts if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", bare).casefold()


def _belongs_to_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) in {"Mc", "Mn"}


def _terms_of(word: str) -> Iterator[str]:
    start = 0
    while start < len(word):
        unspaced = bool(_UNSPACED.match(word[start]))
        end = start + 1
        while end < len(word) and bool(_UNSPACED.match(word[end])) is unspaced:
            end += 1
        run = word[start:end]
        if unspaced:
            yield from run
            yield from (run[at : at + 2] for at in range(len(run) - 1))
        else:
            yield _singular(run)
        start = end


def _rank(word: str) -> int:
    if len(word) == 1:
        single = _ASCII_SINGLE_RANK if word.isascii() else _OTHER_SINGLE_RANK
        return _FREQUENT_SINGLES.get(word, single)
    return _ranks().get(word, RAREST_RANK)


@cache
def _ranks() -> dict[str, int]:
    from infrastructure.embedders.vocabulary import vocabulary  # noqa: PLC0415 - heavy

    ranks: dict[str, int] = {}
    whole = (token for token in vocabulary() if token.isalnum() and len(token) > 1)
    for rank, token in enumerate(whole, start=1):
        ranks.setdefault(_singular(token), rank)
    return ranks
