"""The command `turns`: what was said, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.padding import Padding
from rich.text import Text

import hansard
from hansard.cli.figures import tell_computed
from hansard.cli.looking import AT, JSON, tell_next
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from projections.conversation_history import TurnView


@click.command()
@click.argument("session", required=False)
@click.option("--speaker", metavar="HANDLE", help="Only turns of this agent, or of USER.")
@click.option("--text", metavar="WORDS", help="Only turns that hold any of these words.")
@click.option("--rewound", is_flag=True, help="Of SESSION, also what was taken back.")
@click.option("--what-if", "what_ifs", is_flag=True, help="Of all sessions, also what-ifs.")
@click.option("--after", default=0, metavar="POSITION", help="Go on after the page before.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@AT
@JSON
def turns(
    *,
    session: str | None,
    speaker: str | None,
    text: str | None,
    rewound: bool,
    what_ifs: bool,
    after: int,
    limit: int,
    at: str | None,
    as_json: bool,
) -> None:
    """Show what was said, in SESSION or in all sessions, oldest first.

    A fork shows what it has from its parent too. What was taken back is left out of SESSION, and
    marked where it is shown.

    SESSION is an id that `hansard sessions` lists, or `last`.
    """
    with hansard.open() as h:
        page = h.turns(
            session,
            speaker=speaker,
            text=text,
            rewound=rewound,
            what_ifs=what_ifs,
            at=at,
            after=after,
            limit=limit,
        )
    if as_json:
        print_json(page)
        return
    out = console()
    for turn in page.items:
        out.print(_head(turn))
        out.print(Padding(Text(clean(turn.text)), (0, 0, 1, 2)))
    tell_next(page, "--after")
    tell_computed(page.position, page.lag)


def _head(turn: TurnView) -> Text:
    head = Text(clean(turn.speaker), style="bold cyan")
    head.append(f"  {turn.said_at.isoformat(timespec='seconds')}", style="dim")
    if turn.model is not None:
        head.append(f"  {clean(turn.model)}", style="dim")
    head.append(f"  position {turn.position}, session {turn.session_id}", style="dim")
    if turn.rewound:
        head.append("  rewound", style="yellow")
    return head
