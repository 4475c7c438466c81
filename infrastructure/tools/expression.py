"""Expression: computes arithmetic exactly, over a small grammar of its own."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import bad_input
from infrastructure.tools.schemas import EvaluateExpressionAnswer, EvaluateExpressionArguments

_DIGITS = 50
_SHOWN_DIGITS = 28
_LEAST_PLAIN = -7
_MOST_NODES = 500
_MOST_EXPONENT = 10_000
_CONTEXT = Context(
    prec=_DIGITS, Emax=400, Emin=-400, traps=[DivisionByZero, InvalidOperation, Overflow]
)
_CONSTANTS = {"pi": Decimal(repr(math.pi)), "e": Decimal(repr(math.e))}


def evaluate_expression(call: Call, arguments: EvaluateExpressionArguments) -> Outcome:  # noqa: ARG001  # every tool has this form
    """Compute the value."""
    variables = {name: Decimal(repr(value)) for name, value in arguments.variables.items()}
    value = evaluate(arguments.expression, variables)
    shown = _CONTEXT.copy()
    shown.prec = _SHOWN_DIGITS
    rounded = shown.plus(value)
    number = float(rounded)
    if not math.isfinite(number):
        raise bad_input("The value is too large to be a number.")
    return Outcome(EvaluateExpressionAnswer(value=number, text=_text(rounded)))


def _text(value: Decimal) -> str:
    if value == value.to_integral_value() and abs(value.adjusted()) < _SHOWN_DIGITS:
        return format(value.to_integral_value(), "f").replace("-0", "0", value == 0)
    text = value.normalize()
    return format(text, "f") if _LEAST_PLAIN < text.adjusted() < _SHOWN_DIGITS else str(text)


def evaluate(expression: str, variables: Mapping[str, Decimal]) -> Decimal:
    """Compute an expression in decimal arithmetic of 50 digits.

    Raises:
        EffectError: bad syntax, an unknown name, a division by zero, too large.
    """
    source = expression.strip()
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise bad_input(
            f"{expression!r} is no arithmetic expression; write for example '(a - b) / b * 100'."
        ) from error
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise bad_input(f"The expression has more than {_MOST_NODES} parts; split it.")
    _read_digits(tree, source)
    try:
        return _value(tree.body, {**_CONSTANTS, **variables})
    except DivisionByZero as error:
        raise bad_input(f"{expression!r} divides by zero.") from error
    except Overflow as error:
        raise bad_input(f"{expression!r} is too large to compute.") from error
    except (DecimalException, RecursionError) as error:
        raise bad_input(f"{expression!r} has no value, as in 0/0 or the root of -1.") from error


def _read_digits(tree: ast.AST, source: str) -> None:
    """Take numbers as they are written: binary ones, which the parser makes, hold 15 digits."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            written: Any = Decimal(ast.get_source_segment(source, node) or "NaN")
            node.value = written


def _value(node: ast.expr, names: Mapping[str, Decimal]) -> Decimal:
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise bad_input(f"{node.value!r} is no number.")
        case ast.Constant(value=int() | Decimal()):
            return _CONTEXT.create_decimal(str(node.value))
        case ast.Name(id=name):
            return _named(name, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _CONTEXT.minus(_value(operand, names))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, names)
        case ast.BinOp(left=left, op=operator, right=right):
            return _binary(operator, _value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, arguments, names)
        case _:
            kind = type(node).__name__
            raise bad_input(f"{kind} is not allowed; use numbers, + - * / // % **, and functions.")


def _named(name: str, names: Mapping[str, Decimal]) -> Decimal:
    if name not in names:
        known = ", ".join(sorted(names))
        raise bad_input(f"{name!r} is unknown; the names are {known}, the functions {_KNOWN}.")
    return names[name]


