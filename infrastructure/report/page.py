"""Page: renders a report as one HTML document that loads nothing and runs nothing."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.report.blocks import Page
from infrastructure.report.charts import draw
from infrastructure.report.gathering import ReportView
from infrastructure.report.sections import compose

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = "page.html.j2"


def render(view: ReportView) -> str:
    """Render a report."""
    return render_page(compose(view))


def render_page(page: Page) -> str:
    """Render a page; all text in it is escaped, whoever wrote it."""
    numbers = count(1)
    return _template().render(page=page, draw=lambda chart: draw(chart, next(numbers)))


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE)
