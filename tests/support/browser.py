"""Browser: looks at a page with Chromium, if there is one, and tells what a reader would meet."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

PATIENCE_S = 120.0
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless",
    "--no-sandbox",  # a container has no rights to make one, and the page is our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
)

_LOOK = """<!doctype html><meta charset="utf-8"><body><script>
addEventListener("load", async () => {
  const seen = [];
  for (const width of WIDTHS) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${width}px; height: 800px; border: 0`;
    frame.srcdoc = PAGE;
    await new Promise((done) => { frame.onload = done; document.body.append(frame); });
    const page = frame.contentDocument, root = page.documentElement;
    const cut = [...page.querySelectorAll("svg text")].filter((text) => {
      const inner = text.getBoundingClientRect();
      const outer = text.closest("svg").getBoundingClientRect();
      return inner.left < outer.left - 1 || inner.right > outer.right + 1;
    });
    seen.push({
      width, scrolls_to: root.scrollWidth, cut: cut.map((text) => text.textContent),
      loaded: frame.contentWindow.performance.getEntriesByType("resource").map((one) => one.name),
      charts: [...page.querySelectorAll("svg")].map((svg) => svg.getBoundingClientRect().width),
    });
    frame.remove();
  }
  document.body.textContent = JSON.stringify(seen);
});
</script>"""


@dataclass(frozen=True)
class Seen:
    """A page as it looks at one width.

    Attributes:
        width: pixels of CSS, as `scrolls_to`, which is more where the page overflows.
        loaded: addresses of everything it loaded or tried to.
        charts: how wide each drawing is.
        cut: words of drawings that stand out of them.
    """

    width: int
    scrolls_to: int
    loaded: list[str]
    charts: list[float]
    cut: list[str]


@dataclass(frozen=True)
class Look:
    """What Chromium saw, and whatever stood on its console."""

    seen: list[Seen]
    console: list[str]


def chromium() -> str | None:
    """Find the program."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def look_at(page: str, folder: Path, widths: tuple[int, ...] = (360, 768, 1280)) -> Look:
    """Open a page at several widths.

    Args:
        folder: for the browser's own files.
    """
    harness = folder / "harness.html"
    quoted = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
    document = _LOOK.replace("WIDTHS", json.dumps(widths)).replace("PAGE", quoted)
    harness.write_text(document, encoding="utf-8")
    done = _run(folder, "--virtual-time-budget=20000", "--dump-dom", harness.as_uri())
    body = done.stdout.partition("<body>")[2].partition("</body>")[0]
    return Look(
        [Seen(**one) for one in json.loads(unescape(body))],
        re.findall(r"CONSOLE[^]]*\] (.*)", done.stderr),
    )


def print_to_pdf(page: str, folder: Path) -> bytes:
    """Print a page, and give the PDF document."""
    file, pdf = folder / "page.html", folder / "page.pdf"
    file.write_text(page, encoding="utf-8")
    _run(folder, f"--print-to-pdf={pdf}", file.as_uri())
    return pdf.read_bytes()


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = chromium()
    assert program is not None
    return subprocess.run(
        [program, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=True,
    )
