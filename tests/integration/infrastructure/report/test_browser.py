"""A report in a real browser: nothing is loaded, nothing complains, nothing sticks out."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.report import render
from infrastructure.report.gathering import ReportView
from tests.support.browser import chromium, look_at, print_to_pdf

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium to look with")


@pytest.fixture(scope="module")
def page(view: ReportView) -> str:
    """A report as a page."""
    return render(view)


def test_nothing_is_loaded_nothing_complains_and_nothing_sticks_out(
    page: str, tmp_path: Path
) -> None:
    look = look_at(page, tmp_path)

    assert look.console == []
    for seen in look.seen:
        assert seen.loaded == []
        assert seen.scrolls_to <= seen.width
        assert seen.cut == []
        assert len(seen.charts) >= 10
        assert min(seen.charts) > 300


def test_what_should_not_be_there_would_be_noticed(tmp_path: Path) -> None:
    evil = (
        "<!doctype html><meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
        "<script>1</script><img src='http://127.0.0.1:9/nothing.png'>"
        "<p style='width: 3000px'>wide</p><svg width='400' height='20'>"
        "<text x='390' y='10'>sticking out</text></svg>"
    )

    look = look_at(evil, tmp_path, (400,))

    (seen,) = look.seen
    assert any("Content Security Policy" in line for line in look.console)
    assert seen.loaded == ["http://127.0.0.1:9/nothing.png"]
    assert seen.scrolls_to >= 3000
    assert seen.cut == ["sticking out"]


def test_it_prints(page: str, tmp_path: Path) -> None:
    pdf = print_to_pdf(page, tmp_path)

    assert pdf.startswith(b"%PDF-")
    assert (
        2
        <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page>") + pdf.count(b"/Type /Page ")
        <= 30
    )
