"""Tests of the products that the offline rules build: what they read, and that it works."""

from __future__ import annotations

import importlib.util
import io
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from infrastructure.models.offline.software.formulas import compute, parse
from infrastructure.models.offline.software.product import Product
from infrastructure.models.offline.software.requirement import interface, read_requirement
from infrastructure.models.offline.software.writing_code import implementation, unit_tests
from infrastructure.models.offline.work import StoppedError

REQUIREMENTS = {
    "A command-line tool that converts CSV to JSON with column selection": (
        "csv_to_json",
        "convert select",
    ),
    "Convert TSV files to Markdown tables, sort by a column and limit the number of rows": (
        "tsv_to_markdown",
        "convert sort limit",
    ),
    "Turn JSON Lines into CSV, filter rows and rename columns, with type detection": (
        "jsonl_to_csv",
        "convert rename filter types",
    ),
    "Export CSV with a custom delimiter to HTML and skip blank rows": (
        "csv_to_html",
        "convert delimiter blank",
    ),
    "Keep track of tasks with a title, a due date and a priority (low, medium or high); add,"
    " complete, list overdue and search tasks": ("task_store", "add list search mark overdue"),
    "An expense tracker with amount, category and date: total per category, remove and edit"
    " expenses": ("expense_store", "add list update remove total"),
    "Manage books with title, author, year and an optional note; mark as read, search, sort by"
    " author, count by author": ("book_store", "add list search mark sort filter count"),
    "An address book: store contacts with name, email and phone. No duplicates. Search contacts.": (
        "contact_store",
        "add list search unique",
    ),
    "A small inventory with item, quantity and price; average price": (
        "item_store",
        "add list average",
    ),
    "Convert temperatures between Celsius and Fahrenheit": (
        "unit_calculator",
        "celsius_to_fahrenheit fahrenheit_to_celsius",
    ),
    "A loan calculator that computes the monthly payment": (
        "monthly_payment_calculator",
        "monthly_payment",
    ),
    "Calculate profit = revenue - cost and roi = (revenue - cost) / cost": (
        "profit_calculator",
        "profit roi",
    ),
    "Convert miles to kilometres": (
        "unit_calculator",
        "kilometres_to_miles miles_to_kilometres",
    ),
    "Validate passwords: at least 10 characters, one digit, one upper case letter and a special"
    " character, no spaces": ("password_validator", "minimum digit upper special no_spaces"),
    "Validate usernames: between 3 and 16 characters, only letters and digits, starting with a"
    " letter": ("username_validator", "only_word minimum maximum letter_first"),
    "Check whether an IBAN is valid": ("iban_validator", "iban"),
    "Count words, lines and characters of a text file and list the 5 most frequent words": (
        "text_statistics",
        "words lines characters frequent_words",
    ),
}
BEYOND = (
    "Build a web shop with payments",
    "A chess game",
    "Write a poem about spring",
    "A chatbot for support",
    "Encrypt files with a password",
    "A reading log: book, pages, date finished, and the average number of pages.",
    "Track who borrowed which tool from the shed",
    "",
)


@contextmanager
def built(product: Product, folder: Path) -> Iterator[tuple[ModuleType, ModuleType]]:
    """Write the module and its tests, and load both."""
    (folder / "product.py").write_text(implementation(product), encoding="utf-8")
    (folder / "test_product.py").write_text(unit_tests(product), encoding="utf-8")
    loaded = []
    try:
        for name in ("product", "test_product"):
            specification = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
            assert specification is not None
            assert specification.loader is not None
            module = importlib.util.module_from_spec(specification)
            sys.modules[name] = module
            specification.loader.exec_module(module)
            loaded.append(module)
        yield loaded[0], loaded[1]
    finally:
        for name in ("product", "test_product"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_what_is_built_does_what_was_asked_for(requirement: str, tmp_path: Path) -> None:
    """E3: the implementation has every function of the design, and its tests pass."""
    product = read_requirement(requirement)
    module_name, features = REQUIREMENTS[requirement]
    assert product.module == module_name
    assert [feature.key for feature in product.features] == features.split()
    assert Product.model_validate_json(product.model_dump_json()) == product
    with built(product, tmp_path) as (module, tested):
        suite = unittest.defaultTestLoader.loadTestsFromModule(tested)
        found = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
        owner = getattr(module, product.class_name) if product.stateful else module
        assert all(hasattr(owner, function.name) for function in interface(product))
    assert found.testsRun == len(product.examples) >= 2
    assert not [*found.failures, *found.errors]


@pytest.mark.parametrize("requirement", BEYOND)
def test_what_the_rules_cannot_build_is_declined(requirement: str) -> None:
    with pytest.raises(StoppedError, match="ANTHROPIC_API_KEY"):
        read_requirement(requirement)


def test_words_that_nothing_took_up_are_named() -> None:
    product = read_requirement("Convert CSV to JSON with column selection and a progress bar")
    assert product.left_out == ("progress",)


def test_a_defect_in_the_implementation_fails_its_tests(tmp_path: Path) -> None:
    product = read_requirement("Convert CSV to JSON with column selection")
    with built(product, tmp_path) as (module, tested):
        module.convert = lambda **_: "[]"  # type: ignore[attr-defined]
        suite = unittest.defaultTestLoader.loadTestsFromModule(tested)
        found = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    assert len(found.failures) >= 3


@pytest.mark.parametrize(
    "requirement",
    [
        'Keep notes with """title; add notes',
        "Keep x'); import os; os.system('true with name; add x",
        "Validate {{ config }} codes: at least 4 characters, one digit",
        "Compute total = __import__('os').getpid() + 1",
        "Keep track of classes with import, lambda and None; search classes",
    ],
)
def test_words_of_a_requirement_never_become_code(requirement: str, tmp_path: Path) -> None:
    try:
        product = read_requirement(requirement)
    except StoppedError:
        return
    source = implementation(product)
    compile(source, "product.py", "exec")
    compile(unit_tests(product), "test_product.py", "exec")
    assert "os.system" not in source
    assert "__import__" not in source


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("a * (1 + b)", ("a * (1 + b)", ("a", "b"))),
        ("sqrt(a)", ("sqrt(a)", ("a",))),
        ("a.b", None),
        ("open('x')", None),
        ("[a]", None),
        ("'a' + b", None),
        ("a if b else c", None),
        ("a +", None),
        ("a * " + "9" * 300, None),
    ],
)
def test_an_expression_is_arithmetic_or_nothing(
    expression: str, read: tuple[str, tuple[str, ...]] | None
) -> None:
    assert parse(expression) == read


def test_an_expression_is_computed_as_python_would() -> None:
    values = {"a": 7.0, "b": 2.0}
    for expression in ("a + b * 3", "-a ** b", "(a - b) / b % 2", "max(a, b) - abs(-b)"):
        assert compute(expression, values) == eval(expression, {}, values)  # noqa: S307 - ours
