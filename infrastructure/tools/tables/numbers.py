"""Numbers: recognises figures written in any country's way and builds the SQL that converts them.

Values are judged by their shape: every digit replaced by 9. A column of millions has few shapes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from infrastructure.tools.tables.names import text_literals

CURRENCY_CODES = tuple(
    "EUR USD GBP CHF JPY CNY INR AUD CAD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH BRL"  # noqa: SIM905  # legible
    " MXN ARS CLP COP PEN ZAR ILS AED SAR KRW SGD HKD TWD THB IDR MYR PHP VND ISK RSD MAD EGP"
    " NGN KES".split()
)
_SYMBOLS = "€$£¥₹₽₺₩₪฿"
_WORDS = ("US$", "A$", "C$", "R$", "Rs.", "Rs", "kr.", "kr", "zł", "Kč", "Fr.", "Fr", "Ft", "lei")
SPACES = " \u00a0\u202f\u2009"
_CURRENCY = "|".join(
    [*sorted(CURRENCY_CODES), *(re.escape(word) for word in _WORDS), f"[{_SYMBOLS}]"]
)
_MINUS = "-\u2212\u2013"
_DECORATED = re.compile(
    rf"(?P<open>\()?[{SPACES}]*(?P<sign1>[{_MINUS}+])?[{SPACES}]*(?P<cur1>{_CURRENCY})?[{SPACES}]*"
    rf"(?P<sign2>[{_MINUS}+])?[{SPACES}]*"
    rf"(?P<core>[0-9][0-9.,'\u2019{SPACES}]*|[.,][0-9]+)"
    rf"(?P<sign3>[{_MINUS}])?(?P<percent>[{SPACES}]*%)?[{SPACES}]*(?P<cur2>{_CURRENCY})?"
    rf"[{SPACES}]*(?P<sign4>[{_MINUS}])?[{SPACES}]*(?P<close>\))?"
)
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+([.][0-9]+)?[eE][+-]?[0-9]{1,3}")
_GROUPS = rf"['\u2019{SPACES}]"
_MAX_DIGITS = 18
_MAX_SCALE = 6


class Separator(Enum):
    """The decimal separator a shape asks for."""

    POINT = "point"
    COMMA = "comma"
    NONE = "none"
    """No fraction: groups of thousands or plain digits, read the same either way."""
    LONE_POINT = "lone point"
    """`9.999`: thousands or a fraction; the column decides."""
    LONE_COMMA = "lone comma"
    SCIENTIFIC = "scientific"


@dataclass(frozen=True, slots=True)
class Figure:
    """What a shape says about the numbers written in it.

    Attributes:
        currency: sign or code in front or behind; empty when there is none.
        whole, fraction: digits before and after the separator, were it a decimal one.
    """

    separator: Separator
    whole: int = 0
    fraction: int = 0
    currency: str = ""
    percent: bool = False
    plain: bool = False


def read_shape(shape: str) -> Figure | None:
    """Read a value or its shape as a number; None when it is none."""
    if _SCIENTIFIC.fullmatch(shape):
        return Figure(Separator.SCIENTIFIC)
    match = _DECORATED.fullmatch(shape)
    if match is None or not _signs_agree(match):
        return None
    core = match["core"].strip(SPACES)
    currency = (match["cur1"] or match["cur2"] or "").strip()
    found = _read_core(core)
    if found is None or (match["cur1"] and match["cur2"]):
        return None
    separator, whole, fraction = found
    plain = re.fullmatch(r"-?[0-9]+([.][0-9]+)?", shape) is not None
    return Figure(separator, whole, fraction, currency, match["percent"] is not None, plain)


def _signs_agree(match: re.Match[str]) -> bool:
    signs = [match[name] for name in ("sign1", "sign2", "sign3", "sign4") if match[name]]
    bracketed = (match["open"] is None) == (match["close"] is None)
    return bracketed and len(signs) + (match["open"] is not None) <= 1


def _read_core(core: str) -> tuple[Separator, int, int] | None:
    digits = sum(sign.isdigit() for sign in core)
    if core.isdigit():
        return Separator.NONE, digits, 0
    spaced = re.fullmatch(
        rf"([0-9]{{1,3}})(?:({_GROUPS})[0-9]{{3}})(?:\2[0-9]{{3}})*([.,][0-9]+)?", core
    )
    if spaced:
        tail = spaced[3] or ""
        separator = {"": Separator.NONE, ".": Separator.POINT, ",": Separator.COMMA}[tail[:1]]
        return separator, digits - len(tail[1:]), len(tail[1:])
    for group, point, decimal, lone in (
        (",", ".", Separator.POINT, Separator.LONE_COMMA),
        (".", ",", Separator.COMMA, Separator.LONE_POINT),
    ):
        found = _read_grouped(core, digits, group, point, decimal, lone)
        if found is not None:
            return found
    return None


def _read_grouped(  # noqa: PLR0913, PLR0917  # the two ways of writing, spelled out
    core: str, digits: int, group: str, point: str, decimal: Separator, lone: Separator
) -> tuple[Separator, int, int] | None:
    escaped = re.escape(group)
    if re.fullmatch(rf"[0-9]{{1,3}}{escaped}[0-9]{{3}}", core):
        return lone, digits - 3, 3
    # Groups of two are the Indian way: 12,34,567.
    grouped = rf"[0-9]{{1,3}}(?:{escaped}[0-9]{{2,3}})*{escaped}[0-9]{{3}}"
    match = re.fullmatch(rf"({grouped})(?:{re.escape(point)}([0-9]*))?", core)
    if match:
        fraction = len(match[2] or "")
        return (decimal if match[2] is not None else Separator.NONE), digits - fraction, fraction
    match = re.fullmatch(rf"[0-9]*{re.escape(point)}([0-9]*)", core)
    if match and not re.fullmatch(rf"[0-9]{{1,3}}{re.escape(point)}[0-9]{{3}}", core):
        return decimal, digits - len(match[1]), len(match[1])
    return None


def looks_like_number(value: str) -> bool:
    """Tell whether a single value is written like a number."""
    return read_shape(value.strip()) is not None


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape with what the column holds in it.

    Attributes:
        example: one of its values.
        leading_zeros: values like 0123, which are codes rather than numbers.
        zero_points: values like 0.123 or 0,123, whose separator can only be a decimal one.
    """

    text: str
    count: int
    example: str
    leading_zeros: int = 0
    zero_points: int = 0


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """How the values of a column are to be read as numbers.

    Attributes:
        points, commas: shapes whose decimal separator is a point, or a comma.
        scientific: shapes with an exponent.
        strangers: shapes that are no numbers.
        scale: digits after the separator; None when the column needs floating point.
        assumed: whether the separator could not be told from the values.
    """

    points: tuple[str, ...]
    commas: tuple[str, ...]
    scientific: tuple[str, ...]
    strangers: tuple[Shape, ...]
    scale: int | None
    plain: bool
    assumed: bool = False
    percent: bool = False
    currencies: dict[str, int] = field(default_factory=dict)

    @property
    def sql_type(self) -> str:
        """DuckDB type that holds all values."""
        if self.scale is None:
            return "DOUBLE"
        return f"DECIMAL({_MAX_DIGITS}, {self.scale})" if self.scale else "BIGINT"


