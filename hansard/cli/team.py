"""The command `team`: agents that work together, chosen by figures, watched and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table

import hansard
from application.teaming import THRESHOLD
from hansard.cli.figures import NOTHING
from hansard.cli.looking import AT, JSON, facts
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.teaming import TeamView
    from domain.team import MemberFigures

BEST = 5
"""Candidates that were not chosen and are shown all the same."""

UNDER = click.option(
    "--threshold",
    type=click.FloatRange(0.0, 1.0),
    default=THRESHOLD,
    show_default=True,
    help="Performance under which a member is weak.",
)


@click.group()
def team() -> None:
    """Form teams, watch them, change them, let them go."""


@team.command("form")
@click.argument("name")
@click.option("--skill", "skills", multiple=True, required=True, help="A skill it needs; repeat.")
@click.option("--size", type=click.IntRange(1, 20), help="Members; by default one for each skill.")
@click.option("--department", help="Only specialists of this department.")
@JSON
def form_team(
    *, name: str, skills: tuple[str, ...], size: int | None, department: str | None, as_json: bool
) -> None:
    """Form the team NAME out of the active specialists, for the skills that are needed.

    It is chosen by diversity of skills, nearness of its members and fitness for what is needed.
    """
    with hansard.open() as h:
        view = h.form_team(name, skills, size=size, department=department)
    _print(view, as_json=as_json)


@team.command("list")
@click.option("--all", "dissolved", is_flag=True, help="Also teams that were dissolved.")
@AT
@JSON
def list_teams(*, dissolved: bool, at: str | None, as_json: bool) -> None:
    """List teams, also as they were at a past moment."""
    with hansard.open() as h:
        views = h.teams(at, dissolved=dissolved)
    if as_json:
        print_json(views)
        return
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("Name", "Members", "For", "Score", "Performance", "Status"):
        table.add_column(column, overflow="fold")
    for view in views:
        table.add_row(
            view.name,
            ", ".join(view.members),
            clean(", ".join(need.key for need in view.needs)),
            f"{view.formation.score.score:.3f}",
            _share(view.assessment.performance if view.assessment else None),
            view.status.value,
        )
    console().print(table)
    click.echo(f"{len(views)} teams.", err=True)


@team.command("show")
@click.argument("name")
@AT
@JSON
def show_team(*, name: str, at: str | None, as_json: bool) -> None:
    """Show the team NAME: who is in it, by which figures, and how it does."""
    with hansard.open() as h:
        view = h.team(name, at)
    _print(view, as_json=as_json)


@team.command("assess")
@click.argument("name")
@UNDER
@JSON
def assess_team(*, name: str, threshold: float, as_json: bool) -> None:
    """Record how the team NAME did since its members joined."""
    with hansard.open() as h:
        view = h.assess_team(name, threshold)
    _print(view, as_json=as_json)


@team.command("reform")
@click.argument("name")
@UNDER
@click.option("--replace", multiple=True, metavar="HANDLE", help="Exchange this member; repeat.")
@JSON
def reform_team(*, name: str, threshold: float, replace: tuple[str, ...], as_json: bool) -> None:
    """Assess the team NAME and exchange its weak members; one that does well stays as it is."""
    with hansard.open() as h:
        before = h.team(name)
        view = h.reform_team(name, threshold, replace=replace)
    _print(view, as_json=as_json)
    left = sorted(set(before.members) - set(view.members))
    joined = sorted(set(view.members) - set(before.members))
    told = f"{', '.join(left)} left, {', '.join(joined)} joined." if left else "Nobody left."
    click.echo(told, err=True)


@team.command("dissolve")
@click.argument("name")
@click.option("--reason", default="not needed any more", show_default=True)
@JSON
def dissolve_team(*, name: str, reason: str, as_json: bool) -> None:
    """Let the team NAME go; its history stays."""
    with hansard.open() as h:
        view = h.dissolve_team(name, reason)
    _print(view, as_json=as_json)


def _print(view: TeamView, *, as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    formation, score = view.formation, view.formation.score
    parts = ", ".join(f"{name} {part:+.3f}" for name, part in score.parts.items())
    console().print(
        facts(
            ("Name", view.name),
            ("Status", view.status.value + (f": {clean(view.reason)}" if view.reason else "")),
            ("Score", f"{score.score:.3f} ({parts})"),
            ("Search", f"{formation.search}, {formation.compared:,} teams compared"),
            ("Performance", _share(view.assessment.performance if view.assessment else None)),
            ("Reformed", f"{view.reformations} times"),
            ("Formed", view.formed_at.isoformat(timespec="seconds")),
        )
    )
    console().print(_members(view))
    others = [each for each in formation.considered if each.handle not in view.members][:BEST]
    if others:
        near = ", ".join(f"{each.handle} {_mean(each.fitness):.2f}" for each in others)
        console().print(f"{len(formation.considered)} considered; next in fitness: {near}")


def _members(view: TeamView) -> Table:
    figures = {each.handle: each for each in view.assessment.members} if view.assessment else {}
    fitness = {each.handle: each.fitness for each in view.formation.considered}
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for column in ("Member", "Does", "Fitness", "Done", "Failed", "Mean", "Open", "Performance"):
        table.add_column(column, overflow="fold")
    weak = view.assessment.weak if view.assessment else ()
    for handle in view.members:
        own = [key for key, member in view.formation.assigned.items() if member == handle]
        table.add_row(
            f"{handle} (weak)" if handle in weak else handle,
            clean(", ".join(own)) or NOTHING,
            f"{_mean(fitness.get(handle, {})):.2f}",
            *_figures(figures.get(handle)),
        )
    return table


def _figures(figures: MemberFigures | None) -> tuple[str, ...]:
    if figures is None:
        return (NOTHING,) * 5
    mean = NOTHING if figures.mean_s is None else f"{figures.mean_s:.1f} s"
    counts = (str(figures.completed), str(figures.failed), mean, str(figures.load))
    return (*counts, _share(figures.performance))


def _mean(fitness: dict[str, float]) -> float:
    return sum(fitness.values()) / len(fitness) if fitness else 0.0


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.3f}"
