"""Computing: calculators for formulas that a requirement writes out or names."""

from __future__ import annotations

from collections.abc import Iterator

from infrastructure.models.offline.software.formulas import Formula, compute, find_formulas
from infrastructure.models.offline.software.product import (
    Example,
    Feature,
    Function,
    Invocation,
    Parameter,
    Product,
)
from infrastructure.models.offline.software.words import identifier, unused

_SAMPLES = (12.0, 5.0, 3.0, 2.0, 7.0, 4.0, 9.0, 6.0)
_MOST = 12


def read(text: str) -> Product | None:
    """Read a requirement for a calculator; None when it names nothing that can be computed."""
    found = find_formulas(text)[:_MOST]
    if not found:
        return None
    names = " ".join(
        f"{f.name} {f.label} {f.source} {' '.join(f.parameters)}".replace("_", " ") for f in found
    )
    first = found[0]
    title = first.label if len(found) == 1 else "values"
    units = all("_to_" in formula.name for formula in found)
    subject = "unit" if units and len(found) > 1 else identifier(first.name)
    return Product(
        kind="computing",
        requirement=text,
        module=f"{subject}_calculator",
        title=f"{title[:1].upper()}{title[1:]} calculator",
        purpose=f"computes the {first.label}" + (" and more" if len(found) > 1 else ""),
        user="a person who needs the figures",
        features=tuple(
            Feature(
                key=formula.name,
                title=f"Compute the {formula.label}",
                want=f"compute the {formula.label}",
                benefit="I need no table and make no slip",
                source=formula.source,
            )
            for formula in found
        ),
        examples=tuple(example for formula in found for example in _examples(formula)),
        settings={
            "formulas": [
                {
                    "name": formula.name,
                    "label": formula.label,
                    "parameters": list(formula.parameters),
                    "expression": formula.expression,
                    "positive": list(formula.positive),
                }
                for formula in found
            ]
        },
        assumptions=(
            "Figures are floating-point numbers; they are shown with two decimals.",
            *(
                f"The {formula.label} is computed as {formula.expression}."
                for formula in found
                if "=" not in formula.source
            ),
        ),
        left_out=unused(
            text, f"{names} calculate calculator compute formula convert between unit percent rate"
        ),
    )


def _examples(formula: Formula) -> Iterator[Example]:
    for values, known in formula.known or ((_sample(formula), None),):
        arguments = dict(zip(formula.parameters, values, strict=True))
        expected = compute(formula.expression, arguments) if known is None else known
        yield Example(
            feature=formula.name,
            given=", ".join(f"{name} = {value:g}" for name, value in arguments.items()),
            when=f"the {formula.label} is computed",
            then=f"it is {expected:g}",
            invocations=(Invocation(function=formula.name, arguments=dict(arguments)),),
            expected=expected,
            places=2 if known is not None else 6,
        )
    values = formula.known[0][0] if formula.known else _sample(formula)
    arguments = dict(zip(formula.parameters, values, strict=True))
    expected = compute(formula.expression, arguments)
    yield Example(
        feature=formula.name,
        given="the same values on the command line",
        when=f"the command {formula.name.replace('_', '-')} is run",
        then="it prints the value with two decimals",
        command=(formula.name.replace("_", "-"), *(repr(value) for value in values)),
        prints=f"{expected:.2f}\n",
    )
    for name in formula.positive:
        yield Example(
            feature=formula.name,
            given=f"{name} = 0",
            when=f"the {formula.label} is computed",
            then="an error says that it must be above zero",
            invocations=(Invocation(function=formula.name, arguments={**arguments, name: 0.0}),),
            raises=True,
        )


def _sample(formula: Formula) -> tuple[float, ...]:
    return tuple(_SAMPLES[number % len(_SAMPLES)] for number in range(len(formula.parameters)))


def functions(product: Product) -> tuple[Function, ...]:
    """List the public interface."""
    found: list[Function] = []
    formulas = product.settings["formulas"]
    for formula in formulas if isinstance(formulas, list) else []:
        if not isinstance(formula, dict):
            continue
        positive = formula["positive"]
        names = formula["parameters"]
        found.append(
            Function(
                name=str(formula["name"]),
                parameters=tuple(
                    Parameter(name=str(name), type="float")
                    for name in (names if isinstance(names, list) else [])
                ),
                returns="float",
                summary=f"Compute the {formula['label']}.",
                raises=(
                    f"{' or '.join(map(str, positive))} is not above zero, or a value is no finite"
                    " number"
                    if isinstance(positive, list) and positive
                    else "a value is no finite number"
                ),
                feature=str(formula["name"]),
            )
        )
    return tuple(found)
