"""The command `tail`: watch the log, and go on where it was left."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

import hansard
from hansard.cli.main import OK
from hansard.cli.terminal import clean, console, print_json_line

if TYPE_CHECKING:
    from rich.console import Console

    from application.tailing import EventView
    from hansard.api.event_tail import EventTail

STYLES = (
    ("*failed", "red"),
    ("task.answer_rejected", "yellow"),
    ("task.unplaced", "yellow"),
    ("*.cancelled", "yellow"),
    ("session.declined", "yellow"),
    ("*.completed", "green"),
    ("session.*", "bold magenta"),
    ("conversation.*", "bold cyan"),
    ("task.delegated", "cyan"),
    ("task.decomposed", "cyan"),
    ("task.model_*", "blue"),
    ("task.tool_*", "blue"),
    ("task.*", ""),
    ("*", "magenta"),
)
"""Colours by the type of events; the first pattern that fits counts."""

TYPE_WIDTH, ACTOR_WIDTH = 23, 16


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Wait for events to come, until Ctrl-C.")
@click.option(
    "-n",
    "last",
    metavar="N",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="Begin with the last N events.",
)
@click.option("--from", "since", metavar="T", help="Begin with what was recorded at or after T.")
@click.option("--session", metavar="ID", help="Only events of this session, or of the `last` one.")
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    multiple=True,
    help="Only events of this type, such as task.completed or 'task.*'; may be given often.",
)
@click.option(
    "--agent",
    "--actor",
    "actor",
    metavar="HANDLE",
    help="Only what this agent, USER or SYSTEM caused.",
)
@click.option(
    "--bookmark", metavar="NAME", help="Go on where this name was left, on any machine; see above."
)
@click.option("--wide", is_flag=True, help="Whole lines, with the session's id in each.")
@click.option("--full", is_flag=True, help="With everything that each event says.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
def tail(*, follow: bool, bookmark: str | None, as_json: bool, **choices: Any) -> int:
    """Show the last events of the log, and those to come with --follow.

    T is an ISO 8601 time with zone, a position, or an event id.

    With --bookmark, the database keeps how far NAME has come, and the next call with NAME goes on
    behind that; --from and -n say where a NAME that is new begins. A position is stored after its
    line was written, within half a second: after a crash the last lines may come again, and none
    is left out. Use one NAME for each set of filters.

    A database that goes away is waited for with --follow. Ctrl-C ends it and says where to go on.
    """
    wide, full = choices.pop("wide"), choices["full"]
    show = _json_lines if as_json else _shown(wide=wide, full=full)
    choices |= {"follow": follow, "bookmark": bookmark}
    return asyncio.run(_watch(choices, show))


async def _watch(choices: dict[str, Any], show: Callable[[EventView], None]) -> int:
    ending = _Ending()
    with ending:
        async with _opened() as h:
            events = h.tail(**choices)
            try:
                async with events:
                    async for view in events:
                        show(view)
            except asyncio.CancelledError:
                return ending.conclude(lambda: _tell(events, choices["bookmark"]))
    return OK


@asynccontextmanager
async def _opened() -> AsyncIterator[hansard.AsyncHansard]:
    """Open Hansard, and close it also when opening is interrupted."""
    opening = asyncio.ensure_future(hansard.open_async())
    try:
        h = await asyncio.shield(opening)
    except asyncio.CancelledError:
        async with await opening:
            raise
    async with h:
        yield h


class _Ending:
    """Notices what is to end the command: SIGTERM, or that nobody reads what it prints.

    Ctrl-C is left to the event loop, which cancels the command in the same way.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._pipe: int | None = None
        self._terminated = self._unread = False

    def __enter__(self) -> None:
        self._loop.add_signal_handler(signal.SIGTERM, self._terminate)
        with suppress(OSError, ValueError):  # no file, as in tests
            number = sys.stdout.fileno()
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                self._loop.add_reader(number, self._nobody_reads)
                self._pipe = number

    def __exit__(self, *_: object) -> None:
        self._loop.remove_signal_handler(signal.SIGTERM)
        if self._pipe is not None:
            self._loop.remove_reader(self._pipe)

    def conclude(self, tell: Callable[[], None]) -> int:
        """Say how the cancelled command ends.

        Raises:
            BrokenPipeError: nobody reads what it prints.
            CancelledError: it was interrupted.
        """
        if self._unread:
            raise BrokenPipeError
        tell()
        if not self._terminated:
            raise asyncio.CancelledError
        self._task.uncancel()
        return OK

    def _terminate(self) -> None:
        self._terminated = True
        self._task.cancel()

    def _nobody_reads(self) -> None:
        self._loop.remove_reader(sys.stdout.fileno())
        self._pipe = None
        self._unread = True
        self._task.cancel()


def _tell(events: EventTail, bookmark: str | None) -> None:
    if events.position is None:
        return
    option = f"--from {events.position + 1}" if bookmark is None else f"--bookmark {bookmark}"
    click.echo(
        f"Stopped behind position {events.position}: `hansard tail {option}` goes on there.",
        err=True,
    )


def _json_lines(view: EventView) -> None:
    print_json_line(view)


def _shown(*, wide: bool, full: bool) -> Callable[[EventView], None]:
    """Make what prints events as people read them."""
    out = console()
    if wide or not out.is_terminal:
        return lambda view: _print_line(out, view, full=full)
    last: list[UUID | None] = [None]

    def show(view: EventView) -> None:
        if view.session_id not in {None, last[0]}:
            last[0] = view.session_id
            click.secho(f"session {view.session_id}", dim=True)
        _print_row(out, view)
        if full:
            _print_payload(out, view)

    return show


def _print_line(out: Console, view: EventView, *, full: bool) -> None:
    """Print whatever a pipe, or whoever has a wide screen, is to get of an event."""
    time = view.recorded_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    place = f"{view.position}  {time}  "
    rest = f"  {view.actor}  {view.session_id or '-'}  {clean(view.text)}"
    if out.is_terminal:
        from rich.text import Text  # noqa: PLC0415 - heavy

        line = Text.assemble((place, "dim"), (view.type, style_of(view.type)), rest)
        out.print(line, soft_wrap=True)
    else:
        click.echo(f"{place}{view.type}{rest}")
    if full:
        _print_payload(out, view)


def _print_row(out: Console, view: EventView) -> None:
    from rich.text import Text  # noqa: PLC0415 - heavy

    time = view.recorded_at.isoformat(timespec="milliseconds")[11:23]
    line = Text.assemble(
        (f"{view.position:>6}  {time}  ", "dim"),
        (f"{view.type:<{TYPE_WIDTH}}  ", style_of(view.type)),
        f"{view.actor:<{ACTOR_WIDTH}}  {clean(view.text)}",
    )
    out.print(line, no_wrap=True, overflow="ellipsis")


def _print_payload(out: Console, view: EventView) -> None:
    from pydantic_core import to_json  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415

    lines = clean(to_json(view.payload, indent=2).decode()).splitlines()
    text = "\n".join(f"    {line}" for line in lines)
    if out.is_terminal:
        out.print(Text(text, style="dim"), soft_wrap=True)
    else:
        click.echo(text)


@cache
def style_of(name: str) -> str:
    """Tell the colour of a type of events."""
    return next(style for pattern, style in STYLES if fnmatchcase(name, pattern))
