"""Terms: what a predicate may name, and the typed parts that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from enum import StrEnum
from typing import Any

ARITHMETIC = Context(
    prec=50, Emax=1000, Emin=-1000, traps=[DivisionByZero, InvalidOperation, Overflow]
)
"""Decimal arithmetic of 50 digits, so that cents add up to dollars."""


class Type(StrEnum):
    """Type of a value, worded as errors name it."""

    NUMBER = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    NUMBERS = "a list of numbers"
    TEXTS = "a list of texts"


ELEMENT = {Type.NUMBERS: Type.NUMBER, Type.TEXTS: Type.TEXT}

Evaluate = Callable[[Any], Any]
"""Gives the value in a state: int or Decimal, str, bool, or a collection; None when it has none."""


@dataclass(frozen=True, slots=True)
class Term:
    """Something that can be named.

    Attributes:
        read: gives its value in a state.
        unit: what a number counts.
        meaning: what it tells, in a few words.
        fed_by: types of the events that can change it; None when every event does.
        words: the only texts it can be, if there are such.
    """

    name: str
    type: Type
    read: Evaluate
    unit: str = ""
    meaning: str = ""
    fed_by: frozenset[str] | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that the predicates on one kind of state may name.

    Attributes:
        terms: by name.
        elsewhere: sentences on names that are known, but not here.
        agent_term: makes the term of one agent, by its handle and the name after the dot; None
            when there is none of this name.
        agent_names: the names that may stand after the dot.
    """

    terms: Mapping[str, Term]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    agent_term: Callable[[str, str], Term | None] = lambda _handle, _name: None
    agent_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a predicate that has a value.

    Attributes:
        start: its first character; `end` follows its last.
        literal: the texts that it consists of, when it is written out.
        words: the only texts it can be, if there are such.
    """

    type: Type
    start: int
    end: int
    evaluate: Evaluate
    literal: tuple[tuple[str, int, int], ...] = ()
    words: tuple[str, ...] = ()


def all_of(parts: list[Evaluate]) -> Evaluate:
    """Combine by `and`: false as soon as one is false, else of no value if one has none."""

    def evaluate(state: Any) -> bool | None:
        result: bool | None = True
        for part in parts:
            value = part(state)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return evaluate


def any_of(parts: list[Evaluate]) -> Evaluate:
    """Combine by `or`: true as soon as one is true, else of no value if one has none."""

    def evaluate(state: Any) -> bool | None:
        result: bool | None = False
        for part in parts:
            value = part(state)
            if value is True:
                return True
            if value is None:
                result = None
        return result

    return evaluate


def compared(
    first: Evaluate, following: list[tuple[Callable[[Any, Any], bool], Evaluate]]
) -> Evaluate:
    """Compare each value with the one before it; all comparisons must hold."""

    def evaluate(state: Any) -> bool | None:
        left = first(state)
        result: bool | None = True
        for compare, part in following:
            right = part(state)
            if left is None or right is None:
                result = None
            elif not compare(left, right):
                return False
            left = right
        return result

    return evaluate


def calculated(
    first: Evaluate, following: list[tuple[Callable[[Any, Any], Decimal], Evaluate]]
) -> Evaluate:
    """Calculate from left to right; of no value where it divides by zero or grows too large."""

    def evaluate(state: Any) -> Decimal | None:
        result = first(state)
        for calculate, part in following:
            value = part(state)
            if result is None or value is None:
                return None
            try:
                result = calculate(result, value)
            except ArithmeticError:
                return None
        return result  # type: ignore[no-any-return]

    return evaluate
