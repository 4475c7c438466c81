"""The house is packed whole: every floor is built, measured and under contract."""

from __future__ import annotations

import tomllib
import warnings
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {"hansard", "infrastructure", "application", "projections", "domain", "migrations"}
GENERIC_NAMES = FLOORS - {"hansard"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def top_level_packages() -> set[str]:
    return {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}


def foreign_owners(search_path: list[str] | None = None) -> dict[str, set[str]]:
    """Find the distributions other than Hansard that ship a top-level name of ours."""
    owners: dict[str, set[str]] = {}
    found = distributions() if search_path is None else distributions(path=search_path)
    for distribution in found:
        name = distribution.metadata["Name"]
        roots = {Path(str(file)).parts[0].removesuffix(".py") for file in distribution.files or ()}
        for shared in (roots & GENERIC_NAMES) if name != "hansard" else ():
            owners.setdefault(shared, set()).add(name)
    return owners


def warn_of_foreign_owners(search_path: list[str] | None = None) -> None:
    for name, owners in sorted(foreign_owners(search_path).items()):
        warnings.warn(
            f"{', '.join(sorted(owners))} ships a top-level package {name!r} that may hide"
            " Hansard's; give Hansard an environment of its own.",
            stacklevel=2,
        )


def test_the_floors_are_the_top_level_packages() -> None:
    assert top_level_packages() == FLOORS


def test_every_floor_is_in_the_wheel() -> None:
    packages = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) == FLOORS


def test_every_floor_is_under_an_import_contract() -> None:
    settings = project()["tool"]["importlinter"]
    layers = next(row["layers"] for row in settings["contracts"] if row["type"] == "layers")
    assert set(settings["root_packages"]) == FLOORS
    assert {name.strip() for layer in layers for name in layer.split("|")} == FLOORS


def test_every_floor_is_measured_for_coverage() -> None:
    assert set(project()["tool"]["coverage"]["run"]["source_pkgs"]) == FLOORS


def test_every_aggregate_is_in_the_contract_that_keeps_aggregates_apart() -> None:
    contracts = project()["tool"]["importlinter"]["contracts"]
    independent = next(row["modules"] for row in contracts if row["id"] == "aggregates")
    aggregates = {
        f"domain.{path.relative_to(ROOT / 'domain').parts[0].removesuffix('.py')}"
        for path in (ROOT / "domain").rglob("*.py")
        if "Aggregate):\n" in path.read_text(encoding="utf-8")
    }
    assert set(independent) == aggregates


def test_the_packages_of_the_design_card_are_declared() -> None:
    declared = project()["project"]["dependencies"] + project()["dependency-groups"]["dev"]
    for package in ("eventsourcing", "sqlalchemy", "psycopg", "pgvector", "anthropic", "pydantic"):
        assert any(row.startswith((f"{package}>=", f"{package}[")) for row in declared), package
    assert any(row.startswith("pytest>=") for row in declared)


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    declared = project()["project"]["dependencies"] + project()["dependency-groups"]["dev"]
    assert [row for row in declared if ">=" not in row or ",<" not in row] == []


@pytest.mark.filterwarnings("default:.*ships a top-level package")
def test_a_distribution_with_a_name_of_ours_is_warned_of() -> None:
    warn_of_foreign_owners()
    assert set(foreign_owners()) <= GENERIC_NAMES


def test_the_warning_names_the_distribution(tmp_path: Path) -> None:
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    shipped = ["domain/__init__.py", "other.py", "migrations.py"]
    (tmp_path / "domain").mkdir()
    for name in shipped:
        (tmp_path / name).touch()
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in shipped))
    with pytest.warns(UserWarning, match="other ships a top-level package") as caught:
        warn_of_foreign_owners([str(tmp_path)])
    assert [str(row.message).split("'")[1] for row in caught] == ["domain", "migrations"]
