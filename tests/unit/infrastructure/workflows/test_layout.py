"""Boxes stand below what they depend on, side by side without touching."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from infrastructure.workflows.layout import GAP_X, Size, lay_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Size], dict[str, list[str]]]:
    names = [f"n{number}" for number in range(draw(st.integers(1, 12)))]
    size = st.builds(Size, st.integers(20, 200).map(float), st.integers(20, 90).map(float))
    sizes = {name: draw(size) for name in names}
    needs = {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        for index, name in enumerate(names)
    }
    return sizes, needs


@given(graphs())
def test_every_box_has_its_place(graph: tuple[dict[str, Size], dict[str, list[str]]]) -> None:
    sizes, needs = graph
    layout = lay_out(sizes, needs)
    assert layout.spots.keys() == sizes.keys()
    for name, spot in layout.spots.items():
        assert spot.x >= -1e-6
        assert spot.x + sizes[name].width <= layout.size.width + 1e-6
        assert spot.y + sizes[name].height <= layout.size.height + 1e-6
        for other in needs[name]:
            assert layout.spots[other].y + sizes[other].height < spot.y
            route = layout.routes[other, name]
            assert route[0].y <= route[-1].y
    for (one, spot), (other, place) in combinations(layout.spots.items(), 2):
        if spot.y == place.y:
            left, right = sorted(((spot.x, one), (place.x, other)))
            assert left[0] + sizes[left[1]].width + GAP_X <= right[0] + 1e-6


def test_nothing_is_laid_out_as_nothing() -> None:
    assert lay_out({}, {}).size == Size(0, 0)


def test_what_belongs_together_stands_together() -> None:
    sizes = dict.fromkeys(("a", "b", "x", "y"), Size(50, 20))
    layout = lay_out(sizes, {"x": ["b"], "y": ["a"]})
    assert layout.spots["y"].x < layout.spots["x"].x
