"""The command `agents`: who belongs to the organisation, joins it, pauses and leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

import hansard
from hansard.cli.looking import AT, JSON, facts
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.views import AgentView

REASON = click.option("--reason", required=True, help="Why; it is recorded.")


@click.group()
def agents() -> None:
    """List the agents of the organisation, and let them join, pause and leave."""


@agents.command("list")
@click.option("--department", help="Only agents of this department.")
@click.option("--skill", help="Only agents with this skill.")
@AT
@JSON
def list_agents(
    *, department: str | None, skill: str | None, at: str | None, as_json: bool
) -> None:
    """List agents, also as they were at a past moment."""
    with hansard.open() as h:
        views = [
            view
            for view in h.agents(at)
            if department in (None, view.department) and (skill is None or skill in view.skills)
        ]
    if as_json:
        print_json(views)
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("Handle", "Name", "Level", "Department", "Skills", "Active"):
        table.add_column(column, overflow="fold")
    for view in views:
        table.add_row(
            view.handle,
            view.display_name,
            view.level.value,
            view.department or "",
            ", ".join(view.skills),
            "yes" if view.active else "no",
        )
    console().print(table)
    click.echo(f"{len(views)} agents.", err=True)


@agents.command("show")
@click.argument("handle")
@AT
@JSON
def show_agent(*, handle: str, at: str | None, as_json: bool) -> None:
    """Show the agent called HANDLE, for example FIN_007."""
    with hansard.open() as h:
        view = h.agent(handle, at)
    if as_json:
        print_json(view)
        return
    console().print(
        facts(
            ("Handle", view.handle),
            ("Name", view.display_name),
            ("Id", str(view.agent_id)),
            ("Level", view.level.value),
            ("Department", view.department or "none"),
            ("Reports to", view.supervisor or "nobody"),
            ("Description", view.description),
            ("Skills", ", ".join(view.skills) or "none"),
            ("Tools", ", ".join(view.tools) or "none"),
            ("Active", "yes" if view.active else "no"),
            ("Registered", view.registered_at.isoformat(timespec="seconds")),
        )
    )


@agents.command("register")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@JSON
def register(*, file: Path, as_json: bool) -> None:
    """Let an agent join that FILE (YAML) describes, beside those of the roster.

    Without `skills` they are inferred from its own `tools`.
    """
    with hansard.open() as h:
        view = h.register_agent(file)
    _told(view, f"{view.handle} joined, with the skills {listed(view.skills)}.", as_json=as_json)


@agents.command("activate")
@click.argument("handle")
@JSON
def activate(*, handle: str, as_json: bool) -> None:
    """Let the agent called HANDLE take work again."""
    with hansard.open() as h:
        view = h.activate_agent(handle)
    _told(view, f"{handle} takes work again.", as_json=as_json)


@agents.command("deactivate")
@click.argument("handle")
@REASON
@JSON
def deactivate(*, handle: str, reason: str, as_json: bool) -> None:
    """Let the agent called HANDLE take no work until it is activated.

    Sessions that run go on with it.
    """
    with hansard.open() as h:
        view = h.deactivate_agent(handle, reason)
    _told(view, f"{handle} takes no work until it is activated.", as_json=as_json)


@agents.command("remove")
@click.argument("handle")
@REASON
@JSON
def remove(*, handle: str, reason: str, as_json: bool) -> None:
    """Take the agent called HANDLE out of the organisation; its history stays.

    An agent of the roster stays away until the roster changes.
    """
    with hansard.open() as h:
        view = h.remove_agent(handle, reason)
    _told(view, f"{handle} left; its history stays.", as_json=as_json)


@agents.command("unload")
@click.option("--idle", required=True, metavar="TIME", help="How long unused, such as 30d or 12h.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and tell who it would be.")
@JSON
def unload(*, idle: str, dry_run: bool, as_json: bool) -> None:
    """Deactivate the specialists that nobody used for a time."""
    with hansard.open() as h:
        handles = h.unload_idle_agents(idle, dry_run=dry_run)
    if as_json:
        print_json({"handles": handles, "dry_run": dry_run})
        return
    for handle in handles:
        click.echo(handle)
    would = "would be deactivated" if dry_run else "deactivated"
    click.echo(f"{len(handles)} agents {would}.", err=True)


@agents.command("switch")
@click.argument("handle", required=False)
@JSON
def switch(*, handle: str | None, as_json: bool) -> None:
    """Let the agent called HANDLE take the requests that name none; without it, tell who does."""
    with hansard.open() as h:
        view = h.agent_in_charge() if handle is None else h.switch_agent(handle)
    _told(view, f"{view.handle} takes the requests that name no agent.", as_json=as_json)


def _told(view: AgentView, sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json(view)
    else:
        click.echo(clean(sentence))


def listed(skills: tuple[str, ...]) -> str:
    """List skills for a sentence."""
    return ", ".join(skills) or "none"
