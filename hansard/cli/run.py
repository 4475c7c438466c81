"""The commands that do work: `run`, `resume` and `cancel`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from textwrap import shorten
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
from hansard.cli.job import check_job, job_options
from hansard.cli.progress import shown
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.views import SessionView

SHOWN = 160
"""Characters that are shown of what waits for approval."""

MAX_RESUMPTIONS = 3
"""What takes the process down each time would otherwise stop every later run as well."""

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
QUIET = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")


@click.command(
    epilog='\b\nhansard run "Generate a Q4 financial report with charts" --input ledger.csv'
)
@job_options
@click.option(
    "--no-resume", is_flag=True, help="Leave interrupted sessions alone instead of finishing them."
)
@QUIET
@JSON
def run(
    *,
    request: str | None,
    workflow: Path | None,
    assignments: tuple[str, ...],
    inputs: tuple[Path, ...],
    output: Path | None,
    policy: Path | None,
    agent: str | None,
    routing: str | None,
    model: str | None,
    subject: str | None,
    traceparent: str | None,
    no_resume: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Let the organisation do the job described by REQUEST, or by a workflow.

    Sessions that an earlier process left unfinished are finished first.
    """
    check_job(request, workflow, assignments, agent, routing)
    trace = trace_of(traceparent)
    with _opened(model) as h:
        job = _prepared(h, request, workflow, assignments)
        if workflow is None:
            job = partial(job, agent=agent, routing=routing)
        if policy is not None:
            job = partial(job, policy=h.read_policy(policy))
        if not no_resume:
            _finish_interrupted(h, quiet=quiet)
        with shown(console(err=True), quiet=quiet) as listener:
            view = job(
                inputs=inputs,
                output=output,
                subject=subject,
                traceparent=trace,
                on_event=listener,
            )
    return present(view, as_json=as_json)


@click.command()
@click.argument("session", default=hansard.LAST)
@click.option("--detach", is_flag=True, help="Only take it off hold; a worker goes on with it.")
@QUIET
@JSON
def resume(*, session: str, detach: bool, quiet: bool, as_json: bool) -> int:
    """Finish SESSION, whose process was lost or which was paused; by default the newest one."""
    if detach:
        return _let_go_on(session, as_json=as_json)
    with _opened(None) as h, shown(console(err=True), quiet=quiet) as listener:
        view = h.resume(session, on_event=listener)
    return present(view, as_json=as_json)


def _let_go_on(session: str, *, as_json: bool) -> int:
    with _opened(None) as h:
        view = h.let_go_on(session)
    if as_json:
        print_json(view)
    else:
        click.echo(f"Session {view.session_id} is left to the workers.", err=True)
    return 0


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


def trace_of(given: str | None) -> str | None:
    """Check a traceparent; one that nobody typed is ignored when it is wrong, as W3C has it."""
    source = click.get_current_context().get_parameter_source("traceparent")
    try:
        return given and check_traceparent(given)
    except BadRequestError as error:
        if source is not ParameterSource.ENVIRONMENT:
            raise
        click.echo(f"TRACEPARENT is ignored: {clean(str(error))}", err=True)
        return None


def _prepared(
    h: hansard.Hansard, request: str | None, file: Path | None, assignments: Sequence[str]
) -> Callable[..., SessionView]:
    """Read the workflow, if there is one, before anything is run."""
    if file is None:
        return partial(h.run, request or "")
    from hansard.cli.workflow_inputs import read_values  # noqa: PLC0415 - only where needed

    workflow = h.check_workflow(file)
    values = read_values(assignments, workflow.inputs)
    return partial(h.run_workflow, h.bind_workflow(workflow, values), request)


def _opened(model: str | None) -> AbstractContextManager[hansard.Hansard]:
    return hansard.open(model=model)


def _finish_interrupted(h: hansard.Hansard, *, quiet: bool) -> None:
    for session_id in h.unfinished():
        found = h.session(session_id)
        if found.on_hold or h.is_left_to_workers(session_id):
            continue  # it waits on purpose, or workers finish it
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
        if not view.waits_for_approval:
            click.echo(f"Finished interrupted session {session_id}: {view.status.value}.", err=True)


def present(view: SessionView, *, as_json: bool) -> int:
    """Print how a session ended, or for what it waits; give the exit code that says so."""
    if as_json:
        print_json(view)
        return session_exit_code(view)
    if view.waits_for_approval:
        _tell_waiting(view)
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


def _tell_waiting(view: SessionView) -> None:
    click.echo(f"Session {view.session_id} waits for approval:", err=True)
    for approval in view.approvals:
        if approval.is_open:
            proposal = shorten(clean(approval.request.proposal), SHOWN, placeholder=" …")
            click.echo(f"  {approval.approval_id}  {proposal}", err=True)
    click.echo(
        "Answer with `hansard approvals approve|reject|amend ID --resume`; until then it costs"
        " nothing.",
        err=True,
    )


def _footer(view: SessionView) -> str:
    models = ", ".join(map(clean, view.model_names)) or "none"
    cost = f", {view.cost_usd:.4f} USD" if view.cost_usd else ""
    return (
        f"Session {view.session_id}: {view.status.value}; models: {models}{cost}."
        f" Look back with `hansard show {view.session_id}`."
    )
