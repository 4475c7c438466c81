"""Layout: boxes in layers from top to bottom, each below all it depends on, with few crossings.

The steps are those of Sugiyama, Tagawa and Toda, Methods for Visual Understanding of Hierarchical
System Structures, IEEE Transactions on Systems, Man, and Cybernetics 11 (1981): layers by longest
path, long edges cut into short ones by points, order in the layers by barycentres, then places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 6
"""Passes over all layers, down and up in turn, that put what belongs together side by side."""

GAP_X, GAP_Y, POINT = 28.0, 46.0, 10.0
"""Pixels between neighbours, between layers, and that an edge takes on its way through a layer."""


@dataclass(frozen=True, slots=True)
class Size:
    """Extent of a box, in pixels."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Spot:
    """Upper left corner of a box, in pixels."""

    x: float
    y: float


@dataclass
class Layout:
    """Where boxes stand, and the points through which edges run from bottom to top centre.

    Attributes:
        size: of everything together.
    """

    size: Size
    spots: dict[str, Spot] = field(default_factory=dict)
    routes: dict[tuple[str, str], list[Spot]] = field(default_factory=dict)


def lay_out(sizes: Mapping[str, Size], needs: Mapping[str, Sequence[str]]) -> Layout:
    """Find a place for every box.

    Args:
        sizes: of the boxes, by name, in the order in which they stand where nothing else decides.
        needs: names of the boxes that each one stands below; free of circles.
    """
    return _Drawing(sizes, needs).layout()


class _Drawing:
    """The working state: boxes and points by number of layer."""

    def __init__(self, sizes: Mapping[str, Size], needs: Mapping[str, Sequence[str]]) -> None:
        self._sizes = dict(sizes)
        self._above: dict[str, list[str]] = {name: [] for name in sizes}
        self._below: dict[str, list[str]] = {name: [] for name in sizes}
        self._paths: dict[tuple[str, str], list[str]] = {}
        self._level: dict[str, int] = {}
        for name in sizes:
            self._find_level(name, needs)
        depth = max(self._level.values(), default=-1) + 1
        self._layers: list[list[str]] = [[] for _ in range(depth)]
        for name, level in self._level.items():
            self._layers[level].append(name)
        for name in sizes:
            for other in needs.get(name, ()):
                self._connect(other, name)

    def layout(self) -> Layout:
        """Order the layers, give every box its place, and say where edges run."""
        for sweep in range(SWEEPS):
            self._order(downwards=sweep % 2 == 0)
        centres = self._centres()
        left = min((centres[name] - self._sizes[name].width / 2 for name in centres), default=0.0)
        right = max((centres[name] + self._sizes[name].width / 2 for name in centres), default=0.0)
        tops, height = self._tops()
        made = Layout(Size(right - left, height))
        for name, level in self._level.items():
            size = self._sizes[name]
            made.spots[name] = Spot(centres[name] - size.width / 2 - left, tops[level])
        for (start, end), path in self._paths.items():
            made.routes[start, end] = self._route(path, centres, tops, left)
        return made

    def _find_level(self, name: str, needs: Mapping[str, Sequence[str]]) -> int:
        if name not in self._level:
            levels = [self._find_level(other, needs) for other in needs.get(name, ())]
            self._level[name] = 1 + max(levels, default=-1)
        return self._level[name]

    def _connect(self, start: str, end: str) -> None:
        path = [start]
        for level in range(self._level[start] + 1, self._level[end]):
            point = f"{start}\n{end}\n{level}"
            self._sizes[point] = Size(POINT, 0)
            self._above[point], self._below[point] = [], []
            self._layers[level].append(point)
            path.append(point)
        path.append(end)
        for upper, lower in pairwise(path):
            self._below[upper].append(lower)
            self._above[lower].append(upper)
        self._paths[start, end] = path

    def _order(self, *, downwards: bool) -> None:
        layers = self._layers[1:] if downwards else self._layers[-2::-1]
        neighbours = self._above if downwards else self._below
        for layer in layers:
            places = {name: index for each in self._layers for index, name in enumerate(each)}
            means = {
                name: _mean([places[other] for other in neighbours[name]], places[name])
                for name in layer
            }
            layer.sort(key=lambda name: means[name])

    def _centres(self) -> dict[str, float]:
        """Place neighbours side by side, then draw each layer towards what it is connected to."""
        centres: dict[str, float] = {}
        for layer in self._layers:
            width = sum(self._sizes[name].width + GAP_X for name in layer) - GAP_X
            x = -width / 2
            for name in layer:
                centres[name] = x + self._sizes[name].width / 2
                x += self._sizes[name].width + GAP_X
        for sweep in range(SWEEPS):
            for layer in self._layers if sweep % 2 == 0 else self._layers[::-1]:
                neighbours = self._above if sweep % 2 == 0 else self._below
                wanted = [
                    _mean([centres[other] for other in neighbours[name]], centres[name])
                    for name in layer
                ]
                centres.update(zip(layer, self._spread(layer, wanted), strict=True))
        return centres

    def _spread(self, layer: Sequence[str], wanted: Sequence[float]) -> list[float]:
        """Keep wishes for centres apart: the mean of pushing right only, and left only."""
        room = [
            (self._sizes[one].width + self._sizes[other].width) / 2 + GAP_X
            for one, other in pairwise(layer)
        ]
        right, left = list(wanted), list(wanted)
        for index, gap in enumerate(room):
            right[index + 1] = max(right[index + 1], right[index] + gap)
        for index in reversed(range(len(room))):
            left[index] = min(left[index], left[index + 1] - room[index])
        return [(one + other) / 2 for one, other in zip(right, left, strict=True)]

    def _tops(self) -> tuple[list[float], float]:
        tops, y = [], 0.0
        for _ in self._layers:
            tops.append(y)
            y += self._tallest(len(tops) - 1) + GAP_Y
        return tops, max(y - GAP_Y, 0.0)

    def _route(
        self, path: Sequence[str], centres: Mapping[str, float], tops: Sequence[float], left: float
    ) -> list[Spot]:
        start, end = path[0], path[-1]
        level = self._level[start]
        x = centres[start] - left
        route = [Spot(x, tops[level] + self._sizes[start].height)]
        if self._tallest(level) > self._sizes[start].height:
            route.append(Spot(x, tops[level] + self._tallest(level)))
        for offset, point in enumerate(path[1:-1], start=1):
            x, top = centres[point] - left, tops[level + offset]
            route += [Spot(x, top), Spot(x, top + self._tallest(level + offset))]
        route.append(Spot(centres[end] - left, tops[self._level[end]]))
        return route

    def _tallest(self, level: int) -> float:
        return max(self._sizes[name].height for name in self._layers[level])


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
