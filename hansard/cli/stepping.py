"""Stepping: go through frames by keys, forward and backward."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from hansard.cli.scenes import draw
from hansard.cli.terminal import console

if TYPE_CHECKING:
    from application.replaying.frames import Frames

HINT = "space n > on, b < back, g POSITION there, q end"

NEXT = frozenset((" ", "n", "\r", "\n", "", "next", "\x1b[C", "\x1bOC", "\x1b[B", "\x1bOB"))
BACK = frozenset(("b", "back", "\x1b[D", "\x1bOD", "\x1b[A", "\x1bOA"))
FIRST = frozenset(("home", "\x1b[H", "\x1bOH"))
LAST = frozenset(("end", "\x1b[F", "\x1bOF"))
QUIT = frozenset(("q", "quit", "\x1b", "\x04"))
"""Keys, with what terminals send for the arrows, and the words that say the same in a pipe."""


def step_through(frames: Frames) -> None:
    """Show a frame, and another one for each key, until it is enough."""
    out = console()
    index = frames.first
    draw(out, frames[index], HINT)
    for wish in _wishes():
        if wish in QUIT:
            return
        index = _go(frames, index, wish)
        draw(out, frames[index], HINT)


def _go(frames: Frames, index: int, wish: str) -> int:
    """Tell which frame comes after a wish; one that says nothing stays."""
    if wish in NEXT:
        return min(index + 1, len(frames) - 1)
    if wish in BACK:
        return max(index - 1, 0)
    if wish in FIRST:
        return 0
    if wish in LAST:
        return len(frames) - 1
    position = wish.removeprefix("g").strip()
    return frames.index_at(int(position)) if position.isdecimal() else index


def _wishes() -> Iterator[str]:
    if not sys.stdin.isatty():
        for line in sys.stdin:
            yield line.strip().lower()
        return
    while True:
        key = click.getchar()
        if key == "g":
            position = click.prompt("Position", default="", show_default=False)
            yield f"g{position}"
        else:
            yield key
