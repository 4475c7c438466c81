"""The command `route`: who would get a request, out of whom, and by which parts of the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table

import hansard
from hansard.cli.looking import JSON
from hansard.cli.main import NOT_FOUND, OK
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.routing.previewing import RouteView
    from domain.decision import Candidate

SHOWN = 10


@click.command(
    epilog="\b\n"
    'hansard route "Draw revenue by month" --skill charts\n'
    'hansard route "Pay the salaries" --strategy rules:0.6,similarity:0.3,track_record:0.1'
)
@click.argument("request")
@click.option(
    "--strategy",
    metavar="NAME",
    help="rules, similarity or track_record, or several with weights: `rules:0.6,similarity:0.4`.",
)
@click.option(
    "--skill",
    "skills",
    multiple=True,
    help="A wanted skill, the most important first; by default those that REQUEST names.",
)
@click.option("--department", help="Decide as the director of this department would.")
@click.option("--all", "everybody", is_flag=True, help=f"Show all candidates, not only {SHOWN}.")
@JSON
def route(
    *,
    request: str,
    strategy: str | None,
    skills: tuple[str, ...],
    department: str | None,
    everybody: bool,
    as_json: bool,
) -> int:
    """Show who would get REQUEST, with the scores of all candidates; nothing is run or recorded.

    Exit code 3 means that nobody would.
    """
    with hansard.open() as h:
        view = h.route(request, strategy=strategy, skills=skills, department=department)
    if as_json:
        print_json(view)
    else:
        _show(view, view.decision.candidates if everybody else view.decision.candidates[:SHOWN])
    return OK if view.decision.chosen is not None else NOT_FOUND


def _show(view: RouteView, candidates: tuple[Candidate, ...]) -> None:
    decision = view.decision
    parts = list(dict.fromkeys(part for each in candidates for part in each.parts))
    facts = list(dict.fromkeys(fact for each in candidates for fact in each.facts))
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("Agent")
    for column in ("Score", *parts, *(f"({fact})" for fact in facts)):
        table.add_column(column, justify="right")
    for each in candidates:
        table.add_row(
            each.handle,
            f"{each.score:.3f}",
            *(f"{each.parts.get(part, 0.0):.3f}" for part in parts),
            *(f"{each.facts[fact]:.3g}" if fact in each.facts else "" for fact in facts),
        )
    console().print(table)
    more = len(decision.candidates) - len(candidates)
    if more:
        click.echo(f"{more} more candidates; --all shows them.", err=True)
    click.echo(clean(decision.reason))
    click.echo(
        f"Strategy {decision.strategy}, confidence {decision.confidence:.2f},"
        f" threshold {view.threshold:.2f}, as of position {decision.knowledge_position}.",
        err=True,
    )
    if view.left_out:
        click.echo(f"Not asked, because they ask models: {', '.join(view.left_out)}.", err=True)