def read_column(shapes: Sequence[Shape], *, comma_hint: bool) -> NumberColumn | None:
    """Judge a column of text as numbers.

    Args:
        shapes: all shapes of its values, missing ones left out.
        comma_hint: whether other signs in the file point to decimal commas.

    Returns:
        None when none of the shapes is a number.
    """
    read = [(shape, read_shape(shape.text)) for shape in shapes]
    known = [(shape, figure) for shape, figure in read if figure is not None]
    strangers = tuple(shape for shape, figure in read if figure is None)
    if not known or any(_is_long_code(figure) for _, figure in known):
        return None
    comma, assumed = _decimal_comma(known, hint=comma_hint)
    points, commas, scientific = _by_separator(known, comma=comma)
    currencies: dict[str, int] = {}
    for shape, figure in known:
        if figure.currency:
            currencies[figure.currency] = currencies.get(figure.currency, 0) + shape.count
    return NumberColumn(
        points=points,
        commas=commas,
        scientific=scientific,
        strangers=strangers,
        scale=_scale(known, comma=comma),
        plain=all(figure.plain for _, figure in known) and not commas,
        assumed=assumed,
        percent=any(figure.percent for _, figure in known),
        currencies=currencies,
    )


def _is_long_code(figure: Figure) -> bool:
    # Floating point would garble such a number, and nobody adds them up.
    return figure.plain and figure.fraction == 0 and figure.whole > _MAX_DIGITS


