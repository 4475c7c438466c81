"""The command `db`: start, stop and inspect the database."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from hansard.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from hansard.bootstrap import Archiving, EmbeddedServer, LogStatus, ServerStatus

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def db() -> None:
    """Start, stop and inspect the database.

    Without HANSARD_DATABASE_URL Hansard brings its own PostgreSQL, in the folder `postgres` of
    HANSARD_HOME. It starts when a command needs it and stops after the last one, unless `db start`
    keeps it.
    """


@db.command()
@JSON
def start(*, as_json: bool) -> None:
    """Start the embedded server and keep it running until `hansard db stop`.

    Commands begin about 0.3 s sooner while it runs.
    """
    _print_server(_embedded().start(), as_json=as_json)


@db.command()
@click.option("--now", is_flag=True, help="Stop it even while other processes use it.")
@JSON
def stop(*, now: bool, as_json: bool) -> None:
    """Stop the embedded server; while it is in use, let it stop after its last user."""
    _print_server(_embedded().stop(now=now), as_json=as_json)


@db.command()
@JSON
def status(*, as_json: bool) -> None:
    """Show which database is used, whether it runs, its schema, and where the log is."""
    from hansard.bootstrap import database_status, load_settings, log_status  # noqa: PLC0415 - heavy

    settings = load_settings()
    found = database_status(settings)
    log = log_status(settings, found)
    if as_json:
        print_json(vars(found) | {"log": log})
        return
    click.echo(f"Database: {clean(found.description)}")
    if found.server is not None:
        click.echo(f"Server: {_say(found.server)}")
    if found.server is None or found.server.running:
        click.echo(f"Schema: {found.schema or 'none'} (newest: {found.newest or 'none'})")
    if log is not None:
        _print_log(log)


@db.command()
@click.option(
    "--before",
    required=True,
    metavar="T",
    help="A past moment: an ISO 8601 time with zone, a position, or an event id.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; tell what would be moved.")
@JSON
def archive(*, before: str, dry_run: bool, as_json: bool) -> None:
    """Move partitions of the log whose events are all older than T into compressed files.

    The files lie in the folder `archive` of HANSARD_HOME, or in HANSARD_ARCHIVE_FOLDER; every
    command reads them like the rest of the log, so keep them, and copy them with your backups.
    Events are proven to be what was signed before they leave the database. Work goes on meanwhile.
    What was interrupted goes on where it stopped when the command is repeated.
    """
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    done = bootstrap.archive(bootstrap.load_settings(), before, dry_run=dry_run, tell=_tell)
    if as_json:
        print_json(done)
    else:
        _print_archiving(done)


@db.command()
@JSON
def migrate(*, as_json: bool) -> None:
    """Bring the schema to the newest revision; every other command does so by itself."""
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    done = bootstrap.migrate(bootstrap.load_settings())
    if as_json:
        print_json(done)
    elif done.before == done.after:
        click.echo(f"Schema: {done.after or 'none'}, nothing to do.")
    else:
        click.echo(f"Schema: {done.after}, was {done.before or 'none'}.")


@db.command("rotate-key")
@JSON
def rotate_key(*, as_json: bool) -> None:
    """Wrap the keys of all subjects by a new master key, and drop the old one.

    What old backups hold of keys is worthless then. Back the key file up anew.
    """
    from hansard import bootstrap  # noqa: PLC0415 - heavy

    settings = bootstrap.load_settings()
    wrapped = bootstrap.rotate_key(settings)
    if as_json:
        print_json({"key_file": settings.key_file, "wrapped": wrapped})
    else:
        click.echo(f"{wrapped} keys are wrapped anew; back up {clean(str(settings.key_file))}.")


def _tell(step: str, first: int, last: int) -> None:
    click.echo(f"Positions {first:,} to {last:,}: {step}.", err=True)


def _print_archiving(done: Archiving) -> None:
    verb = "would move" if done.dry_run else "moved"
    for one in done.archived:
        size = "" if one.file_bytes is None else f", {_megabytes(one.file_bytes)} there"
        click.echo(
            f"Positions {one.first:,} to {one.last:,} {verb} from the database"
            f" ({_megabytes(one.table_bytes)}) to {clean(one.file)}{size}."
        )
    if done.finished:
        click.echo(f"Finished what was interrupted, up to position {done.finished[-1]:,}.")
    if done.uncovered:
        click.echo(
            f"Partitions that stay until at most 255 more events are appended: {done.uncovered}."
        )
    if not (done.archived or done.finished or done.uncovered):
        click.echo(f"No partition holds events up to position {done.until:,} alone: nothing to do.")


def _print_log(log: LogStatus) -> None:
    held = [one for one in log.partitions if one.first <= log.newest]
    size = _megabytes(sum(one.bytes for one in held))
    first = held[0].first if held else 1
    click.echo(
        f"Log: up to position {log.newest:,}, from {first:,} on in the database"
        f" ({len(held)} partitions, {size})."
    )
    if log.archives:
        size = _megabytes(sum(one.bytes for one in log.archives))
        click.echo(
            f"Archives: {len(log.archives)}, up to position {log.archives[-1].last:,} ({size})."
        )


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"


def _embedded() -> EmbeddedServer:
    from application.errors import BadRequestError  # noqa: PLC0415 - heavy
    from hansard.bootstrap import embedded_server, load_settings  # noqa: PLC0415 - heavy

    chosen = load_settings()
    if chosen.database_url is not None:
        raise BadRequestError(
            "HANSARD_DATABASE_URL names a server of your own, which Hansard neither starts nor"
            " stops: unset it to use the embedded server."
        )
    return embedded_server(chosen)


def _print_server(found: ServerStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        click.echo(f"Server: {_say(found)}")


def _say(found: ServerStatus) -> str:
    if not found.running:
        return f"stopped; its data are in {str(found.folder)!r}"
    use = "in use" if found.in_use else "not in use"
    end = "kept until `hansard db stop`" if found.kept else "stops after its last user"
    return f"running, {use}, {end}; connect with: psql {shlex.quote(found.conninfo or '')}"
