"""The command `forget`: erase what was said in a person's sessions, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import hansard
from hansard.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from application.forgetting import ForgettingView


@click.command()
@click.argument("subject")
@click.option("--reason", help="Why; recorded for ever, so it names nobody.")
@click.option("--dry-run", is_flag=True, help="Change nothing; tell what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def forget(*, subject: str, reason: str | None, dry_run: bool, as_json: bool) -> None:
    """Destroy the key that seals what was said in the sessions of SUBJECT. It cannot be undone.

    The log is not changed, so proofs over it still hold. Who decided, did and spent what, and when,
    stays readable; words show as [erased]. Files are listed and left to you.
    """
    if not dry_run and not reason:
        raise click.UsageError("Say why with --reason, or look first with --dry-run.")
    with hansard.open() as h:
        view = h.forget(subject, dry_run=True)
        if not dry_run:
            if view.files:  # said before nobody can read their names any more
                _list("These files stay:", view.files)
            view = h.forget(subject, reason=reason or "")
    if as_json:
        print_json(view)
    else:
        _print(view, dry_run=dry_run)


def _print(view: ForgettingView, *, dry_run: bool) -> None:
    if view.forgotten_at is not None:
        moment = view.forgotten_at.isoformat(timespec="seconds")
        click.echo(f"{view.subject} was forgotten on {moment}.")
    else:
        click.echo(f"{view.subject} is known; nothing was changed.")
    for session in view.sessions:
        opened = session.opened_at.isoformat(timespec="seconds")
        click.echo(f"  {session.session_id}  {opened}  {session.status.value}")
    done = "would be" if dry_run else "were"
    rows = ", ".join(f"{number} in {name}" for name, number in view.rows.items() if number)
    click.echo(f"Rows that {done} made anew without words: {rows or 'none'}.")
    if view.snapshots:
        click.echo(f"Snapshots that {done} deleted: {view.snapshots}.")
    if view.unswept:
        tables = ", ".join(view.unswept)
        click.echo(f"Deleted rows may still stand in the files of {tables}: run VACUUM (FULL).")
    if dry_run and view.files:
        _list("These files would stay:", view.files)
    _list("Out of reach:", view.out_of_reach)


def _list(title: str, lines: Iterable[str]) -> None:
    click.echo(title, err=True)
    for line in lines:
        click.echo(f"  {clean(line)}", err=True)