def _binary(  # noqa: PLR0911  # one for each operator
    operator: ast.operator, left: Decimal, right: Decimal
) -> Decimal:
    match operator:
        case ast.Add():
            return _CONTEXT.add(left, right)
        case ast.Sub():
            return _CONTEXT.subtract(left, right)
        case ast.Mult():
            return _CONTEXT.multiply(left, right)
        case ast.Div():
            return _CONTEXT.divide(left, right)
        case ast.FloorDiv():
            return _floor(_CONTEXT.divide(left, right))
        case ast.Mod():
            # As in Python, the remainder has the sign of the divisor.
            quotient = _floor(_CONTEXT.divide(left, right))
            return _CONTEXT.subtract(left, _CONTEXT.multiply(quotient, right))
        case ast.Pow():
            if abs(right) > _MOST_EXPONENT:
                raise bad_input(f"The exponent {right} is over {_MOST_EXPONENT:,}.")
            return _CONTEXT.power(left, right)
        case _:
            raise bad_input(f"The operator {type(operator).__name__} is not allowed.")


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(rounding="ROUND_FLOOR", context=_CONTEXT)


def _called(name: str, arguments: list[ast.expr], names: Mapping[str, Decimal]) -> Decimal:
    if name not in _FUNCTIONS:
        raise bad_input(f"The function {name!r} is unknown; the functions are {_KNOWN}.")
    least, most, function = _FUNCTIONS[name]
    parts: list[ast.expr] = []
    for argument in arguments:
        # sum([1, 2]) is what people write as often as sum(1, 2).
        parts += argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
    values = [_value(part, names) for part in parts]
    if not least <= len(values) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise bad_input(f"{name}() takes {wanted} values, not {len(values)}.")
    return function(values)


def _sum(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _CONTEXT.add(total, value)
    return total


def _mean(values: list[Decimal]) -> Decimal:
    return _CONTEXT.divide(_sum(values), Decimal(len(values)))


def _median(values: list[Decimal]) -> Decimal:
    ranked = sorted(values)
    middle = len(ranked) // 2
    return ranked[middle] if len(ranked) % 2 else _mean(ranked[middle - 1 : middle + 1])


def _round(values: list[Decimal]) -> Decimal:
    places = int(values[1]) if len(values) > 1 else 0
    if abs(places) > _SHOWN_DIGITS:
        raise bad_input(f"round() to {places} places is not possible; at most {_SHOWN_DIGITS}.")
    # People round halves away from zero, not to the even neighbour.
    return values[0].quantize(Decimal(1).scaleb(-places), "ROUND_HALF_UP", _CONTEXT)


def _percent_change(values: list[Decimal]) -> Decimal:
    before, after = values
    change = _CONTEXT.divide(_CONTEXT.subtract(after, before), abs(before))
    return _CONTEXT.multiply(change, Decimal(100))


def _log(values: list[Decimal]) -> Decimal:
    natural = _CONTEXT.ln(values[0])
    return natural if len(values) == 1 else _CONTEXT.divide(natural, _CONTEXT.ln(values[1]))


_MANY = 200
_FUNCTIONS: dict[str, tuple[int, int, Callable[[list[Decimal]], Decimal]]] = {
    "abs": (1, 1, lambda v: abs(v[0])),
    "avg": (1, _MANY, _mean),
    "ceil": (1, 1, lambda v: v[0].to_integral_value("ROUND_CEILING", _CONTEXT)),
    "exp": (1, 1, lambda v: _CONTEXT.exp(v[0])),
    "floor": (1, 1, lambda v: _floor(v[0])),
    "log": (1, 2, _log),
    "log10": (1, 1, lambda v: _CONTEXT.log10(v[0])),
    "max": (1, _MANY, max),
    "mean": (1, _MANY, _mean),
    "median": (1, _MANY, _median),
    "min": (1, _MANY, min),
    "percent_change": (2, 2, _percent_change),
    "pow": (2, 2, lambda v: _binary(ast.Pow(), v[0], v[1])),
    "round": (1, 2, _round),
    "sqrt": (1, 1, lambda v: _CONTEXT.sqrt(v[0])),
    "sum": (1, _MANY, _sum),
}
_KNOWN = ", ".join(_FUNCTIONS)
