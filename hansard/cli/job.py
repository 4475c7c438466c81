"""Job: the options that say what is to be done, and by whom, wherever a job is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

MOST_LEFT_OPEN = 2
"""Of the three ways to say who does a job, two are left open at least."""

MODEL = click.option(
    "--model", help="`offline`, `anthropic`, or the name of one model for every role."
)

OPTIONS: tuple[Callable[..., Any], ...] = (
    click.argument("request", required=False),
    click.option(
        "-w",
        "--workflow",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A workflow file, or the name of one that `hansard workflow list` shows.",
    ),
    click.option(
        "--set",
        "assignments",
        metavar="NAME=VALUE",
        multiple=True,
        help="A value for an input of the workflow; may be given several times.",
    ),
    click.option(
        "-i",
        "--input",
        "inputs",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A file that the agents may read; may be given several times.",
    ),
    click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder for the results; a new one below ./hansard-output by default.",
    ),
    click.option(
        "--policy",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A YAML file of limits, approval rules and guardrails, in place of the usual ones.",
    ),
    click.option("--agent", metavar="HANDLE", help="The agent that does it alone."),
    click.option(
        "--routing",
        metavar="STRATEGY",
        help="Choose one specialist of all, by these strategies; `hansard route` shows whom.",
    ),
    MODEL,
    click.option(
        "--subject",
        metavar="NAME",
        help="The person it is done for, such as `customer-42`, whom `hansard forget` can forget.",
    ),
    click.option(
        "--traceparent",
        envvar="TRACEPARENT",
        help="Place in the caller's trace (W3C Trace Context); by default what TRACEPARENT says.",
    ),
)


def job_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of a job."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def check_job(
    request: str | None,
    workflow: Path | None,
    assignments: Sequence[str],
    agent: str | None,
    routing: str | None,
) -> None:
    """Hold the options of a job against each other.

    Raises:
        click.UsageError: they leave open what is wanted, or say two ways to do it.
    """
    if request is None and workflow is None:
        raise click.UsageError("Say what is wanted, or name a workflow by --workflow.")
    if assignments and workflow is None:
        raise click.UsageError("--set gives a workflow its inputs; name one by --workflow.")
    if (workflow, agent, routing).count(None) < MOST_LEFT_OPEN:
        raise click.UsageError("Give one of --workflow, --agent and --routing.")
