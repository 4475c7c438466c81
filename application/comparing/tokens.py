"""Tokens of a predicate, and the error that points at the place where one is wrong."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from application.errors import BadRequestError

MOST_CHARACTERS = 1000
"""How long a predicate may be."""

MOST_LEVELS = 30
"""How deep parentheses, signs and negations may be nested."""

HINTS = {
    "=": "write '==' to compare",
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not', or '!=' for unequal",
    "%": "percentages are written as fractions: 0.05",
    "^": "powers are not offered",
    "$": "amounts are in US dollars, and written without a sign",
    "#": "there are no comments",
}

_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}

_TOKEN = re.compile(
    r"""
      (?P<number>(?:[0-9]+(?:_[0-9]+)*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<sign>==|!=|<=|>=|[-+*/<>()\[\],.])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"[\w.]+")
_SPACE = re.compile(r"\s+")


class PredicateError(BadRequestError):
    """A predicate cannot be understood.

    Attributes:
        expression: the predicate as it was given.
        start: first character that is wrong, counted from 0; the length when something is missing.
        end: where what is wrong ends, this excluded.
    """

    def __init__(self, sentence: str, expression: str, start: int, end: int) -> None:
        self.expression = expression
        self.start = start
        self.end = max(end, start + 1)
        carets = "^" * max(_columns(expression[start:end]), 1)
        indent = " " * _columns(expression[:start])
        super().__init__(f"{sentence}\n  {_in_one_line(expression)}\n  {indent}{carets}")


class TokenKind(Enum):
    """What a token is."""

    NUMBER = "number"
    NAME = "name"
    TEXT = "text"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A part of a predicate that cannot be divided.

    Attributes:
        text: as it is written; of a quoted text, what it says.
    """

    kind: TokenKind
    text: str
    start: int
    end: int


class Placed(Protocol):
    """Something that has a place in a predicate."""

    @property
    def start(self) -> int:
        """Where it begins, counted from 0."""
        ...

    @property
    def end(self) -> int:
        """Where it ends, this excluded."""
        ...


class TokenCursor:
    """Steps through the tokens of a predicate, and says what is wrong with them."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = tokenise(expression)
        self._next = 0
        self._level = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._token
        self._next += 1
        return token

    @property
    def _previous(self) -> Token:
        return self._tokens[self._next - 1]

    def _take(self, *texts: str) -> bool:
        """Step over names or signs if they come next."""
        coming = self._tokens[self._next : self._next + len(texts)]
        found = all(token.kind in {TokenKind.NAME, TokenKind.SIGN} for token in coming)
        if not found or tuple(token.text for token in coming) != texts:
            return False
        self._next += len(texts)
        return True

    def _descend(self, token: Token) -> None:
        self._level += 1
        if self._level > MOST_LEVELS:
            sentence = f"More than {MOST_LEVELS} levels are nested here; write it flatter."
            raise self._error(sentence, token)

    def _ascend(self) -> None:
        self._level -= 1

    def _open(self, function: Token) -> Token:
        token = self._token
        if not self._take("("):
            raise self._error(f"'(' is missing after {function.text}.", token)
        return token

    def _close(self, sign: str, opening: Token) -> Token:
        token = self._token
        if not self._take(sign):
            if token.kind is TokenKind.END:
                sentence = f"What begins here is not closed: {sign!r} is missing."
                raise self._error(sentence, opening)
            raise self._error(
                f"{token.text!r} is not expected here; {sign!r} is missing, or"
                f" {self._advice(token)}.",
                token,
            )
        return token

    def _missing(self, token: Token) -> PredicateError:
        if token.kind is TokenKind.END:
            return self._error("The predicate ends too early; something is missing here.", token)
        return self._error(f"Something is missing before {token.text!r}.", token)

    def _error(self, sentence: str, place: Placed) -> PredicateError:
        return PredicateError(sentence, self._expression, place.start, place.end)

    @staticmethod
    def _advice(token: Token) -> str:
        if token.kind is TokenKind.NAME and token.text.lower() in {"and", "or", "not", "in"}:
            return f"write {token.text.lower()!r} in small letters"
        return "join conditions by 'and' or 'or'"


def tokenise(expression: str) -> list[Token]:
    """Cut a predicate into tokens; the last one says that it ends.

    Raises:
        PredicateError: it is empty or too long, or holds what belongs to no token.
    """
    if not expression.strip():
        raise PredicateError(
            "The predicate is empty; write for example 'cost_usd > 5'.", expression, 0, 0
        )
    if len(expression) > MOST_CHARACTERS:
        raise PredicateError(
            f"The predicate has {len(expression):,} characters; {MOST_CHARACTERS:,} are allowed.",
            expression[:MOST_CHARACTERS],
            MOST_CHARACTERS - 1,
            MOST_CHARACTERS,
        )
    tokens: list[Token] = []
    place = 0
    while place < len(expression):
        space = _SPACE.match(expression, place)
        if space is not None:
            place = space.end()
            continue
        tokens.append(_token(expression, place))
        place = tokens[-1].end
    length = len(expression)
    return [*tokens, Token(TokenKind.END, "", length, length)]


def _token(expression: str, place: int) -> Token:
    found = _TOKEN.match(expression, place)
    if found is None:
        raise _unknown(expression, place)
    kind, text = TokenKind(found.lastgroup), found.group()
    if kind is TokenKind.NUMBER:
        word = _WORD.match(expression, place)
        if word is not None and word.end() > found.end():
            sentence = f"{word.group()!r} is no number; write for example 5 or 0.25, without units."
            raise PredicateError(sentence, expression, place, word.end())
    if kind is TokenKind.TEXT:
        text = _said(expression, text, place)
    return Token(kind, text, place, found.end())


def _unknown(expression: str, place: int) -> PredicateError:
    character = expression[place]
    if character in "'\"":
        sentence = f"The text that begins here does not end; close it with {character}."
        return PredicateError(sentence, expression, place, len(expression))
    hint = HINTS.get(
        character, "names, numbers, quoted texts and the signs + - * / < > = are known"
    )
    return PredicateError(
        f"{character!r} has no meaning here; {hint}.", expression, place, place + 1
    )


def _said(expression: str, quoted: str, place: int) -> str:
    """Resolve the escapes of a quoted text."""
    said: list[str] = []
    inner, index = quoted[1:-1], 0
    while index < len(inner):
        character = inner[index]
        if character == "\\":
            escaped = inner[index + 1]
            if escaped not in _ESCAPES:
                start = place + 1 + index
                sentence = f"A backslash cannot stand before {escaped!r}; write two for one."
                raise PredicateError(sentence, expression, start, start + 2)
            character = _ESCAPES[escaped]
            index += 1
        said.append(character)
        index += 1
    return "".join(said)


def _in_one_line(expression: str) -> str:
    """Show every character in as many columns as `_columns` counts for it."""
    return "".join(
        " " if character.isspace() or unicodedata.category(character)[0] == "C" else character
        for character in expression
    )


def _columns(text: str) -> int:
    """Count the columns that a text takes in a terminal."""
    columns = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        columns += 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
    return columns