def _decimal_comma(known: list[tuple[Shape, Figure]], *, hint: bool) -> tuple[bool, bool]:
    """Decide what a lone separator means: (comma is decimal, whether that is an assumption)."""
    votes = {True: 0, False: 0}
    lone = 0
    for shape, figure in known:
        votes[True] += shape.count * (figure.separator is Separator.COMMA)
        votes[False] += shape.count * (figure.separator is Separator.POINT)
        if figure.separator is Separator.LONE_COMMA:
            votes[True] += shape.zero_points
            lone += shape.count
        if figure.separator is Separator.LONE_POINT:
            votes[False] += shape.zero_points
            lone += shape.count
    if votes[True] != votes[False]:
        return votes[True] > votes[False], False
    return hint, lone > 0


def _by_separator(
    known: list[tuple[Shape, Figure]], *, comma: bool
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    sides: dict[str, list[str]] = {"point": [], "comma": [], "scientific": []}
    for shape, figure in known:
        if figure.separator is Separator.SCIENTIFIC:
            side = "scientific"
        elif figure.separator is Separator.COMMA:
            side = "comma"
        elif figure.separator is Separator.POINT:
            side = "point"
        else:
            side = "comma" if comma else "point"
            if figure.separator is Separator.NONE:
                side = _side_of_groups(shape.text, side)
        sides[side].append(shape.text)
    return tuple(sides["point"]), tuple(sides["comma"]), tuple(sides["scientific"])


def _side_of_groups(shape: str, side: str) -> str:
    """Keep the separator that only groups thousands from being taken for the decimal one."""
    if "," in shape:
        return "point"
    return "comma" if "." in shape else side


def _scale(known: list[tuple[Shape, Figure]], *, comma: bool) -> int | None:
    whole, scale = 0, 0
    for _, figure in known:
        if figure.separator is Separator.SCIENTIFIC:
            return None
        decimal = figure.separator in {Separator.POINT, Separator.COMMA} or (
            figure.separator is (Separator.LONE_COMMA if comma else Separator.LONE_POINT)
        )
        fraction = figure.fraction if decimal else 0
        whole = max(whole, figure.whole + figure.fraction - fraction)
        scale = max(scale, fraction)
    return scale if scale <= _MAX_SCALE and whole + scale <= _MAX_DIGITS else None


def conversion(column: NumberColumn, value: str, shape: str) -> str:
    """Build the SQL expression that turns a text into its number, or NULL when it is none.

    Args:
        value: SQL of the trimmed text.
        shape: SQL of its shape.
    """
    if column.plain:
        return f"TRY_CAST({value} AS {column.sql_type})"
    sign = f"CASE WHEN regexp_matches({value}, '[{_MINUS}(]') THEN -1 ELSE 1 END"
    branches = []
    for shapes, digits in (
        (column.points, f"regexp_replace({value}, '[a-z][.]|[^0-9.]', '', 'g')"),
        (column.commas, f"replace(regexp_replace({value}, '[^0-9,]', '', 'g'), ',', '.')"),
    ):
        if shapes:
            number = f"TRY_CAST({digits} AS {column.sql_type}) * ({sign})"
            branches.append(f"WHEN {shape} IN ({text_literals(shapes)}) THEN {number}")
    if column.scientific:
        branches.append(
            f"WHEN {shape} IN ({text_literals(column.scientific)}) THEN TRY_CAST({value} AS DOUBLE)"
        )
    return f"CAST(CASE {' '.join(branches)} END AS {column.sql_type})"
