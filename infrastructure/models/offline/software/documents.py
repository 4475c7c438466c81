"""Documents: the outputs of the roles that are prose, from the product and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infrastructure.models.offline.figures import cell, table
from infrastructure.models.offline.software.alternatives import ALTERNATIVES, serves
from infrastructure.models.offline.software.product import Example, Field, Function, Product
from infrastructure.models.offline.software.writing_code import MODULE

BY_RULES = "*Written by Hansard's offline rules, without a language model.*"
_LEVELS = {"add": "Must", "list": "Must", "convert": "Must"}


def user_stories(product: Product) -> str:
    """Write what users want, and why."""
    stories = [
        f"## US-{number:02}: {cell(feature.title)}\n\n"
        f"**As** {product.user}, **I want to** {feature.want}, **so that** {feature.benefit}.\n\n"
        f"- Priority: {_level(feature.key, feature.source)}\n"
        f"- From the requirement: {_quoted(feature.source)}"
        for number, feature in enumerate(product.features, 1)
    ]
    open_words = (
        "These words of the requirement were not taken up by any story; check whether one is"
        f" missing: {', '.join(cell(word) for word in product.left_out)}."
        if product.left_out
        else "Every word of the requirement that carries meaning was taken up."
    )
    return _document(
        f"User stories: {product.title}",
        f"Requirement, as it was given:\n\n> {_quote(product.requirement)}",
        f"The product {product.purpose}.",
        *stories,
        "## Assumptions\n\n" + _list(product.assumptions),
        "## Open\n\n" + open_words,
    )


def _level(key: str, source: str) -> str:
    return _LEVELS.get(key, "Must" if source else "Should")


def _quoted(source: str) -> str:
    return f"\u201c{cell(source)}\u201d" if source else "implied by the purpose"


def _quote(text: str) -> str:
    return " ".join(text.split()).replace("<", "\\<")


def competitive_analysis(product: Product) -> str:
    """Compare with what is used instead."""
    known = ALTERNATIVES[product.kind]
    head = ["Feature", "This product", *(each.name for each in known)]
    rows = [
        [
            cell(feature.title),
            "yes",
            *("yes" if serves(each, feature.key) else "no" for each in known),
        ]
        for feature in product.features
    ]
    strengths = [
        f"**{each.name}**: {each.strength}. Against it: {each.weakness}." for each in known
    ]
    lacking = [
        feature.title
        for feature in product.features
        if not all(serves(each, feature.key) for each in known)
    ]
    return _document(
        f"Competitive analysis: {product.title}",
        "The alternatives are those the rules know by heart; nothing was looked up, no version and"
        " no price was checked.",
        "## Features\n\n" + table(head, rows, len(head)),
        "## Strengths and weaknesses\n\n" + _list(strengths),
        "## Where this product stands\n\nOne Python file without dependencies that does what was"
        " asked for and checks its input."
        + (f" Not every alternative has: {'; '.join(map(cell, lacking))}." if lacking else ""),
    )


def acceptance_criteria(product: Product) -> str:
    """Write the criteria, each of which a test checks."""
    parts: list[str] = []
    number = 0
    for story, feature in enumerate(product.features, 1):
        own = [example for example in product.examples if example.feature == feature.key]
        if not own:
            continue
        lines = []
        for example in own:
            number += 1
            lines.append(f"{_id(product, example)} {_criterion(example)}")
        parts.append(f"## US-{story:02}: {cell(feature.title)}\n\n" + _list(lines))
    return _document(
        f"Acceptance criteria: {product.title}",
        f"{number} criteria; each is checked by the test of the same number.",
        *parts,
    )


def _id(product: Product, example: Example) -> str:
    return f"**AC-{product.examples.index(example) + 1:02}**"


def _criterion(example: Example) -> str:
    if example.command:
        call = f"`python {MODULE}.py {' '.join(_shell(word) for word in example.command)}`"
    else:
        last = example.invocations[-1]
        values = ", ".join(f"{name}={value!r}" for name, value in last.arguments.items())
        call = f"`{last.function}({values})`".replace("\n", "\\n")
    return (
        f"*Given* {example.given}, *when* {example.when}, *then* {example.then}. Checked by {call}."
    )


def architecture(product: Product, functions: Sequence[Function]) -> str:
    """Write how the product is built, and why so."""
    parts = ["interface of the command line (`main`)", "public functions", "checks of the input"]
    if product.stateful:
        parts[1] = f"store (`{product.class_name}`)"
        parts.append("JSON file, replaced as a whole")
    drawing = "\n   |\n".join(parts)
    decisions = [
        "One module of the standard library's means alone: nothing has to be installed.",
        (
            "The command only reads arguments, calls a function and prints: everything can be"
            " tested without starting a process."
        ),
        f"All that can go wrong with the input is a `{product.error}`, which the command turns"
        " into a message and exit code 2."
        if product.kind not in {"validating", "measuring"}
        else "What is wrong with the input is an answer and no error; the exit code tells it.",
    ]
    if product.stateful:
        decisions.append(
            "The file is written beside the old one and then takes its place, so that a crash"
            " leaves the old or the new state."
        )
    return _document(
        f"Architecture: {product.title}",
        f"The product {product.purpose}. It is one Python module, `{MODULE}.py`.",
        f"## Parts\n\n```\n{drawing}\n```",
        "## Decisions\n\n" + _list(decisions),
        "## Features and where they live\n\n"
        + table(
            ["Feature", "Lives in"],
            [[cell(f.title), _home(product, f.key, functions)] for f in product.features],
            2,
        ),
        "## Limits\n\n" + _list(product.assumptions),
    )


def _home(product: Product, key: str, functions: Sequence[Function]) -> str:
    if product.kind == "validating":
        return "`RULES`"
    own = [function.name for function in functions if function.feature == key]
    names = own or ["convert" if product.kind == "converting" else "add"]
    owner = f"{product.class_name}." if product.stateful else ""
    return ", ".join(f"`{owner}{name}`" for name in names)


def data_model(product: Product, functions: Sequence[Function]) -> str:
    """Write which data there are, their types and rules."""
    parts: list[str]
    if product.entity is not None:
        rows = [["`id`", "whole number", "given by the store, never again"]]
        rows += [
            [f"`{field.name}`", _TYPES[field.type], _rule(field)] for field in product.entity.fields
        ]
        file = '{"last": 2, "records": [{"id": 1, ...}, {"id": 2, ...}]}'
        parts = [
            f"## {product.entity.name.title()}\n\n" + table(["Field", "Type", "Rule"], rows, 3),
            (
                f"## File\n\nOne JSON object:\n\n```json\n{file}\n```\n\n`last` is the highest"
                " number that was given."
            ),
        ]
    elif product.kind == "converting":
        parts = [
            (
                "## Row\n\nA mapping of column names to values: `dict[str, object]`. Rows keep"
                " their order, columns the order of the first row."
            ),
            "## Table\n\nA list of rows. Values are texts"
            + (
                "; those that read as numbers or truth values are written as such."
                if any(feature.key == "types" for feature in product.features)
                else "."
            ),
        ]
    else:
        parts = [
            "## Values\n\n"
            + table(
                ["Name", "Type", "Used by"],
                [
                    [f"`{name}`", kind, ", ".join(f"`{user}`" for user in users)]
                    for (name, kind), users in _values(functions).items()
                ],
                3,
            )
        ]
    return _document(
        f"Data model: {product.title}",
        *parts,
        f"## Errors\n\n`{product.error}` (a `ValueError`): the input breaks a rule above."
        if product.kind not in {"validating", "measuring"}
        else "",
    )


def _values(functions: Sequence[Function]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for function in functions:
        for parameter in function.parameters:
            found.setdefault((parameter.name, parameter.type), []).append(function.name)
    return found


_TYPES = {
    "text": "text",
    "number": "number",
    "integer": "whole number",
    "date": "date (YYYY-MM-DD)",
    "flag": "yes or no",
    "choice": "one of a list",
    "email": "e-mail address",
}


def _rule(field: Field) -> str:
    need = "required" if field.required else "optional"
    return f"{need}; one of {', '.join(map(cell, field.choices))}" if field.choices else need


def api(product: Product, functions: Sequence[Function]) -> str:
    """Write the public interface."""
    owner = f"{MODULE}.{product.class_name}(path)" if product.stateful else MODULE
    parts = [
        f"## `{function.name}`\n\n```python\n{function.signature}\n```\n\n{function.summary}"
        + (f"\n\nRaises `{product.error}`: {function.raises}." if function.raises else "")
        for function in functions
    ]
    return _document(
        f"API: {product.title}",
        f"All functions belong to `{owner}`.",
        *parts,
        "## `main`\n\n```python\nmain(arguments: list[str] | None = None) -> int\n```\n\nRuns the"
        " command line; gives its exit code.",
    )


def documentation(product: Product, functions: Sequence[Function]) -> str:
    """Write the user's manual."""
    commands = [example for example in product.examples if example.command]
    shown = [
        f"python {MODULE}.py {' '.join(_shell(word) for word in example.command)}"
        for example in commands
        if example.exit_code == 0
    ]
    owner = f"{MODULE}.{product.class_name}('kept.json')" if product.stateful else MODULE
    calls = list(_calls(product, owner))
    return _document(
        product.title,
        f"{product.purpose[:1].upper()}{product.purpose[1:]}. Needs Python 3.11 or newer, and"
        " nothing else.",
        "## Command line\n\n```sh\n"
        + "\n".join(dict.fromkeys([f"python {MODULE}.py --help", *shown]))
        + "\n```",
        "## From Python\n\n```python\n" + "\n".join([f"import {MODULE}", *calls]) + "\n```",
        "## What it can do\n\n"
        + _list([f"{feature.title}, so that {feature.benefit}." for feature in product.features]),
        "## Functions\n\n"
        + table(
            ["Function", "What it does"],
            [[f"`{function.name}`", cell(function.summary)] for function in functions],
            2,
        ),
        "## Good to know\n\n" + _list(product.assumptions),
    )


def _shell(word: str) -> str:
    plain_word = word.replace("{folder}/", "")
    return (
        plain_word if plain_word.replace("-", "").replace(".", "").isalnum() else f"'{plain_word}'"
    )


def _calls(product: Product, owner: str) -> Iterator[str]:
    seen: set[str] = set()
    if product.stateful:
        yield f"store = {owner}"
        owner = "store"
    for example in product.examples:
        if example.raises or not example.invocations:
            continue
        last = example.invocations[-1]
        if last.function not in seen:
            seen.add(last.function)
            values = ", ".join(f"{name}={value!r}" for name, value in last.arguments.items())
            yield f"{owner}.{last.function}({values})"


def _document(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", *(part for part in parts if part), BY_RULES])


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "- none"
