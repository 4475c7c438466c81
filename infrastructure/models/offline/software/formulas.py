"""Formulas: arithmetic that a requirement writes out or names, read safely and computed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from infrastructure.models.offline.software.words import identifier

_SIGNS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_OPERATORS = (*_SIGNS, ast.USub, ast.UAdd)
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "abs": abs,
    "round": round,
    "min": min,
    "max": max,
}
_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Formula:
    """A computation.

    Attributes:
        name: of the function.
        label: what it gives, in words.
        parameters: names, in order.
        expression: Python, made of numbers, parameters and arithmetic alone.
        positive: parameters that must be above zero.
        known: arguments and the value that is known for them from elsewhere.
        source: words of the requirement it comes from.
    """

    name: str
    label: str
    parameters: tuple[str, ...]
    expression: str
    positive: tuple[str, ...] = ()
    known: tuple[tuple[tuple[float, ...], float], ...] = ()
    source: str = ""


KNOWN: tuple[tuple[str, Formula], ...] = (
    (
        r"\bloan\b|\bmortgage\b|\bannuit|\bmonthly (?:payment|instal+ment)",
        Formula(
            name="monthly_payment",
            label="monthly payment of a loan",
            parameters=("principal", "annual_rate_percent", "years"),
            expression="principal * (annual_rate_percent / 1200) / (1 - (1 + annual_rate_percent /"
            " 1200) ** (-12 * years))",
            positive=("principal", "annual_rate_percent", "years"),
            known=(((100000.0, 6.0, 30.0), 599.55),),
        ),
    ),
    (
        r"\bcompound(?:ed)? interest\b|\bsavings? (?:grow|plan|calculator)",
        Formula(
            name="compound_interest",
            label="balance with compound interest",
            parameters=("principal", "annual_rate_percent", "years"),
            expression="principal * (1 + annual_rate_percent / 100) ** years",
            positive=("principal",),
            known=(((1000.0, 5.0, 2.0), 1102.5),),
        ),
    ),
    (
        r"\bsimple interest\b",
        Formula(
            name="simple_interest",
            label="simple interest",
            parameters=("principal", "annual_rate_percent", "years"),
            expression="principal * annual_rate_percent / 100 * years",
            positive=("principal",),
            known=(((1000.0, 5.0, 2.0), 100.0),),
        ),
    ),
    (
        r"\bbody mass index\b|\bbmi\b",
        Formula(
            name="body_mass_index",
            label="body mass index",
            parameters=("weight_kg", "height_m"),
            expression="weight_kg / height_m ** 2",
            positive=("weight_kg", "height_m"),
            known=(((70.0, 1.75), 22.857143), ((50.0, 1.6), 19.53125)),
        ),
    ),
    (
        r"\bvat\b|\bvalue.added tax\b|\bsales tax\b|\bgross price\b|\bnet price\b",
        Formula(
            name="gross_price",
            label="gross price",
            parameters=("net_price", "tax_percent"),
            expression="net_price * (1 + tax_percent / 100)",
            known=(((100.0, 19.0), 119.0),),
        ),
    ),
    (
        r"\bdiscount",
        Formula(
            name="discounted_price",
            label="price after a discount",
            parameters=("price", "discount_percent"),
            expression="price * (1 - discount_percent / 100)",
            known=(((80.0, 25.0), 60.0),),
        ),
    ),
    (
        r"\btips?\b.*\b(?:bill|split)|\b(?:bill|restaurant)\b.*\btips?\b|\bsplit\w* (?:a|the) bill",
        Formula(
            name="share_per_person",
            label="share of each person, tip included",
            parameters=("bill", "tip_percent", "people"),
            expression="bill * (1 + tip_percent / 100) / people",
            positive=("people",),
            known=(((100.0, 10.0, 4.0), 27.5),),
        ),
    ),
    (
        r"\bfuel (?:consumption|economy|use)\b|\blit(?:re|er)s per 100\b",
        Formula(
            name="fuel_consumption",
            label="litres per 100 kilometres",
            parameters=("litres", "kilometres"),
            expression="litres / kilometres * 100",
            positive=("kilometres",),
            known=(((30.0, 500.0), 6.0),),
        ),
    ),
    (
        r"\bmargin\b|\bprofit\b",
        Formula(
            name="profit_margin",
            label="profit margin in per cent",
            parameters=("revenue", "cost"),
            expression="(revenue - cost) / revenue * 100",
            positive=("revenue",),
            known=(((200.0, 150.0), 25.0),),
        ),
    ),
    (
        r"\barea of (?:a )?circle|\bcircle'?s? area",
        Formula(
            name="circle_area",
            label="area of a circle",
            parameters=("radius",),
            expression="3.141592653589793 * radius ** 2",
            positive=("radius",),
            known=(((2.0,), 12.566371),),
        ),
    ),
    (
        r"\barea of (?:a )?rectangle|\brectangle'?s? area",
        Formula(
            name="rectangle_area",
            label="area of a rectangle",
            parameters=("length", "width"),
            expression="length * width",
            positive=("length", "width"),
            known=(((3.0, 4.0), 12.0),),
        ),
    ),
    (
        r"\bpercentage change\b|\bpercent(?:age)? (?:increase|difference)\b",
        Formula(
            name="percentage_change",
            label="change in per cent",
            parameters=("before", "after"),
            expression="(after - before) / before * 100",
            positive=("before",),
            known=(((80.0, 100.0), 25.0),),
        ),
    ),
)

UNITS: dict[str, tuple[str, float]] = {
    "kilometres": ("length", 1000.0),
    "metres": ("length", 1.0),
    "centimetres": ("length", 0.01),
    "miles": ("length", 1609.344),
    "feet": ("length", 0.3048),
    "inches": ("length", 0.0254),
    "yards": ("length", 0.9144),
    "kilograms": ("mass", 1.0),
    "grams": ("mass", 0.001),
    "pounds": ("mass", 0.45359237),
    "ounces": ("mass", 0.028349523125),
    "litres": ("volume", 1.0),
    "gallons": ("volume", 3.785411784),
    "hours": ("time", 3600.0),
    "minutes": ("time", 60.0),
    "seconds": ("time", 1.0),
}
"""What a unit measures, and how many of the first unit of its kind it is."""

_UNIT_WORDS = {
    "kilometres": r"\bkilomet(?:re|er)s?\b|\bkm\b",
    "metres": r"\bmet(?:re|er)s?\b",
    "centimetres": r"\bcentimet(?:re|er)s?\b|\bcm\b",
    "miles": r"\bmiles?\b",
    "feet": r"\bf(?:ee|oo)t\b",
    "inches": r"\binch(?:es)?\b",
    "yards": r"\byards?\b",
    "kilograms": r"\bkilograms?\b|\bkilos?\b|\bkg\b",
    "grams": r"\bgrams?\b",
    "pounds": r"\bpounds?\b",
    "ounces": r"\bounces?\b",
    "litres": r"\blit(?:re|er)s?\b",
    "gallons": r"\bgallons?\b",
    "hours": r"\bhours?\b",
    "minutes": r"\bminutes?\b",
    "seconds": r"\bseconds?\b",
}
TEMPERATURES: dict[tuple[str, str], tuple[str, tuple[tuple[tuple[float, ...], float], ...]]] = {
    ("celsius", "fahrenheit"): ("celsius * 9 / 5 + 32", (((100.0,), 212.0), ((-40.0,), -40.0))),
    ("fahrenheit", "celsius"): ("(fahrenheit - 32) * 5 / 9", (((212.0,), 100.0), ((32.0,), 0.0))),
    ("celsius", "kelvin"): ("celsius + 273.15", (((0.0,), 273.15),)),
    ("kelvin", "celsius"): ("kelvin - 273.15", (((273.15,), 0.0),)),
    ("fahrenheit", "kelvin"): ("(fahrenheit - 32) * 5 / 9 + 273.15", (((32.0,), 273.15),)),
    ("kelvin", "fahrenheit"): ("(kelvin - 273.15) * 9 / 5 + 32", (((273.15,), 32.0),)),
}
_WRITTEN = re.compile(r"(?P<name>[A-Za-z][A-Za-z_ ]{0,40}?)\s*=\s*(?P<expression>[^=;\n]+)")
_CONVERTS = re.compile(r"\bconver|\btransform|\bturn|\btranslat", re.IGNORECASE)


def find_formulas(text: str) -> tuple[Formula, ...]:
    """Find what a requirement wants computed: written formulas, then units, then known names."""
    written = tuple(_written(text))
    if written:
        return written
    folded = text.casefold()
    found = [*_temperatures(folded), *_units(folded)] if _CONVERTS.search(text) else []
    for pattern, formula in KNOWN:
        if (match := re.search(pattern, folded)) is not None:
            found.append(replace(formula, source=match[0]))
    return tuple(found)


def _temperatures(text: str) -> list[Formula]:
    named = [name for name in ("celsius", "fahrenheit", "kelvin") if name in text]
    return [
        Formula(
            name=f"{source}_to_{target}",
            label=f"degrees {target.title()} of degrees {source.title()}",
            parameters=(source,),
            expression=expression,
            known=known,
            source=f"{source} {target} temperature degrees",
        )
        for (source, target), (expression, known) in TEMPERATURES.items()
        if source in named and target in named
    ]


def _units(text: str) -> list[Formula]:
    named = [name for name, pattern in _UNIT_WORDS.items() if re.search(pattern, text)]
    found = []
    for source in named:
        for target in named:
            kind, factor = UNITS[source]
            other, divisor = UNITS[target]
            if source != target and kind == other:
                found.append(
                    Formula(
                        name=f"{source}_to_{target}",
                        label=f"{target} of {source}",
                        parameters=(source,),
                        expression=f"{source} * {factor!r} / {divisor!r}",
                        known=(((divisor,), round(factor, 9)),),
                        source=f"{source} {target} length mass volume weight distance unit units",
                    )
                )
    return found


def _written(text: str) -> list[Formula]:
    found = []
    clauses = re.split(r"[;\n]|\.\s|,?\s+and\s+(?=[^=]*=)|,\s+(?=[A-Za-z_ ]+=)", text)
    for match in (found for clause in clauses for found in _WRITTEN.finditer(clause)):
        expression = re.split(r"[.,](?:\s|$)|\b(?:where|with|for|when|and)\b", match["expression"])[
            0
        ]
        name = identifier(
            re.split(
                r"(?i)\b(?:as|by|is|comput\w*|calculat\w*|calculator|formulas?|of|the|an?|that|for|from|with)\b",
                match["name"],
            )[-1]
        )
        parsed = parse(_normal(expression))
        if parsed is not None and parsed[1]:
            found.append(
                Formula(
                    name=name,
                    label=name.replace("_", " "),
                    parameters=parsed[1],
                    expression=parsed[0],
                    positive=_divisors(parsed[0]),
                    source=match[0],
                )
            )
    return found


def _normal(expression: str) -> str:
    """Write an expression as Python would: signs, percentages, and names of several words."""
    text = expression.replace("\u00d7", "*").replace("\u00f7", "/").replace("^", "**")
    text = text.replace("\u2212", "-")
    text = re.sub(r"(\d+(?:\.\d+)?)\s*%", r"(\1 / 100)", text)
    return re.sub(
        r"[A-Za-z_][A-Za-z_]*(?: [A-Za-z_][A-Za-z_]*)+", lambda m: identifier(m[0]), text
    ).strip(" .`'\"")


def parse(expression: str) -> tuple[str, tuple[str, ...]] | None:
    """Read an expression that is arithmetic and nothing else.

    Returns:
        The expression in one spelling, and its names in order; None when it is anything else.
    """
    if len(expression) > _MOST_CHARACTERS:
        return None
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    nodes = list(ast.walk(tree))
    if not all(map(_is_arithmetic, nodes)):
        return None
    names = [node.id for node in nodes if isinstance(node, ast.Name) and node.id not in _FUNCTIONS]
    ordered = sorted(dict.fromkeys(names), key=lambda n: re.search(rf"\b{n}\b", expression).start())  # type: ignore[union-attr]  # it is there
    return ast.unparse(tree), tuple(ordered)


def _is_arithmetic(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    return isinstance(node, (ast.Name, ast.BinOp, ast.UnaryOp, ast.Load, *_OPERATORS))


def _divisors(expression: str) -> tuple[str, ...]:
    """Name the parameters that stand alone under a fraction line: they must not be zero."""
    found = [
        node.right.id
        for node in ast.walk(ast.parse(expression, mode="eval"))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Name)
    ]
    return tuple(dict.fromkeys(found))


def compute(expression: str, values: Mapping[str, float]) -> float:
    """Compute an expression that `parse` has read.

    Raises:
        ArithmeticError: division by zero, or a value out of range.
    """
    return float(_value(ast.parse(expression, mode="eval").body, values))


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            found = float(number)
        case ast.Name(id=name):
            found = values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = -_value(operand, values)
        case ast.UnaryOp(operand=operand):
            found = _value(operand, values)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            found = float(_FUNCTIONS[name](*(_value(each, values) for each in arguments)))
        case ast.BinOp(left=left, op=sign, right=right):
            found = float(_SIGNS[type(sign)](_value(left, values), _value(right, values)))
        case _:
            raise ArithmeticError(f"{ast.unparse(node)!r} is no arithmetic")
    return found
