"""The command `db`: start, stop and inspect the database."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from hansard.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from hansard.bootstrap import EmbeddedServer, ServerStatus

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
    """Show which database is used, whether it runs, and the state of its schema."""
    from hansard.bootstrap import database_status, load_settings  # noqa: PLC0415 - heavy

    found = database_status(load_settings())
    if as_json:
        print_json(found)
        return
    click.echo(f"Database: {clean(found.description)}")
    if found.server is not None:
        click.echo(f"Server: {_say(found.server)}")
    if found.server is None or found.server.running:
        click.echo(f"Schema: {found.schema or 'none'} (newest: {found.newest or 'none'})")


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
