"""The command `context`: what agents share in a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

import hansard
from hansard.cli.figures import NOTHING, tell_computed
from hansard.cli.looking import AT, JSON, table_of
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.sharing.views import SharedMergeView


@click.command()
@click.argument("session", default=hansard.LAST)
@click.option("--agent", metavar="HANDLE", help="Only what this agent shares.")
@click.option("--prompt", is_flag=True, help="Print it as a prompt says it.")
@click.option(
    "--merge",
    "other",
    metavar="OTHER",
    help="Take over what is shared in session OTHER, such as a fork, and show what changed.",
)
@AT
@JSON
def context(
    *,
    session: str,
    agent: str | None,
    prompt: bool,
    other: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Show what agents share in SESSION, each under its own name, now or at T.

    SESSION is an id that `hansard sessions` lists, or `last` (the default). With --merge, T is the
    moment as of which OTHER is looked at.
    """
    if other is not None:
        if agent is not None or prompt:
            raise click.UsageError("--merge takes over everything; leave --agent and --prompt out.")
        with hansard.open() as h:
            _tell_merge(h.merge_shared_context(session, other, at), as_json=as_json)
        return
    with hansard.open() as h:
        view = h.shared_context(session, at)
    if agent is not None:
        kept = tuple(each for each in view.values if each.agent == agent)
        view = view.model_copy(update={"values": kept})
    if as_json:
        print_json(view)
        return
    if prompt:
        click.echo(clean(view.rendered()))
        return
    table = table_of("Agent", "Name", "Value", "Position", "Since")
    for each in view.values:
        since = each.recorded_at.isoformat(timespec="seconds") if each.recorded_at else NOTHING
        value = json.dumps(each.value, ensure_ascii=False)
        place = str(each.position) if each.position else NOTHING
        table.add_row(clean(each.agent), clean(each.key), clean(value), place, since)
    console().print(table)
    tell_computed(view.position, 0)


def _tell_merge(merged: SharedMergeView, *, as_json: bool) -> None:
    if as_json:
        print_json(merged)
        return
    table = table_of("Agent", "Name", "Value")
    for each in merged.changed:
        value = json.dumps(each.value, ensure_ascii=False)
        table.add_row(clean(each.agent), clean(each.key), clean(value))
    console().print(table)
    if merged.position is None:
        click.echo("Nothing new was shared there.", err=True)
    else:
        click.echo(f"Recorded at position {merged.position}.", err=True)
