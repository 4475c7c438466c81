"""Drawing: the graph of a workflow as SVG, which needs nothing from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from domain.workflow import Workflow
from infrastructure.workflows.graph import Box, Graph, Kind, graph_of
from infrastructure.workflows.layout import Layout, Size, Spot, lay_out

if TYPE_CHECKING:
    from jinja2 import Template

LINE, PADDING, HEAD, MARGIN = 17.0, 12.0, 24.0, 20.0
"""Height of a line, space around what a box says, room for the title of a procedure, and around
the whole drawing; in pixels."""

WIDE, NARROW = 8.2, 6.7
"""Room that a letter takes in the first line of a box, and in the others; in pixels."""


@dataclass
class Shape:
    """A box as it is drawn, at its place in the whole drawing."""

    kind: Kind
    spot: Spot
    size: Size
    lines: list[str]
    title: str = ""


@dataclass
class Edge:
    """An edge as it is drawn.

    Attributes:
        path: for the attribute `d` of an SVG path.
    """

    path: str
    dashed: bool = False


@dataclass
class Canvas:
    """All that is drawn, outer boxes before what is in them."""

    shapes: list[Shape] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


def draw_workflow(workflow: Workflow) -> str:
    """Draw a workflow whose rules were checked, as an SVG document."""
    graph = graph_of(workflow)
    size, layouts = _measure(graph)
    canvas = Canvas()
    _place(graph, Spot(MARGIN, MARGIN + HEAD), layouts, canvas)
    head = f"{workflow.name} {workflow.version}"
    return _template().render(
        name=head,
        title=graph.title,
        description=workflow.description or workflow.goal or "",
        width=round(max(size.width, len(head) * WIDE, len(graph.title) * NARROW) + 2 * MARGIN),
        height=round(size.height + HEAD + 2 * MARGIN),
        margin=MARGIN,
        line=LINE,
        canvas=canvas,
    )


Layouts = dict[int, tuple[Layout, dict[str, Size]]]
"""How each graph is laid out, by its identity, with the sizes of its boxes."""


def _measure(graph: Graph) -> tuple[Size, Layouts]:
    """Tell how large a graph is, and lay out all that is in it, inner ones first."""
    layouts: Layouts = {}
    sizes: dict[str, Size] = {}
    for name, box in graph.boxes.items():
        sizes[name] = _size_of_lines(box)
        if box.inner is not None:
            inner, below = _measure(box.inner)
            layouts.update(below)
            width = max(sizes[name].width, inner.width, len(box.inner.title) * NARROW)
            height = sizes[name].height + inner.height + HEAD
            sizes[name] = Size(width + 2 * PADDING, height + PADDING)
    layout = lay_out(sizes, graph.needs)
    layouts[id(graph)] = (layout, sizes)
    room = 2 * PADDING if graph.back else 0.0
    return Size(layout.size.width + room, layout.size.height), layouts


def _size_of_lines(box: Box) -> Size:
    first, *rest = box.lines
    width = max([len(first) * WIDE, *(len(line) * NARROW for line in rest)])
    return Size(round(width + 2 * PADDING), len(box.lines) * LINE + 2 * PADDING - 4)


def _place(graph: Graph, origin: Spot, layouts: Layouts, canvas: Canvas) -> None:
    layout, sizes = layouts[id(graph)]
    for name, box in graph.boxes.items():
        size = sizes[name]
        spot = Spot(layout.spots[name].x + origin.x, layout.spots[name].y + origin.y)
        title = box.inner.title if box.inner is not None else ""
        canvas.shapes.append(Shape(box.kind, spot, size, box.lines, title))
        if box.inner is not None:
            own = _size_of_lines(box).height
            within = layouts[id(box.inner)][0].size.width
            shift = (size.width - within) / 2
            _place(box.inner, Spot(spot.x + shift, spot.y + own + HEAD), layouts, canvas)
    for (start, end), route in layout.routes.items():
        moved = [Spot(point.x + origin.x, point.y + origin.y) for point in route]
        canvas.edges.append(Edge(_curve(moved), (start, end) in graph.offered))
    for start, end in graph.back:
        canvas.edges.append(_back(layout, sizes, (start, end), origin))


def _curve(points: list[Spot]) -> str:
    """Draw a smooth line that leaves and enters boxes upright."""
    path = f"M{points[0].x:.1f},{points[0].y:.1f}"
    for before, point in pairwise(points):
        if before.x == point.x:
            path += f"L{point.x:.1f},{point.y:.1f}"
        else:
            middle = (before.y + point.y) / 2
            path += (
                f"C{before.x:.1f},{middle:.1f} {point.x:.1f},{middle:.1f}"
                f" {point.x:.1f},{point.y:.1f}"
            )
    return path


def _back(layout: Layout, sizes: dict[str, Size], ends: tuple[str, str], origin: Spot) -> Edge:
    """Lead back up along the right side."""
    (start, end), right = ends, origin.x + layout.size.width + PADDING
    points = []
    for name in (start, end):
        spot, size = layout.spots[name], sizes[name]
        points.append((origin.x + spot.x + size.width, origin.y + spot.y + size.height / 2))
    (x, y), (to_x, to_y) = points
    return Edge(f"M{x:.1f},{y:.1f}H{right:.1f}V{to_y:.1f}H{to_x:.1f}", dashed=True)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("graph.svg.jinja")
