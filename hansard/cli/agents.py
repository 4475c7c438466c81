"""The command `agents`: who belongs to the organisation."""

from __future__ import annotations

import click
from rich.table import Table

import hansard
from hansard.cli.looking import AT, JSON, facts
from hansard.cli.terminal import console, print_json


@click.group()
def agents() -> None:
    """List and show the agents of the organisation."""


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
