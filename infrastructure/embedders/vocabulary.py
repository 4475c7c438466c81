"""Vocabulary: the tokens of BERT's uncased vocabulary, words among them by falling frequency."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

FILE = "vocabulary.txt"
CLASSIFY, SEPARATE = "[CLS]", "[SEP]"
"""Tokens that stand before and after a text."""


@cache
def vocabulary() -> tuple[str, ...]:
    """Read the tokens; the place of each is its number."""
    text = files("infrastructure.embedders").joinpath(FILE).read_text("utf-8")
    return tuple(text.removesuffix("\n").split("\n"))
