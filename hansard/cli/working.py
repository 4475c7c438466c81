"""The commands around workers: `submit`, `wait`, `pause`, `stop-all` and `release`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import hansard
from hansard.cli.job import check_job, job_options
from hansard.cli.run import JSON, present, trace_of
from hansard.cli.terminal import clean, print_json

REASON = click.option("--reason", required=True, help="Why; recorded.")


@click.command(
    epilog='\b\nhansard submit "Generate a Q4 financial report with charts" --input ledger.csv'
)
@job_options
@click.option(
    "--priority",
    type=click.Choice(["urgent", "high", "normal", "low"]),
    help="Which jobs workers begin first; normal by default.",
)
@JSON
def submit(
    *,
    request: str | None,
    workflow: Path | None,
    assignments: tuple[str, ...],
    policy: Path | None,
    model: str | None,
    traceparent: str | None,
    as_json: bool,
    **choices: Any,
) -> int:
    """Leave the job described by REQUEST, or by a workflow, to the workers; print its session.

    The machine of the worker that does it reads the files and writes the results.
    """
    check_job(request, workflow, assignments, choices["agent"], choices["routing"])
    choices["traceparent"] = trace_of(traceparent)
    with hansard.open(model=model) as h:
        if policy is not None:
            choices["policy"] = h.read_policy(policy)
        if workflow is not None:
            from hansard.cli.workflow_inputs import read_values  # noqa: PLC0415 - only where needed

            checked = h.check_workflow(workflow)
            values = read_values(assignments, checked.inputs)
            choices["workflow"] = h.bind_workflow(checked, values)
            request = request or checked.goal
        session_id = h.submit(request or "", **choices)
    if as_json:
        print_json({"session_id": str(session_id)})
    else:
        click.echo(str(session_id))
    return 0


@click.command()
@click.argument("session", default=hansard.LAST)
@JSON
def wait(*, session: str, as_json: bool) -> int:
    """Wait for the end of SESSION, whoever runs it, and print its answer."""
    with hansard.open() as h:
        view = h.wait(session)
    return present(view, as_json=as_json)


@click.command()
@click.argument("session")
@REASON
@JSON
def pause(*, session: str, reason: str, as_json: bool) -> int:
    """Let SESSION wait until `hansard resume`; a process that runs it stops first."""
    with hansard.open() as h:
        view = h.pause(session, reason)
    if as_json:
        print_json(view)
    else:
        click.echo(
            f"Session {view.session_id} waits: `hansard resume {view.session_id}` goes on.",
            err=True,
        )
    return 0


@click.command("stop-all")
@REASON
@JSON
def stop_all(*, reason: str, as_json: bool) -> int:
    """Stop all work of the organisation, on every machine, until `hansard release`.

    Sessions stay as they are; what was under way is performed again when they go on.
    """
    with hansard.open() as h:
        halt = h.stop_all(reason)
    if as_json:
        print_json(halt)
    else:
        by, why = clean(halt.by), clean(halt.reason)
        click.echo(f"All work stands still, by {by}: {why}. `hansard release` lets it go on.")
    return 0


@click.command()
@click.option("--reason", default="", help="Why; recorded.")
@JSON
def release(*, reason: str, as_json: bool) -> int:
    """Let work go on after `hansard stop-all`; workers take their sessions up again."""
    with hansard.open() as h:
        halt = h.release(reason)
    if as_json:
        print_json({"halted": halt is not None})
    elif halt is None:
        click.echo("Nothing was stopped.", err=True)
    else:
        click.echo(f"Work goes on; it was stopped by {clean(halt.by)}: {clean(halt.reason)}")
    return 0
