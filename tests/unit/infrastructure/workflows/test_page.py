"""docs/workflows.md: the examples on the page are valid workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infrastructure.workflows import load_workflow
from tests.support.pattern_stories import surroundings

PAGE = Path(__file__).parents[4] / "docs" / "workflows.md"
EXAMPLES = [
    example
    for example in re.findall(r"```yaml\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    if example.startswith("procedure:")
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split()[2])
def test_an_example_on_the_page_is_valid(example: str, tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(f"name: example\ninputs: {{offers: 1}}\n{example}", encoding="utf-8")
    assert load_workflow(file, surroundings()).name == "example"


def test_the_page_shows_most_patterns() -> None:
    assert len(EXAMPLES) >= 8
