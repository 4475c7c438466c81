"""Terminal: print what models and files say without letting them control the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 1000
"""Columns of output that no terminal shows: wide enough that nothing is folded."""

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|\x1b[PX^_\]][^\x1b\x07]*(?:\x1b\\|\x07)"  # DCS, SOS, PM, APC, OSC: titles, clipboard
    r"|\x1b[ -/]*[0-~]"  # all other escape sequences
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # direction marks that reorder text
)


def clean(text: str) -> str:
    """Take control sequences and characters that reorder text out of untrusted text."""
    return _CONTROLS.sub("", _SEQUENCES.sub("", text))


def console(*, err: bool = False) -> Console:
    """Make a console; it obeys NO_COLOR and writes plain, unwrapped text into pipes."""
    from rich.console import Console  # noqa: PLC0415 - heavy

    made = Console(stderr=err, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def print_json(value: object) -> None:
    """Print one JSON document; characters that could control a terminal are escaped in it."""
    from pydantic_core import to_json  # noqa: PLC0415 - heavy

    click.echo(_escaped(to_json(value, indent=2).decode()))


def print_json_line(value: object) -> None:
    """Print one JSON document on a line of its own, escaped as `print_json` does."""
    from pydantic_core import to_json  # noqa: PLC0415 - heavy

    click.echo(_escaped(to_json(value).decode()))


def _escaped(document: str) -> str:
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", document)
