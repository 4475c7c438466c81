"""The command `replay`: go through a session again, or verify every decision in it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

import hansard
from application.errors import BadRequestError
from hansard.cli.looking import AT, JSON
from hansard.cli.main import DIFFERENCE, OK, UNAVAILABLE
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.replaying.frames import Frames
    from application.replaying.views import Difference, ReplayVerificationView

SHOWN = 20
"""Differences that are listed; whoever needs all of them takes `--json`."""

LONGEST_PAUSE_S = 3.0
"""Longer gaps between two events are cut to this, after the speed has divided them."""

MAX_SPEED = "max"


EXAMPLES = """\b
hansard replay last --speed 4
hansard replay last --verify
hansard replay --verify --bundle hansard-proof-....json --key hansard/...+1f2e3d4c+AbCd...
"""


@click.command(epilog=EXAMPLES)
@click.argument("session", required=False)
@AT
@click.option("--from", "since", metavar="T", help="Begin at this moment instead of the start.")
@click.option(
    "--speed",
    metavar="X",
    help=(
        "How many times faster than it happened, or `max` for no pauses; in a terminal 1, into a"
        " pipe `max` by default."
    ),
)
@click.option("--step", is_flag=True, help="Go on, and back, by a key at a time.")
@click.option("--verify", is_flag=True, help="Recompute every decision, and compare byte by byte.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Verify the session in a file that `hansard export-proof` wrote; needs no database.",
)
@click.option(
    "--key", metavar="VKEY", help="Verifier key of the log, or a file with it, to check a bundle."
)
@JSON
def replay(
    *,
    session: str | None,
    at: str | None,
    since: str | None,
    speed: str | None,
    step: bool,
    verify: bool,
    bundle: Path | None,
    key: str | None,
    as_json: bool,
) -> int:
    """Go through SESSION event by event, or verify it.

    SESSION is an id that `hansard sessions` lists, or `last` (the default). T is an ISO 8601 time
    with zone, a position, or an event id; --at ends the replay there.

    With --step: space, n or the right arrow goes on, b or the left arrow goes back, g and a
    position goes there, q ends. When standard input is no terminal, lines say the same.

    With --verify, no model and no tool is called. Exit code 1 when something is recorded that is
    not what is recomputed; 6 when it cannot be recomputed because words are sealed; 7 when a bundle
    is not proven.
    """
    _check(verify=verify, step=step, speed=speed, since=since, bundle=bundle, key=key)
    if verify:
        return _verify(session, at, bundle, key, as_json=as_json)
    with hansard.open() as h:
        frames = h.replay(session or hansard.LAST, at, since=since)
    if as_json:
        print_json({"session_id": frames.session_id, "frames": frames[frames.first :]})
    elif step:
        from hansard.cli.stepping import step_through  # noqa: PLC0415 - only here

        step_through(frames)
    else:
        _pace(frames, speed)
    return OK


def _check(
    *,
    verify: bool,
    step: bool,
    speed: str | None,
    since: str | None,
    bundle: Path | None,
    key: str | None,
) -> None:
    if verify and (step or speed is not None or since is not None):
        raise BadRequestError("--verify shows nothing: leave --step, --speed and --from out.")
    if bundle is not None and not verify:
        raise BadRequestError("A bundle can be verified: add --verify.")
    if key is not None and bundle is None:
        raise BadRequestError("The key checks bundles: name one with --bundle.")
    if step and speed is not None:
        raise BadRequestError("Either --step or --speed, not both.")


def _verify(
    session: str | None, at: str | None, bundle: Path | None, key: str | None, *, as_json: bool
) -> int:
    if bundle is None:
        with hansard.open() as h:
            found = h.verify_replay(session or hansard.LAST, at)
    else:
        if session is not None or at is not None:
            raise BadRequestError("A bundle holds one session, whole: leave SESSION and --at out.")
        from hansard.bootstrap import verify_bundle  # noqa: PLC0415 - heavy

        found = verify_bundle(bundle, key)
    if as_json:
        print_json(found.model_dump(mode="json") | {"is_verified": found.is_verified})
    else:
        _print(found)
    if bundle is not None and key is None:
        click.echo(
            f"The bundle was checked with the key that it brings itself ({clean(str(found.key))}):"
            " that proves nothing unless you know the key from elsewhere (--key).",
            err=True,
        )
    if found.differences:
        return DIFFERENCE
    return OK if found.is_verified else UNAVAILABLE


def _print(found: ReplayVerificationView) -> None:
    for difference in found.differences[:SHOWN]:
        click.echo(_say(difference))
    if len(found.differences) > SHOWN:
        rest = len(found.differences) - SHOWN
        click.echo(f"There are {rest} more differences; --json lists all.")
    if found.sealed:
        click.echo(
            f"The session cannot be recomputed: the words of {len(found.sealed)} events are sealed"
            f" with a key that is not here or was destroyed (positions {_range(found.sealed)})."
        )
    elif found.is_verified:
        click.echo(
            f"Session {found.session_id} is what was decided: {found.decisions:,} decided events of"
            f" {found.events:,} are recomputed the same, from {found.inputs:,} that came from"
            " outside, with 0 model and 0 tool calls."
        )
    if found.unchecked and not found.sealed:
        click.echo(
            f"{found.unchecked:,} events after a difference could not be recomputed.", err=True
        )
    if found.state_hash is not None:
        click.echo(f"State hash at position {found.position}: {found.state_hash}", err=True)
    if found.bundle_position is not None:
        click.echo(
            f"The bundle is proven by the checkpoint at position {found.bundle_position}.", err=True
        )


def _say(difference: Difference) -> str:
    return f"{difference.kind.value} ({clean(difference.about)}): {clean(difference.message)}"


def _range(positions: tuple[int, ...]) -> str:
    return str(positions[0]) if len(positions) == 1 else f"{positions[0]} to {positions[-1]}"


def _pace(frames: Frames, speed: str | None) -> None:
    from hansard.cli.scenes import draw, line  # noqa: PLC0415 - heavy

    factor = _factor(speed)
    out = console()
    for index in range(frames.first, len(frames)):
        frame = frames[index]
        if index > frames.first and factor is not None:
            time.sleep(min(frame.waited_s / factor, LONGEST_PAUSE_S))
        if out.is_terminal:
            draw(out, frame)
        else:
            click.echo(line(frame))


def _factor(speed: str | None) -> float | None:
    """Read a speed; None for no pauses."""
    if speed is None:
        return 1.0 if sys.stdout.isatty() else None
    if speed == MAX_SPEED:
        return None
    try:
        factor = float(speed.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise BadRequestError(f"{speed!r} is no speed: give a number above 0, or `{MAX_SPEED}`.")
    return factor
