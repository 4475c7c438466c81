"""The commands that do work: `run`, `resume` and `cancel`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

import hansard
from application.errors import (
    ApplicationError,
    BadRequestError,
    ConflictError,
    SessionStoppedError,
)
from application.tracing import check_traceparent
from hansard.cli.exits import session_exit_code
from hansard.cli.progress import shown
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.views import SessionView

MAX_RESUMPTIONS = 3
"""What takes the process down each time would otherwise stop every later run as well."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
MODEL = click.option(
    "--model", help="`offline`, `anthropic`, or the name of one model for every role."
)


@click.command(
    epilog='\b\nhansard run "Generate a Q4 financial report with charts" --input ledger.csv'
)
@click.argument("request")
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file that the agents may read; may be given several times.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results; a new one below ./hansard-output by default.",
)
@MODEL
@click.option(
    "--subject",
    metavar="NAME",
    help="The person it is done for, such as `customer-42`, whom `hansard forget` can forget.",
)
@click.option(
    "--traceparent",
    envvar="TRACEPARENT",
    help="Place in the caller's trace (W3C Trace Context); by default what TRACEPARENT says.",
)
@click.option(
    "--no-resume", is_flag=True, help="Leave interrupted sessions alone instead of finishing them."
)
@QUIET
@JSON
def run(
    *,
    request: str,
    inputs: tuple[Path, ...],
    output: Path | None,
    model: str | None,
    subject: str | None,
    traceparent: str | None,
    no_resume: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Let the organisation do the job described by REQUEST.

    Sessions that an earlier process left unfinished are finished first.
    """
    trace = _trace(traceparent)
    with _opened(model) as h:
        if not no_resume:
            _finish_interrupted(h, quiet=quiet)
        with shown(console(err=True), quiet=quiet) as listener:
            view = h.run(
                request,
                inputs,
                output=output,
                subject=subject,
                traceparent=trace,
                on_event=listener,
            )
    return _answer(view, as_json=as_json)


@click.command()
@click.argument("session", default=hansard.LAST)
@QUIET
@JSON
def resume(*, session: str, quiet: bool, as_json: bool) -> int:
    """Finish SESSION, whose process was lost; by default the newest one."""
    with _opened(None) as h, shown(console(err=True), quiet=quiet) as listener:
        view = h.resume(session, on_event=listener)
    return _answer(view, as_json=as_json)


@click.command()
@click.argument("session")
@click.option("--reason", required=True, help="Why it is stopped; recorded.")
@click.option("--stop", is_flag=True, help="Let the process that runs it stop first.")
@JSON
def cancel(*, session: str, reason: str, stop: bool, as_json: bool) -> int:
    """Stop SESSION for good; no process may be running it, unless --stop is given."""
    with _opened(None) as h:
        view = h.cancel(session, reason, stop=stop)
    if as_json:
        print_json(view)
    else:
        click.echo(f"Session {view.session_id} is cancelled.", err=True)
    return 0


def _trace(given: str | None) -> str | None:
    """Check a traceparent; one that nobody typed is ignored when it is wrong, as W3C has it."""
    source = click.get_current_context().get_parameter_source("traceparent")
    try:
        return given and check_traceparent(given)
    except BadRequestError as error:
        if source is not ParameterSource.ENVIRONMENT:
            raise
        click.echo(f"TRACEPARENT is ignored: {clean(str(error))}", err=True)
        return None


def _opened(model: str | None) -> AbstractContextManager[hansard.Hansard]:
    return hansard.open(model=model)


def _finish_interrupted(h: hansard.Hansard, *, quiet: bool) -> None:
    for session_id in h.unfinished():
        found = h.session(session_id)
        if found.on_hold:
            continue  # somebody went back on purpose, and resumes it on purpose
        resumptions = found.resumptions
        if resumptions >= MAX_RESUMPTIONS:
            click.echo(
                f"Session {session_id} was lost again after each of {resumptions} resumptions; it"
                f" stays unfinished until you `hansard resume {session_id}` or cancel it.",
                err=True,
            )
            continue
        try:
            with shown(console(err=True), quiet=quiet) as listener:
                view = h.resume(session_id, on_event=listener)
        except SessionStoppedError as error:
            click.echo(clean(str(error)), err=True)
            continue
        except ConflictError:
            continue  # another process is running it
        except ApplicationError as error:
            click.echo(f"Session {session_id} stays unfinished: {clean(str(error))}", err=True)
            continue
        click.echo(f"Finished interrupted session {session_id}: {view.status.value}.", err=True)


def _answer(view: SessionView, *, as_json: bool) -> int:
    if as_json:
        print_json(view)
        return session_exit_code(view)
    answer = clean(view.answer)
    if sys.stdout.isatty():
        from rich.markdown import Markdown  # noqa: PLC0415 - heavy

        console().print(Markdown(answer, hyperlinks=False))
    else:
        click.echo(answer)
    for artefact in view.artefacts:
        click.echo(str(Path(view.output_folder) / artefact.path))
    click.echo(_footer(view), err=True)
    return session_exit_code(view)


def _footer(view: SessionView) -> str:
    models = ", ".join(map(clean, view.model_names)) or "none"
    cost = f", {view.cost_usd:.4f} USD" if view.cost_usd else ""
    return (
        f"Session {view.session_id}: {view.status.value}; models: {models}{cost}."
        f" Look back with `hansard show {view.session_id}`."
    )
