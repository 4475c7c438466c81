"""Words: what texts are compared by where meaning does not count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

_WORD = re.compile(r"[^\W_]{3,}")
_EVERY_WORD = re.compile(r"\w+")


def words_in(text: str) -> frozenset[str]:
    """Take the words of three letters or more out of a text, letter case aside."""
    return frozenset(word.casefold() for word in _WORD.findall(text))


def every_word_in(text: str) -> tuple[str, ...]:
    """List all words of a text, each once, letter case aside."""
    return tuple(dict.fromkeys(word.casefold() for word in _EVERY_WORD.findall(text)))


def occurs(pattern: str, words: Sequence[str]) -> bool:
    """Tell whether each word of a pattern, in which `*` stands for any letters, is among words."""
    return all(
        any(fnmatchcase(word, wanted) for word in words) for wanted in pattern.casefold().split()
    )
