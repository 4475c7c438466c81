"""The command that writes a report as a page: `report`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

import hansard
from hansard.cli.terminal import clean


@click.command()
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The HTML file to write.",
)
@click.option("--since", metavar="T", help="Count from here on: T, or 7d, 24h, 30m ago.")
@click.option("--until", metavar="T", help="Count up to here, this excluded.")
@click.option("--at", metavar="T", help="Report as it would have been at this moment.")
@click.option("--title", default="What the organisation did", show_default=True)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def report(
    *,
    out: Path,
    since: str | None,
    until: str | None,
    at: str | None,
    title: str,
    force: bool,
    quiet: bool,
) -> None:
    """Write one HTML page on what the organisation did, with charts and their data.

    The page needs nothing else: no network, no program. A moment T is an ISO 8601 time with zone, a
    position, or an event id. The path of the page is printed.
    """
    with hansard.open() as h:
        file = h.report(
            out,
            force=force,
            on_progress=_progress(quiet=quiet),
            since=since,
            until=until,
            at=at,
            title=title,
        )
    if sys.stderr.isatty() and not quiet:
        click.echo("\r\x1b[K", nl=False, err=True)
    click.echo(clean(str(file)))


def _progress(*, quiet: bool) -> Callable[[str], None]:
    """Tell what is worked on: on a terminal in one line, else a line each."""

    def tell(text: str) -> None:
        if quiet:
            return
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{clean(text)} ...", nl=False, err=True)
        else:
            click.echo(f"{clean(text)} ...", err=True)

    return tell
