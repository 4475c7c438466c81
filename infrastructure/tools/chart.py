"""Chart: draws the rows of a query as an SVG file."""

from __future__ import annotations

import re
from typing import Any

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.chart_data import arrange
from infrastructure.tools.chart_spec import Spec, write_spec
from infrastructure.tools.failures import bad_input, too_large
from infrastructure.tools.query import select
from infrastructure.tools.schemas import DrawChartAnswer, DrawChartArguments

_MOST_ROWS = 5000
_CLIP = re.compile(r'(?:(?<= id="clip)|(?<="url\(#clip))\d+')
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw_chart(call: Call, arguments: DrawChartArguments) -> Outcome:
    """Query, draw and keep the chart."""
    name = _svg_name(arguments.file_name)
    answer = select(call, arguments.sql, _MOST_ROWS)
    if answer.row_count > _MOST_ROWS:
        raise too_large(
            f"The query answers {answer.row_count:,} rows; a chart can show {_MOST_ROWS:,}:"
            " group them, for example by month."
        )
    data = arrange(answer, arguments)
    svg = render(write_spec(data, arguments))
    call.interruption.check()
    artefact = call.output.write(name, svg.encode(), arguments.title)
    return Outcome(
        DrawChartAnswer(file=name, marks=len(data.points), notes=data.notes), (artefact,)
    )


def render(spec: Spec) -> str:
    """Render a Vega-Lite spec as SVG, without any access to the network."""
    import vl_convert

    # It aborts the whole process at a character that XML cannot hold.
    svg = vl_convert.vegalite_to_svg(_storable(spec), allowed_base_urls=[])
    # It counts on from chart to chart; the same chart must have the same bytes.
    numbers: dict[str, int] = {}
    return _CLIP.sub(lambda found: str(numbers.setdefault(found[0], len(numbers) + 1)), svg)


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _storable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable(part) for part in value]
    return _NOT_XML.sub("\ufffd", value) if isinstance(value, str) else value


def _svg_name(name: str) -> str:
    if "." not in name:
        return f"{name}.svg"
    if not name.lower().endswith(".svg"):
        raise bad_input(f"file_name: {name!r} must end with '.svg'; charts are SVG files.")
    return name
