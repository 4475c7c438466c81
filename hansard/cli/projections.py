"""The command `projections`: look after the read models, which everything is answered from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

import click

import hansard
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hansard.bootstrap import ProjectionStatus

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
WATCH_S = 1.0
LINE_S = 5.0
"""Seconds between two lines of progress where there is no terminal."""

TIMES = "%Y-%m-%d %H:%M:%S UTC"


@click.group()
def projections() -> None:
    """Look after the read models, which lists, statistics and searches are answered from.

    Read models are derived from the log and can be built anew from it at any time. Whoever asks
    brings them up to date; `hansard worker` does so all the time.
    """


@projections.command()
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@JSON
def status(*, watch: bool, as_json: bool) -> int:
    """Show how far each read model has come, its lag, and what went wrong.

    The lag is told in events, and in seconds for which the oldest of them has been waiting. With
    --watch and --json, one document follows the other.
    """
    with hansard.open() as h:
        if watch:
            _watch(h, as_json=as_json)
        else:
            _show(console(), h.projections(), as_json=as_json)
    return 0


@projections.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "all_of_them", is_flag=True, help="Build all read models anew.")
@JSON
def rebuild(*, names: tuple[str, ...], all_of_them: bool, as_json: bool) -> int:
    """Build read models anew from the log, while the old ones go on answering.

    A new one takes the place of the old one when it has come as far. Events that were set aside are
    tried again. Interrupted with Ctrl-C, it is finished by whoever keeps the read models next, or
    when the command is repeated.
    """
    if bool(names) == all_of_them:
        raise click.UsageError("Name the read models to build anew, or say --all.")
    with hansard.open() as h:
        pace = Pace()
        with _progress(console(err=True), pace) as tell:
            rebuilt = h.rebuild_projections(names, on_progress=tell)
    if as_json:
        print_json({"projections": rebuilt, "events": pace.events, "seconds": pace.seconds})
    else:
        click.echo(
            f"Built anew: {', '.join(each.name for each in rebuilt)}; {pace.events:,} events in"
            f" {pace.seconds:.1f} s ({pace})."
        )
    return 0


@projections.command()
@click.argument("name")
@JSON
def pause(*, name: str, as_json: bool) -> int:
    """Let the read model NAME stand where it is; its answers end there until it is resumed."""
    with hansard.open() as h:
        h.pause_projection(name)
        return _tell_one(h, name, as_json=as_json)


@projections.command()
@click.argument("name")
@JSON
def resume(*, name: str, as_json: bool) -> int:
    """Let the read model NAME go on: a paused one, or one that stopped at an event.

    A stopped one tries the event again.
    """
    with hansard.open() as h:
        h.resume_projection(name)
        return _tell_one(h, name, as_json=as_json)


@projections.command("set-aside")
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept and listed with the event.")
@JSON
def set_aside(*, name: str, reason: str, as_json: bool) -> int:
    """Let the read model NAME do without the event that it stopped at.

    The event stays in the log. It is listed and counted by `status` until the read model is built
    anew, which tries it again.
    """
    with hansard.open() as h:
        h.set_event_aside(name, reason)
        return _tell_one(h, name, as_json=as_json)


def _tell_one(h: hansard.Hansard, name: str, *, as_json: bool) -> int:
    _show(console(), [each for each in h.projections() if each.name == name], as_json=as_json)
    return 0


def _watch(h: hansard.Hansard, *, as_json: bool) -> None:
    from rich.console import Group  # noqa: PLC0415 - heavy
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    out = console()
    if as_json or not out.is_terminal:
        while True:
            _show(out, h.projections(), as_json=as_json)
            sleep(WATCH_S)
    with Live(console=out, auto_refresh=False) as live:
        while True:
            found = h.projections()
            told = Text("\n".join(_remarks(found)))
            live.update(Group(_table(found), told), refresh=True)
            sleep(WATCH_S)


def _show(out: Console, found: Sequence[ProjectionStatus], *, as_json: bool) -> None:
    if as_json:
        print_json([{**each.model_dump(), "state": _state(each)} for each in found])
        return
    out.print(_table(found))
    for remark in _remarks(found):
        click.echo(remark)


def _table(found: Sequence[ProjectionStatus]) -> Table:
    from rich.table import Table  # noqa: PLC0415 - heavy

    table = Table(box=None, pad_edge=False)
    table.add_column("read model", no_wrap=True)
    for heading in ("position", "events behind", "seconds behind", "set aside"):
        table.add_column(heading, justify="right")
    table.add_column("state", no_wrap=True)
    for each in found:
        table.add_row(
            clean(each.name),
            f"{each.position:,}",
            f"{each.lag:,}",
            f"{each.lag_s:,.1f}",
            str(len(each.set_aside)),
            _state(each),
        )
    return table


def _state(status: ProjectionStatus) -> str:
    if status.stopped:
        return "stopped"
    if status.paused_at is not None:
        return "paused"
    if status.rebuilt_to is not None:
        return "rebuilding"
    return "behind" if status.lag else "up to date"


def _remarks(found: Sequence[ProjectionStatus]) -> Iterator[str]:
    for each in found:
        name = clean(each.name)
        if each.failed_position is not None:
            yield (
                f"{name} stopped at position {each.failed_position:,}: {_line(each.error)}\n"
                f"  Repair the cause and `hansard projections resume {name}`, or let it do without"
                f" the event: `hansard projections set-aside {name} --reason ...`."
            )
        if each.paused_at is not None:
            yield f"{name} has been paused since {each.paused_at.strftime(TIMES)}."
        if each.rebuilt_to is not None:
            yield f"{name} is being built anew, up to position {each.rebuilt_to:,} so far."
        if each.rebuild_error is not None and not each.stopped:
            yield (
                f"{name} cannot be built anew: {_line(each.rebuild_error)}\n"
                f"  Repair the cause and `hansard projections rebuild {name}`."
            )
        for event in each.set_aside:
            yield (
                f"{name} does without position {event.position:,}, set aside at"
                f" {event.set_aside_at.strftime(TIMES)} ({_line(event.reason)}):"
                f" {_line(event.error)}"
            )


def _line(text: str | None) -> str:
    return " ".join(clean(text or "").split())


class Pace:
    """How many events were passed in how many seconds; what was interrupted begins where it was."""

    def __init__(self) -> None:
        self._begun = monotonic()
        self._first: int | None = None
        self.events = 0

    def note(self, reached: int) -> None:
        """Note the position that was reached."""
        if self._first is None:
            self._first = reached
        self.events = reached - self._first

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return max(monotonic() - self._begun, 0.001)

    def __str__(self) -> str:
        return f"{self.events / self.seconds:,.0f} events/s"


@contextmanager
def _progress(out: Console, pace: Pace) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, else a line every few seconds."""
    out.print("Building anew; the old ones answer meanwhile.")
    if not out.is_terminal:
        yield _lines(out, pace)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("", total=None, pace=pace)

        def tell(reached: int, target: int) -> None:
            pace.note(reached)
            bar.update(task, completed=reached, total=target)

        yield tell


def _lines(out: Console, pace: Pace) -> Callable[[int, int], None]:
    last = monotonic()

    def tell(reached: int, target: int) -> None:
        nonlocal last
        pace.note(reached)
        if monotonic() - last >= LINE_S:
            last = monotonic()
            out.print(f"Position {reached:,} of {target:,} ({pace}).")

    return tell
