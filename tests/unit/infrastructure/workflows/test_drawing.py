"""Workflows are drawn as SVG that needs nothing from outside and shows untrusted text as text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from domain import patterns as p
from infrastructure.workflows.drawing import draw_workflow
from tests.support.pattern_stories import STORIES

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str) -> ET.Element:
    return ET.fromstring(draw_workflow(STORIES[name].workflow))  # noqa: S314 - our own drawing


def texts(root: ET.Element) -> list[str]:
    return [str(each.text) for each in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", STORIES)
def test_every_pattern_is_drawn_within_its_frame(name: str) -> None:
    root = drawn(name)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = [each for each in root.iter(f"{SVG}rect") if "class" in each.attrib]
    assert boxes
    for box in boxes:
        assert 0 <= float(box.attrib["x"]) <= width - float(box.attrib["width"])
        assert 0 <= float(box.attrib["y"]) <= height - float(box.attrib["height"])
    story = STORIES[name].workflow
    for task in story.procedure.tasks:
        assert task.key in texts(root)


def test_a_drawing_says_who_does_what_and_what_follows() -> None:
    said = texts(drawn("chain"))
    assert {"chain 1", "extract", "ANA_006", "by the tool draw_chart", "gives chart.svg"} <= {*said}
    assert {"retried 2 times", "skipped when it fails"} <= {*said}
    said = texts(drawn("supervisor"))
    assert {"plan", "assess", "mend", "at most 2 rounds", "concatenate"} <= {*said}
    said = texts(drawn("nested"))
    assert {"parallel, led by the orchestrator", "voter_1", "majority", "merge"} <= {*said}


def test_handoffs_and_the_way_back_are_dashed() -> None:
    dashed = [each for each in drawn("handoff").iter(f"{SVG}path") if "dashed" in str(each.attrib)]
    assert len(dashed) == 2
    assert any("dashed" in str(each.attrib) for each in drawn("supervisor").iter(f"{SVG}path"))


def test_text_of_a_workflow_stays_text() -> None:
    evil = '<script>alert(1)</script>"]]>&'
    workflow = p.workflow(
        evil, p.chain(p.task("a", "Do.", title=evil, agent="A_1")), description=evil
    )
    drawing = draw_workflow(workflow)
    root = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    assert "<script" not in drawing
    assert f"{evil} 1" in texts(root)


def test_a_drawing_needs_nothing_from_outside() -> None:
    drawing = draw_workflow(STORIES["nested"].workflow)
    assert {*re.findall(r'(?:href|src|url|@import)[=("\s]+([^")]+)', drawing)} == {"#tip"}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", drawing)
