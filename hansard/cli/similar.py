"""The command `similar`: find what was asked and answered before, and keep what finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import hansard
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from hansard.bootstrap import RebuildView
    from projections.similar_queries import SimilarPage, SimilarView

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

SHOWN_LENGTH = 400
"""Characters of a text that are shown."""


class SearchingGroup(click.Group):
    """Takes what names none of its commands as a text to search for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the search in front where it is left out."""
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["search", *args]
        return super().parse_args(ctx, args)


@click.group(cls=SearchingGroup, subcommand_metavar="TEXT | COMMAND [ARGS]...")
def similar() -> None:
    """Find what users asked and were told that is near to TEXT, by words and by meaning.

    `hansard similar TEXT` is short for `hansard similar search TEXT`, whose options it takes. The
    other commands keep the vectors that meanings are compared by.
    """


@similar.command()
@click.argument("text")
@click.option("--agent", metavar="HANDLE", help="Only what this agent was asked or answered.")
@click.option("--session", metavar="ID", help="Only this session; `last` names the newest.")
@click.option("--kind", type=click.Choice(["query", "answer"]), help="Only one kind of item.")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--at",
    metavar="T",
    help="Search as of a past moment: an ISO 8601 time with zone, a position, or an event id.",
)
@JSON
def search(
    *,
    text: str,
    agent: str | None,
    session: str | None,
    kind: str | None,
    limit: int,
    at: str | None,
    as_json: bool,
) -> None:
    """Find what is near to TEXT, best first.

    Each hit is shown with its session, its position in the log, and the parts of its score: its
    ranks by meaning and by words.
    """
    with hansard.open() as h:
        page = h.similar(text, at, agent, session, limit, kind=kind)
    if as_json:
        print_json(page)
        return
    out = console()
    for hit in page.items:
        _print_hit(out, hit)
    _tell(page)


@similar.command()
@JSON
def models(*, as_json: bool) -> None:
    """List the embedders whose vectors are searched, were, or will be."""
    with hansard.open() as h:
        found = h.similar_models()
    if as_json:
        print_json(found)
        return
    table = Table("Model", "State", "Embedder", "Dimensions", "Position", "Refused", box=None)
    for model in found:
        table.add_row(
            clean(model.name),
            f"{model.state} (trial)" if model.is_trial else str(model.state),
            clean(model.embedder),
            str(model.dimensions),
            str(model.position),
            str(model.dead_letters),
        )
    console().print(table)
    if not found:
        click.echo("None yet: the first one is made when something was said.", err=True)


@similar.command()
@click.option("--model", metavar="NAME", help="An embedder of `hansard embedders list`.")
@click.option("--dry-run", is_flag=True, help="Build and compare, and keep the live vectors.")
@JSON
def rebuild(*, model: str | None, dry_run: bool, as_json: bool) -> None:
    """Embed everything anew beside the live vectors, compare, and let the new ones serve.

    Searches go on meanwhile. The comparison repeats searches that were made with both.
    """
    with hansard.open() as h, _progress() as tell:
        view = h.rebuild_similar(model, dry_run=dry_run, on_progress=tell)
    if as_json:
        print_json(view)
    else:
        _print_rebuild(view)


@similar.command("dead-letters")
@click.option("--retry", is_flag=True, help="Embed them again first.")
@JSON
def dead_letters(*, retry: bool, as_json: bool) -> None:
    """List items that the embedder refused for good; they are found by their words alone."""
    with hansard.open() as h:
        letters = h.similar_dead_letters(retry=retry)
    if as_json:
        print_json(letters)
        return
    table = Table("Position", "Session", "Model", "Attempts", "Error", box=None)
    for letter in letters:
        table.add_row(
            str(letter.position),
            str(letter.session_id),
            clean(letter.model),
            str(letter.attempts),
            clean(letter.error),
        )
    if letters:
        console().print(table)
    else:
        click.echo("There are none.", err=True)


def _print_hit(out: Console, hit: SimilarView) -> None:
    head = Text(f"{hit.score:.4f}  ", style="bold")
    head.append(f"{hit.kind}", style="green")
    head.append(f" of {clean(hit.speaker)}  ", style="cyan")
    head.append(_ranks(hit), style="dim")
    out.print(head)
    out.print(_indented(Text(_shortened(hit.text)), 2))
    for label, other in (("asked", hit.query), ("answered", hit.answer)):
        if other is not None:
            said = Text(f"{label}: ", style="dim")
            out.print(_indented(said.append(_shortened(other), style="dim"), 4))
    place = f"session {hit.session_id}, turn {hit.turn_id}, position {hit.position}"
    out.print(_indented(Text(place, style="dim"), 2), soft_wrap=True)


def _indented(text: Text, columns: int) -> Padding:
    return Padding(text, (0, 0, 0, columns), expand=False)


def _ranks(hit: SimilarView) -> str:
    parts = [
        f"{name} {rank}{detail}"
        for name, rank, detail in (
            ("meaning", hit.meaning_rank, _rounded(hit.similarity)),
            ("words", hit.word_rank, _rounded(hit.word_score)),
        )
        if rank is not None
    ]
    return ", ".join(parts)


def _rounded(value: float | None) -> str:
    return "" if value is None else f" ({value:.2f})"


def _shortened(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= SHOWN_LENGTH else f"{line[: SHOWN_LENGTH - 1]}\u2026"


def _tell(page: SimilarPage) -> None:
    if not page.items:
        click.echo("Nothing was found.", err=True)
    behind = f", {page.lag} positions behind" if page.lag else ""
    click.echo(f"Computed at position {page.position}{behind}.", err=True)
    if page.note:
        click.echo(clean(page.note), err=True)


def _print_rebuild(view: RebuildView) -> None:
    model, comparison = view.model, view.comparison
    if view.swapped:
        click.echo(f"{clean(model.name)} is live.")
    else:
        click.echo(f"{clean(model.name)} was built and compared; nothing was changed.")
    if comparison is None or comparison.overlap is None:
        click.echo("There were no searches to compare it on.", err=True)
        return
    click.echo(f"Searches repeated with both: {comparison.queries}")
    click.echo(f"Hits in common, of the first ten: {comparison.overlap:.0%}")
    if comparison.rank_correlation is not None:
        click.echo(f"Rank correlation of those: {comparison.rank_correlation:.2f}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show how far it has come, on a terminal."""
    from rich.progress import Progress  # noqa: PLC0415 - heavy

    out = console(err=True)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as shown:
        task = shown.add_task("Embedding", total=None)

        def tell(reached: int, target: int) -> None:
            shown.update(task, completed=reached, total=target)

        yield tell
