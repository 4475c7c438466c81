"""The commands that prove the record: `verify`, `export-proof` and `checkpoint-key`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hansard.cli.main import INTEGRITY, OK
from hansard.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.integrity import Finding, Verification

SHOWN = 20
"""Findings that are listed; whoever needs all of them takes `--json`."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command()
@click.option("--session", metavar="SESSION", help="Only the events of a session; `last` works.")
@click.option(
    "--since",
    metavar="CHECKPOINT",
    help="Only what came after a checkpoint: its position, or a file that holds it.",
)
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of the verifier keys that count, one a line; by default those used here.",
)
@JSON
def verify(*, session: str | None, since: str | None, keys: Path | None, as_json: bool) -> int:
    """Tell whether the record is what was recorded.

    Hashes every event again, and compares with the checkpoints that were signed as the log grew,
    inside and outside of the database. Exit code 7 when something was changed, removed, inserted
    or reordered; the first line then says what, and where.
    """
    from hansard.bootstrap import load_settings, open_integrity  # noqa: PLC0415 - heavy

    with open_integrity(load_settings()) as integrity:
        session_id = None if session is None else integrity.find_session(session)
        found = integrity.verify(session_id, since=since, keys=keys, progress=_progress())
    if as_json:
        print_json(found.model_dump(mode="json") | {"is_intact": found.is_intact})
    else:
        _print(found)
    return OK if found.is_intact else INTEGRITY


@click.command("export-proof")
@click.argument("session")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; hansard-proof-SESSION.json in the working folder by default.",
)
@JSON
def export_proof(*, session: str, out: Path | None, as_json: bool) -> None:
    """Write a bundle that proves the events of SESSION to whoever has no Hansard.

    SESSION is an id, or `last`. The program that checks the bundle, verify_proof.py, is written
    beside it; it needs Python alone. Give the key to whoever checks by another way than the bundle.
    """
    from hansard.bootstrap import load_settings, open_integrity  # noqa: PLC0415 - heavy

    with open_integrity(load_settings()) as integrity:
        proof = integrity.export_proof(integrity.find_session(session), out)
    if as_json:
        print_json(proof)
        return
    click.echo(clean(proof.file))
    click.echo(
        f"{proof.events} events are proven up to position {proof.position}, and"
        f" {proof.context} that their decisions rest on. Check with:\n"
        f"python {clean(proof.program)} {clean(proof.file)} --key {proof.key}",
        err=True,
    )


@click.command("checkpoint-key")
@click.option("--rotate", is_flag=True, help="Take a new key; what the old one signed stays valid.")
@JSON
def checkpoint_key(*, rotate: bool, as_json: bool) -> None:
    """Show the verifier key of the log, by which everybody can check checkpoints and proofs.

    It is no secret. The private key never leaves its file.
    """
    from hansard.bootstrap import load_settings, open_integrity  # noqa: PLC0415 - heavy

    with open_integrity(load_settings()) as integrity:
        key = integrity.keys.rotate() if rotate else integrity.verifier_key()
        files = integrity.keys.path, integrity.keys.trusted_path
        published = integrity.publication.folder
    if as_json:
        private, trusted = files
        print_json(
            {
                "verifier_key": str(key),
                "private_key_file": private,
                "trusted_keys_file": trusted,
                "published": published,
            }
        )
    else:
        click.echo(str(key))


def _progress() -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if not sys.stderr.isatty():
            return
        end = "\r\x1b[K" if done >= total else ""
        click.echo(f"\r{done:,} of {total:,} events{end}", nl=False, err=True)

    return show


def _print(found: Verification) -> None:
    for finding in found.findings[:SHOWN]:
        click.echo(_say(finding))
    if len(found.findings) > SHOWN:
        click.echo(f"There are {len(found.findings) - SHOWN} more findings; --json lists all.")
    if found.is_intact:
        what = "session" if found.session_id else "log"
        click.echo(f"The {what} is what was recorded: {found.events:,} events are intact.")
    if found.uncovered:
        click.echo(
            f"{found.uncovered:,} of the newest events are not covered by a checkpoint yet.",
            err=True,
        )
    if found.session_id is None:
        click.echo(
            f"Log {found.log_id}, positions {found.since + 1} to {found.position}: compared with"
            f" {found.checkpoints} checkpoints and {found.tiles} tiles of the database and"
            f" {found.published} checkpoints outside of it.",
            err=True,
        )
        if found.covered and not found.published:
            click.echo(
                "Nothing outside of the database vouches for it: keep what Hansard publishes.",
                err=True,
            )
    for key in found.keys:
        click.echo(f"Signed by {clean(key)}", err=True)


def _say(finding: Finding) -> str:
    until = f" to {finding.until}" if finding.until else ""
    return f"{finding.kind.value} at position {finding.position}{until}: {clean(finding.message)}"
