"""WordPiece: cuts text into the tokens of BERT's uncased vocabulary.

The rules are those of the published tokeniser (https://github.com/google-research/bert,
tokenization.py): control characters go, letters become small and lose their accents, punctuation
and CJK characters stand alone, and each word is cut into the longest pieces that are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

UNKNOWN = "[UNK]"
CONTINUED = "##"
LONGEST_WORD = 100
"""Characters of a word; a longer one is unknown."""

CACHED_WORDS = 200_000
CACHED_LENGTH = 40
"""Bounds of the memory for words: how many, and how long each may be, in characters."""

# `str.split` takes these for blanks; the tokeniser drops them as control characters.
_CONTROL_BLANKS = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
_ASCII_WORDS = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
# Not the unassigned ones: which those are depends on the version of Unicode.
_DROPPED = frozenset({"Cc", "Cf", "Co", "Cs"})
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """A tokeniser; safe to share among threads.

    Attributes:
        vocabulary: number of each token.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        """Take the tokens in the order of their numbers."""
        self.vocabulary = {token: number for number, token in enumerate(tokens)}
        self._unknown = self.vocabulary[UNKNOWN]
        self._numbers: dict[str, tuple[int, ...]] = {}

    def numbers(self, text: str, limit: int) -> list[int]:
        """Number the tokens of a text, up to a limit; special tokens are not added."""
        if _CONTROL_BLANKS.search(text):
            text = _CONTROL_BLANKS.sub("", text)
        known = self._numbers
        numbers: list[int] = []
        for chunk in text.split(maxsplit=limit)[:limit]:
            found = known.get(chunk)
            numbers.extend(self._learn(chunk, limit) if found is None else found)
        return numbers[:limit]

    def _learn(self, chunk: str, limit: int) -> tuple[int, ...]:
        # No token stands for more characters than the longest word.
        chunk = chunk[: limit * (LONGEST_WORD + 1)]
        numbers = tuple(number for word in words(chunk) for number in self._pieces(word))
        if len(chunk) <= CACHED_LENGTH:
            if len(self._numbers) >= CACHED_WORDS:
                self._numbers = {}
            self._numbers[chunk] = numbers
        return numbers

    def _pieces(self, word: str) -> list[int]:
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        pieces, start = [], 0
        while start < len(word):
            prefix = CONTINUED if start else ""
            for end in range(len(word), start, -1):
                number = self.vocabulary.get(prefix + word[start:end])
                if number is not None:
                    break
            else:
                return [self._unknown]
            pieces.append(number)
            start = end
        return pieces


def words(chunk: str) -> Iterator[str]:
    """Cut text without blanks into words and single characters."""
    if chunk.isascii() and chunk.isprintable():
        yield from _ASCII_WORDS.findall(chunk.lower())
        return
    word = ""
    for character in _folded(chunk):
        if character == " " or _stands_alone(character):
            if word:
                yield word
            if character != " ":
                yield character
            word = ""
        else:
            word += character
    if word:
        yield word


def _folded(chunk: str) -> str:
    kept = "".join(
        character
        for character in chunk
        if character != "\ufffd" and unicodedata.category(character) not in _DROPPED
    )
    # CJK characters are told apart before letters become small, as compatibility forms may change.
    spaced = "".join(f" {character} " if _is_cjk(character) else character for character in kept)
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", spaced)
        if unicodedata.category(character) != "Mn"
    )
    return "".join(map(str.lower, bare))  # one by one: a sigma at the end is like any other


def _stands_alone(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")


def _is_cjk(character: str) -> bool:
    point = ord(character)
    return any(first <= point <= last for first, last in _CJK)
