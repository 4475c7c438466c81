"""The commands that change which history counts: `rewind`, `undo`, `fork` and `lineage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

import hansard
from hansard.cli.figures import money
from hansard.cli.looking import JSON, STATUS_STYLES, facts, table_of
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from application.branching import AppendedView, DoneEffectView, ForkView, RewindView
    from application.lineages import LineageView
    from domain.effect import PendingEffect

REASON = click.option("--reason", required=True, metavar="TEXT", help="Why; recorded for ever.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Change nothing; tell what would be done.")
CANCEL = click.option(
    "--cancel-effects",
    is_flag=True,
    help="Give up calls in flight, and let a process that runs the session stop.",
)


def changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every change of a session's history has."""
    for option in (JSON, DRY_RUN, CANCEL, REASON):
        command = option(command)
    return command


@click.command()
@click.argument("session")
@click.option(
    "--to",
    required=True,
    metavar="T",
    help="The moment to go back to: an ISO 8601 time with zone, a position, or an event id.",
)
@changing
def rewind(*, session: str, to: str, as_json: bool, **choices: Any) -> None:
    """Take SESSION back to what it was at a past moment.

    Nothing is deleted: one event says that what came after no longer counts, and `hansard undo`
    takes it back. `hansard resume` goes on from there.
    """
    with hansard.open() as h:
        view = h.rewind(session, to, **choices)
    _tell_rewind(view, as_json=as_json)


@click.command()
@click.argument("session")
@changing
def undo(*, session: str, as_json: bool, **choices: Any) -> None:
    """Undo the latest rewind of SESSION; undone once more, it is rewound again."""
    with hansard.open() as h:
        view = h.undo(session, **choices)
    _tell_rewind(view, as_json=as_json)


@click.command()
@click.argument("session")
@click.option(
    "--at",
    metavar="T",
    help="The moment to go on from: an ISO 8601 time with zone, a position, or an event id.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the fork's results; a new one below ./hansard-output by default.",
)
@REASON
@DRY_RUN
@JSON
def fork(
    *,
    session: str,
    at: str | None,
    output: Path | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Go on from a past moment of SESSION as another session, which does not change it.

    The fork shares SESSION's history up to then, and no event is copied. `hansard resume FORK`
    goes on from there. The id of the fork goes to standard output.
    """
    with hansard.open() as h:
        view = h.fork(session, at, reason=reason, output=output, dry_run=dry_run)
    if as_json:
        print_json(view)
        return
    _print_fork(console(err=True), view)
    if view.session_id is not None:
        click.echo(str(view.session_id))


@click.command()
@click.argument("session", default=hansard.LAST)
@JSON
def lineage(*, session: str, as_json: bool) -> None:
    """Show where SESSION's history comes from, what was taken back, and what was forked from it."""
    with hansard.open() as h:
        view = h.lineage(session)
    if as_json:
        print_json(view)
    else:
        console().print(_lineage_tree(view))


def _tell_rewind(view: RewindView, *, as_json: bool) -> None:
    if as_json:
        print_json(view)
    else:
        _print_rewind(console(err=True), view)


def _print_rewind(out: Console, view: RewindView) -> None:
    would = "Would go back" if view.dry_run else "Went back"
    out.print(
        facts(
            ("Session", str(view.session_id)),
            (would, f"from position {view.from_position} to {view.to_position}"),
            ("Status", _change(view.status_before.value, view.status.value)),
            ("No longer counts", f"{view.skipped} events"),
            *_changes(view.appended),
            ("State hash", view.state_hash),
        )
    )
    _print_calls(out, "Given up, although in flight", view.cancelled)
    _print_calls(out, "Made again by `hansard resume`", view.repeated)
    _print_done(out, "Happened since and cannot be taken back", view.done)
    if view.done:
        out.print(Text(f"Together they have cost {money(view.cost_usd)} USD.", style="dim"))
    if view.undo is not None:
        out.print(Text(f"To undo it: hansard undo {view.session_id} --reason ...", style="dim"))


def _print_fork(out: Console, view: ForkView) -> None:
    out.print(
        facts(
            ("Would fork" if view.dry_run else "Forked", str(view.origin.session_id)),
            ("At position", str(view.origin.position)),
            ("Status", view.status.value),
            ("Output folder", view.output_folder),
            *_changes(view.appended),
            ("State hash", view.state_hash),
        )
    )
    _print_calls(out, "Made again by `hansard resume`", view.repeated)
    _print_done(out, "Done by then, and not done again", view.done)
    copied = "Would be copied" if view.dry_run else "Copied"
    _print_files(out, f"{copied} to the output folder", view.files)
    _print_files(out, "No longer there as they were, and not copied", view.missing)


def _changes(appended: Sequence[AppendedView]) -> list[tuple[str, str]]:
    return [
        ("Appended" if event.position else "To append", f"{event.type}, {_place(event)}")
        for event in appended
    ]


def _place(event: AppendedView) -> str:
    place = f"version {event.version} of stream {event.stream}"
    return f"{place}, position {event.position}" if event.position else place


def _change(before: str, after: str) -> Text:
    if before == after:
        return Text(after, style=STATUS_STYLES.get(after, ""))
    return Text.assemble(
        (before, STATUS_STYLES.get(before, "")), " > ", (after, STATUS_STYLES.get(after, ""))
    )


def _print_calls(out: Console, title: str, calls: Sequence[PendingEffect]) -> None:
    if calls:
        out.print(Text(f"\n{title}", style="bold"))
        for effect in calls:
            name = effect.call.tool if effect.call else effect.model
            out.print(Text(clean(f"  {effect.agent}  {name}")))


def _print_done(out: Console, title: str, done: Sequence[DoneEffectView]) -> None:
    if not done:
        return
    out.print(Text(f"\n{title}", style="bold"))
    table = table_of("Agent", "Called", "Tokens", "USD", "Files")
    for effect in done:
        table.add_row(
            effect.agent,
            clean(effect.name),
            str(effect.tokens or ""),
            money(effect.cost_usd) if effect.tokens else "",
            clean(", ".join(effect.files)),
        )
    out.print(table)


def _print_files(out: Console, title: str, files: Iterable[str]) -> None:
    if names := ", ".join(files):
        out.print(facts((title, names)))


def _lineage_tree(view: LineageView) -> Tree:
    kind = "what-if" if view.what_if else "session"
    tree = Tree(Text.assemble((kind, "bold"), f" {view.session_id}"))
    for origin in view.origins:
        tree.add(Text(f"left {origin.session_id} at position {origin.position}"))
    counted = tree.add(Text("what counts of the log", style="bold"))
    for segment in view.segments:
        end = "to the end" if segment.until is None else f"to {segment.until}"
        counted.add(Text(f"{segment.session_id}  positions {segment.after + 1} {end}"))
    for rewound in view.rewinds:
        tree.add(
            Text.assemble(
                ("rewound", "yellow"),
                f" at position {rewound.position} to {rewound.to_position}:"
                f" {clean(rewound.reason)}",
            )
        )
    for forked in view.forks:
        name = "what-if" if forked.what_if else "fork"
        tree.add(
            Text.assemble(
                (name, "cyan"),
                f" {forked.session_id} from position {forked.origin_position}:"
                f" {clean(forked.reason)}",
            )
        )
    return tree
