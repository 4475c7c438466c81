"""docs/requirements.md: every requirement is listed, and what is claimed is tested."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LAST = {"K": 9, "A": 20, "B": 23, "C": 9, "D": 10, "E": 6}
IDS = [f"{group}{number}" for group, last in LAST.items() for number in range(1, last + 1)]
STATES = {"done", "part", "open"}


class Row(NamedTuple):
    id: str
    requirement: str
    state: str
    where: str
    test: str


def rows() -> list[Row]:
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| [A-Z]\d+ \|.*$", text, flags=re.MULTILINE)
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def test_every_requirement_is_listed_once_and_in_order() -> None:
    assert [row.id for row in rows()] == IDS


def test_every_row_says_what_is_required_and_how_it_stands() -> None:
    assert [row.id for row in rows() if row.state not in STATES or not row.requirement] == []


def test_every_claim_names_where_it_lives_and_a_test_that_exists() -> None:
    claimed = [row for row in rows() if row.state in {"done", "part"}]
    for row in claimed:
        tests = re.findall(r"`(tests/[\w./-]+\.py)", row.test)
        places = re.findall(r"`([\w./-]+)`", row.where)
        assert tests, f"{row.id} names no test"
        assert places, f"{row.id} does not say where it lives"
        missing = [path for path in tests + places if not (ROOT / path).exists()]
        assert missing == [], f"{row.id} names what does not exist"
