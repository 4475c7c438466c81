"""Names: every file gives a usable table name, and no two the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.tools.tables.names import table_name, unique_names


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("Q4 Ledger.csv", "q4_ledger"),
        ("Größe-Maß.CSV", "grosse_mass"),
        ("2026.csv", "_2026"),
        ("a.b.csv", "a_b"),
        ("表.csv", "table"),
    ],
)
def test_tables_are_named_after_their_files(file: str, table: str) -> None:
    assert table_name(file) == table


@given(st.lists(st.text(min_size=1, max_size=10), unique=True, max_size=8))
def test_names_are_plain_and_unique_for_any_files(files: list[str]) -> None:
    named = unique_names(files)
    assert list(named.values()) == files
    assert all(re.fullmatch("[a-z_][a-z0-9_]*", name) for name in named)
