"""Predicates: a small language of conditions, checked before any event is read.

predicate  = conjunction { "or" conjunction }
conjunction = negation { "and" negation }
negation   = "not" negation | comparison
comparison = sum { ( "==" | "!=" | "<" | "<=" | ">" | ">=" | [ "not" ] "in" ) sum }
sum        = product { ( "+" | "-" ) product }
product    = factor { ( "*" | "/" ) factor }
factor     = ( "+" | "-" ) factor | primary
primary    = number | text | "true" | "false" | name | "(" predicate ")"
           | "[" predicate { "," predicate } "]"
           | "contains" "(" predicate "," predicate ")"
           | "agent" "(" text ")" "." name
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from application.comparing.terms import (
    ARITHMETIC,
    ELEMENT,
    Evaluate,
    Part,
    Term,
    Type,
    Vocabulary,
    all_of,
    any_of,
    calculated,
    compared,
)
from application.comparing.tokens import PredicateError, Token, TokenCursor, TokenKind

EXAMPLE = "write for example 'cost_usd > 5'"

TRUTHS = {"true": True, "false": False, "True": True, "False": False}
KEYWORDS = ("and", "or", "not", "in", "true", "false", "contains", "agent")

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALITY: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}
_SUMS: dict[str, Callable[[Any, Any], Decimal]] = {
    "+": ARITHMETIC.add,
    "-": ARITHMETIC.subtract,
}
_PRODUCTS: dict[str, Callable[[Any, Any], Decimal]] = {
    "*": ARITHMETIC.multiply,
    "/": ARITHMETIC.divide,
}


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition on a state.

    Attributes:
        expression: as it was given.
        terms: what it names, each once, in order.
        evaluate: tells whether it holds in a state; None where it has no value, as after a division
            by zero.
    """

    expression: str
    terms: tuple[Term, ...]
    evaluate: Evaluate

    def holds(self, state: Any) -> bool:
        """Tell whether it holds in a state; where it has no value it does not."""
        return self.evaluate(state) is True


def parse(expression: str, vocabulary: Vocabulary) -> Predicate:
    """Understand a predicate.

    Args:
        vocabulary: what it may name.

    Raises:
        PredicateError: it is none, names what is unknown, or compares what cannot be compared.
    """
    parser = _Parser(expression, vocabulary)
    part = parser.whole()
    return Predicate(expression, tuple(parser.terms.values()), part.evaluate)


