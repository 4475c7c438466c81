"""Quality: what was checked of a product, what came of it, and what was not."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from infrastructure.models.offline.figures import cell, table
from infrastructure.models.offline.software.documents import BY_RULES
from infrastructure.models.offline.software.product import Function, Product
from infrastructure.models.offline.software.writing_code import MODULE
from infrastructure.tools.schemas import RunTestsAnswer


@dataclass(frozen=True, slots=True)
class Check:
    """One look at the product; `said` tells what was found."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Quality:
    """All checks of a product.

    Attributes:
        run: what came of the tests; None when they were not run.
        not_run: why they were not.
    """

    checks: tuple[Check, ...]
    run: RunTestsAnswer | None
    not_run: str = ""

    @property
    def tests_passed(self) -> bool:
        """Whether tests were run and all of them passed."""
        run = self.run
        return run is not None and run.ran > 0 and run.passed == run.ran and not run.failures

    @property
    def passed(self) -> bool:
        """Whether nothing that was checked is wrong, and the tests were run."""
        return self.tests_passed and all(check.passed for check in self.checks)


def read_through(
    product: Product, functions: Sequence[Function], code: str, tests: str
) -> tuple[Check, ...]:
    """Check code and tests without running them."""
    module = ast.parse(code)
    defined = {
        node.name
        for node in ast.walk(module)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    missing = [function.name for function in functions if function.name not in defined]
    undocumented = [
        node.name
        for node in ast.walk(module)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and node.col_offset <= 4  # noqa: PLR2004 - functions within functions need none
    ]
    covered = {
        node.name.split("_")[1]
        for node in ast.walk(ast.parse(tests))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    criteria = {f"{number:02}" for number in range(1, len(product.examples) + 1)}
    untested = sorted(criteria - covered)
    return (
        Check(
            "The interface is as designed",
            not missing,
            f"missing: {', '.join(missing)}" if missing else f"{len(functions)} functions",
        ),
        Check(
            "Public functions and classes are documented",
            not undocumented,
            f"without: {', '.join(undocumented)}" if undocumented else "all of them",
        ),
        Check(
            "Every acceptance criterion has a test",
            not untested,
            f"without: AC-{', AC-'.join(untested)}" if untested else f"{len(criteria)} criteria",
        ),
    )


def quality_report(product: Product, quality: Quality) -> str:
    """Write the report: what was run, what was only read, and what was not looked at."""
    verdict = (
        "**Passed.** All tests were run and passed, and nothing else was found."
        if quality.passed
        else "**Not passed.** See below."
        if quality.run is not None
        else "**Not shown.** The tests could not be run here; the code was only read."
    )
    rows = [
        [cell(check.name), "yes" if check.passed else "**no**", cell(check.said)]
        for check in quality.checks
    ]
    left_out = ", ".join(product.left_out) or "none"
    parts = [
        f"# Quality report: {product.title}",
        verdict,
        "## Tests\n\n" + _tests(quality),
        "## Read, not run\n\n" + table(["Check", "Holds", "Found"], rows, 3),
        (
            "## Not looked at\n\n"
            "- Speed, memory and large inputs.\n"
            "- Values beyond those of the acceptance criteria.\n"
            f"- Words of the requirement that no story took up: {left_out}."
        ),
        BY_RULES,
    ]
    return "\n\n".join(parts)


def _tests(quality: Quality) -> str:
    run = quality.run
    if run is None:
        return f"They were not run: {quality.not_run}"
    lines = [
        (
            f"- {run.ran} tests of `{MODULE}.py` were run in {run.duration_ms:.0f} ms: {run.passed}"
            f" passed, {len(run.failures)} failed, {run.skipped} skipped."
        ),
        f"- They ran in a process of its own, with {'; '.join(run.isolation)}.",
    ]
    lines += [
        f"- Failed: {cell(failed.test)}: {cell((failed.message.splitlines() or [''])[-1])}"
        for failed in run.failures
    ]
    return "\n".join(lines)
