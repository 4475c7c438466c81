"""Writing code: the implementation of a product and the tests of its acceptance criteria."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infrastructure.models.offline.software import converting, measuring
from infrastructure.models.offline.software.product import Example, Invocation, Product
from infrastructure.models.offline.software.words import identifier

if TYPE_CHECKING:
    from jinja2 import Environment


MODULE = "product"
"""Name of the module: the same for every product, so that the outputs of the team have names."""


def implementation(product: Product) -> str:
    """Write the module of a product."""
    settings: dict[str, Any] = dict(product.settings)
    context = settings | {
        "title": product.title,
        "purpose": product.purpose,
        "module": product.module,
        "error": product.error,
        "class_name": product.class_name,
        "description": f"{product.purpose[:1].upper()}{product.purpose[1:]}.",
        "keys": [feature.key for feature in product.features],
    }
    if product.kind == "converting":
        names = converting.NAMES
        context["source_name"] = names[settings["source"]]
        context["target_name"] = names[settings["target"]]
    if product.kind == "measuring":
        context["labels"] = {key: measuring.MEASURES[key][1] for key in settings["measures"]}
    if product.entity is not None:
        fields = product.entity.fields
        context |= {
            "one": product.entity.name,
            "many": product.entity.plural,
            "fields": fields,
            "has_dates": any(field.type == "date" for field in fields),
            "has_choices": any(field.choices for field in fields),
        }
    template = _environment().get_template(f"{product.kind}.py.j2")
    return tidy(template.render(context))


def unit_tests(product: Product) -> str:
    """Write the tests: one for each acceptance criterion."""
    lines = [
        f'"""Tests of {MODULE}.py: one for each acceptance criterion."""',
        "",
        "from __future__ import annotations",
        "",
        "import contextlib",
        "import io",
        "import tempfile",
        "import unittest",
        "from pathlib import Path",
        "",
        f"import {MODULE}",
        "",
        "",
        f"class {product.class_name}Test(unittest.TestCase):",
        f'    """{product.title}."""',
        "",
        "    def setUp(self) -> None:",
        "        folder = tempfile.TemporaryDirectory()",
        "        self.addCleanup(folder.cleanup)",
        "        self.folder = Path(folder.name)",
    ]
    if product.stateful:
        lines.append(
            f"        self.store = {MODULE}.{product.class_name}(self.folder / 'kept.json')"
        )
    for number, example in enumerate(product.examples, 1):
        name = f"test_{number:02}_{identifier(example.feature)}"
        told = f"Given {example.given}, when {example.when}, then {example.then}."
        lines += ["", f"    def {name}(self) -> None:", f"        {told!r}"]
        lines += [f"        {line}" for line in _body(example, product)]
    lines += ["", "", 'if __name__ == "__main__":', "    unittest.main()"]
    return tidy("\n".join(lines))


def _body(example: Example, product: Product) -> list[str]:
    if example.command:
        return _command(example)
    called = [_call(invocation, product) for invocation in example.invocations]
    *before, last = called
    if example.raises:
        error = f"{MODULE}.{product.error}"
        return [*before, f"with self.assertRaises({error}):", f"    {last}"]
    lines = [*before, f"found = {last}"]
    if example.places is not None:
        return [
            *lines,
            f"self.assertAlmostEqual(found, {example.expected!r}, places={example.places})",
        ]
    expected: Any = example.expected
    if example.invocations[-1].function == "frequent_words":
        expected = [tuple(pair) for pair in expected]
    return [*lines, f"self.assertEqual(found, {expected!r})"]


def _call(invocation: Invocation, product: Product) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in invocation.arguments.items())
    owner = "self.store" if product.stateful else MODULE
    return f"{owner}.{invocation.function}({arguments})"


def _command(example: Example) -> list[str]:
    lines = [
        f"(self.folder / {name!r}).write_text({content!r}, encoding='utf-8')"
        for name, content in example.files.items()
    ]
    arguments = ", ".join(
        f"{argument!r}.replace('{{folder}}', str(self.folder))"
        if "{folder}" in argument
        else repr(argument)
        for argument in example.command
    )
    lines += [
        "said, problems = io.StringIO(), io.StringIO()",
        "with contextlib.redirect_stdout(said), contextlib.redirect_stderr(problems):",
        f"    code = {MODULE}.main([{arguments}])",
        f"self.assertEqual(code, {example.exit_code}, problems.getvalue())",
    ]
    if example.exit_code == 0:
        lines.append(f"self.assertEqual(said.getvalue(), {example.prints!r})")
    return lines


def tidy(source: str) -> str:
    """Drop blank lines at ends of blocks, and keep two between functions.

    Raises:
        SyntaxError: the source is no Python; the rules that wrote it are wrong.
    """
    ast.parse(source)
    lines: list[str] = []
    blank = 0
    for line in (each.rstrip() for each in source.splitlines()):
        if not line:
            blank += 1
            continue
        if blank and lines:
            top = not line.startswith((" ", ")", "}", "]"))
            starts = top and line.startswith(("def ", "class ", "@", "if __name__"))
            lines += [""] * (2 if starts else 1 if not lines[-1].endswith(("{", "(")) else 0)
        blank = 0
        lines.append(line)
    return "\n".join(lines) + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415  # heavy

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701  # Python is written, and what comes in is quoted as JSON
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