class _Parser(TokenCursor):
    def __init__(self, expression: str, vocabulary: Vocabulary) -> None:
        super().__init__(expression)
        self.terms: dict[str, Term] = {}
        self._vocabulary = vocabulary

    def whole(self) -> Part:
        part = self._disjunction()
        token = self._token
        if token.kind is not TokenKind.END:
            raise self._error(f"{token.text!r} is not expected here; {self._advice(token)}.", token)
        if part.type is not Type.TRUTH:
            raise self._error(
                f"This is {part.type}, but a predicate is true or false; {EXAMPLE}.", part
            )
        return part

    def _disjunction(self) -> Part:
        return self._combined("or", self._conjunction, any_of)

    def _conjunction(self) -> Part:
        return self._combined("and", self._negation, all_of)

    def _combined(
        self, word: str, read: Callable[[], Part], combine: Callable[[list[Evaluate]], Evaluate]
    ) -> Part:
        parts = [read()]
        while self._take(word):
            parts.append(read())
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            self._require(part, Type.TRUTH, f"'{word}' joins conditions")
        evaluate = combine([part.evaluate for part in parts])
        return Part(Type.TRUTH, parts[0].start, parts[-1].end, evaluate)

    def _negation(self) -> Part:
        token = self._token
        if not self._take("not"):
            return self._comparison()
        self._descend(token)
        part = self._negation()
        self._ascend()
        self._require(part, Type.TRUTH, "'not' turns a condition round")
        inner = part.evaluate

        def evaluate(state: Any) -> bool | None:
            value = inner(state)
            return None if value is None else not value

        return Part(Type.TRUTH, token.start, part.end, evaluate)

    def _comparison(self) -> Part:
        first = left = self._sum()
        following: list[tuple[Callable[[Any, Any], bool], Evaluate]] = []
        while (sign := self._comparing()) is not None:
            right = self._sum()
            following.append((self._compare(sign, left, right), right.evaluate))
            left = right
        if not following:
            return first
        evaluate = compared(first.evaluate, following)
        return Part(Type.TRUTH, first.start, left.end, evaluate)

    def _comparing(self) -> Token | None:
        token = self._token
        if token.kind is TokenKind.SIGN and token.text in {**_ORDER, **_EQUALITY}:
            return self._advance()
        if self._take("in"):
            return token
        if self._take("not", "in"):
            return Token(TokenKind.NAME, "not in", token.start, self._previous.end)
        return None

    def _compare(self, sign: Token, left: Part, right: Part) -> Callable[[Any, Any], bool]:
        if sign.text in _ORDER:
            for part in (left, right):
                self._require(part, Type.NUMBER, f"'{sign.text}' compares numbers")
            return _ORDER[sign.text]
        if sign.text in _EQUALITY:
            if left.type in ELEMENT or right.type in ELEMENT:
                part = left if left.type in ELEMENT else right
                sentence = f"This is {part.type}; ask with 'in' whether something is in it."
                raise self._error(sentence, part)
            self._require(right, left.type, f"{left.type} stands before '{sign.text}'")
            self._check_words(left, right)
            return _EQUALITY[sign.text]
        return self._membership(sign, left, right)

    def _membership(self, sign: Token, left: Part, right: Part) -> Callable[[Any, Any], bool]:
        within = Type.TEXT if right.type is Type.TEXT else ELEMENT.get(right.type)
        if within is None:
            raise self._error(
                f"This is {right.type}; '{sign.text}' looks into a list or a text.", right
            )
        self._require(left, within, f"'{sign.text}' looks for {within}")
        if right.type is Type.TEXTS:
            self._check_words(left, right)
        if sign.text == "in":
            return lambda value, values: value in values
        return lambda value, values: value not in values

    def _check_words(self, left: Part, right: Part) -> None:
        for known, written in ((left, right), (right, left)):
            for word, start, end in written.literal if known.words else ():
                if word not in known.words:
                    name = " ".join(self._expression[known.start : known.end].split())
                    raise PredicateError(
                        f"{word!r} is nothing that {name} can be; {_nearest(word, known.words)}.",
                        self._expression,
                        start,
                        end,
                    )

    def _sum(self) -> Part:
        return self._calculation(_SUMS, self._product)

    def _product(self) -> Part:
        return self._calculation(_PRODUCTS, self._factor)

    def _calculation(
        self, signs: dict[str, Callable[[Any, Any], Decimal]], read: Callable[[], Part]
    ) -> Part:
        first = last = read()
        following: list[tuple[Callable[[Any, Any], Decimal], Evaluate]] = []
        while self._token.kind is TokenKind.SIGN and self._token.text in signs:
            sign = self._advance().text
            last = read()
            for part in (first, last):
                self._require(part, Type.NUMBER, f"'{sign}' calculates with numbers")
            following.append((signs[sign], last.evaluate))
        if not following:
            return first
        return Part(Type.NUMBER, first.start, last.end, calculated(first.evaluate, following))

    def _factor(self) -> Part:
        token = self._token
        if token.kind is not TokenKind.SIGN or token.text not in _SUMS:
            return self._primary()
        self._advance()
        self._descend(token)
        part = self._factor()
        self._ascend()
        self._require(part, Type.NUMBER, f"'{token.text}' stands before numbers")
        zero: Evaluate = lambda _state: 0  # noqa: E731 - what the sign adds to or takes from
        evaluate = calculated(zero, [(_SUMS[token.text], part.evaluate)])
        return Part(Type.NUMBER, token.start, part.end, evaluate)

    def _primary(self) -> Part:
        token = self._token
        if token.kind is TokenKind.NUMBER:
            return self._number(self._advance())
        if token.kind is TokenKind.TEXT:
            return self._text(self._advance())
        if token.kind is TokenKind.NAME:
            return self._named(token)
        if token.text == "(":
            return self._grouped()
        if token.text == "[":
            return self._listed()
        raise self._missing(token)

    def _number(self, token: Token) -> Part:
        try:
            number = ARITHMETIC.create_decimal(token.text.replace("_", ""))
        except ArithmeticError as error:
            raise self._error("This number is too large.", token) from error
        return Part(Type.NUMBER, token.start, token.end, lambda _state: number)

    def _text(self, token: Token) -> Part:
        said = token.text
        literal = ((said, token.start, token.end),)
        return Part(Type.TEXT, token.start, token.end, lambda _state: said, literal)

    def _named(self, token: Token) -> Part:
        if token.text in TRUTHS:
            truth = TRUTHS[self._advance().text]
            return Part(Type.TRUTH, token.start, token.end, lambda _state: truth)
        if token.text in {"and", "or", "in", "not"}:
            raise self._missing(token)
        if token.text == "contains":
            return self._contains()
        if token.text == "agent":
            return self._agent()
        term = self._vocabulary.terms.get(token.text)
        if term is None:
            raise self._error(self._unknown(token.text), token)
        self._advance()
        return self._term(term, token.start, token.end)

    def _term(self, term: Term, start: int, end: int) -> Part:
        self.terms[term.name] = term
        return Part(term.type, start, end, term.read, words=term.words)

    def _grouped(self) -> Part:
        opening = self._advance()
        self._descend(opening)
        inner = self._disjunction()
        self._ascend()
        closing = self._close(")", opening)
        return Part(
            inner.type, opening.start, closing.end, inner.evaluate, inner.literal, inner.words
        )

    def _listed(self) -> Part:
        opening = self._advance()
        self._descend(opening)
        parts = [self._disjunction()]
        while self._take(","):
            parts.append(self._disjunction())
        self._ascend()
        closing = self._close("]", opening)
        first = parts[0]
        listed = next((kind for kind, each in ELEMENT.items() if each is first.type), None)
        if listed is None:
            raise self._error(f"This is {first.type}; a list holds numbers or texts.", first)
        for part in parts:
            self._require(part, first.type, f"the list begins with {first.type}")
        evaluates = [part.evaluate for part in parts]
        literal = tuple(text for part in parts for text in part.literal)

        def evaluate(state: Any) -> tuple[Any, ...] | None:
            values = tuple(each(state) for each in evaluates)
            return None if None in values else values

        return Part(listed, opening.start, closing.end, evaluate, literal)

    def _contains(self) -> Part:
        token = self._advance()
        opening = self._open(token)
        self._descend(opening)
        text = self._disjunction()
        if not self._take(","):
            raise self._error(
                "contains() takes a text and a word: write for example contains(answer, 'sorry').",
                self._token,
            )
        word = self._disjunction()
        self._ascend()
        closing = self._close(")", opening)
        for part in (text, word):
            self._require(part, Type.TEXT, "contains() takes two texts")
        search = compared(word.evaluate, [(_is_within, text.evaluate)])
        return Part(Type.TRUTH, token.start, closing.end, search)

    def _agent(self) -> Part:
        token = self._advance()
        opening = self._open(token)
        handle = self._token
        if handle.kind is not TokenKind.TEXT:
            raise self._error("agent() takes a handle in quotes: agent('FIN_007').", handle)
        self._advance()
        self._close(")", opening)
        names = ", ".join(self._vocabulary.agent_names)
        if not self._take("."):
            sentence = f"Say what of the agent: agent({handle.text!r}). and one of {names}."
            raise self._error(sentence, self._token)
        name = self._token
        if name.kind is not TokenKind.NAME:
            raise self._error(f"A name is missing here, one of {names}.", name)
        term = self._vocabulary.agent_term(handle.text, name.text)
        if term is None and name.text in self._vocabulary.agent_names:
            sentence = f"{handle.text!r} is no handle of an agent; handles are such as 'FIN_007'."
            raise self._error(sentence, handle)
        if term is None:
            near = _nearest(name.text, self._vocabulary.agent_names)
            raise self._error(f"{name.text!r} is not known of an agent; {near}.", name)
        self._advance()
        return self._term(term, token.start, name.end)

    def _require(self, part: Part, wanted: Type, why: str) -> None:
        if part.type is not wanted:
            raise self._error(f"This is {part.type}; {why}.", part)

    def _unknown(self, name: str) -> str:
        elsewhere = self._vocabulary.elsewhere.get(name)
        if elsewhere is not None:
            return elsewhere
        return f"{name!r} is unknown; {_nearest(name, (*self._vocabulary.terms, *KEYWORDS))}."


def _is_within(word: str, text: str) -> bool:
    return word.casefold() in text.casefold()


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"the nearest known: {', '.join(near)}"
    return f"known are {', '.join(known)}"
