"""The commands by which humans steer: `approvals` answers agents, `override` takes a task away."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

import hansard
from hansard.cli.looking import JSON, facts, table_of
from hansard.cli.main import OK
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from application.approval_views import SessionApprovalView

SESSION = click.option(
    "--session", metavar="SESSION", help="As it stands in this session, such as a fork."
)
COMMENT = click.option(
    "-c", "--comment", default="", metavar="TEXT", help="What you have to say; recorded for ever."
)
RESUME = click.option(
    "--resume",
    "resumes",
    is_flag=True,
    help="Go on with the session here, unless another process runs it.",
)
SHOWN = 100
STATUS_STYLES = {"open": "yellow", "granted": "green", "amended": "green", "rejected": "red"}


def answering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every answer has."""
    for option in (JSON, RESUME, SESSION, COMMENT):
        command = option(command)
    return command


@click.group()
def approvals() -> None:
    """Answer agents that wait for a human's word.

    Who answers is the user of the operating system, or HANSARD_ACTOR. The first word counts.
    """


@approvals.command(name="list")
@click.option("--session", metavar="SESSION", help="Only those of this session.")
@click.option(
    "--all", "answered", is_flag=True, help="Also those that were answered: who, and how."
)
@JSON
def list_(*, session: str | None, answered: bool, as_json: bool) -> None:
    """List what waits for a human, oldest first."""
    with hansard.open() as h:
        found = h.approvals(session, answered=answered)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nothing waits for approval.", err=True)
        return
    out = console()
    for view in found:
        line = Text(str(view.approval_id), style="bold")
        line.append(f"  {_standing(view)}", style=STATUS_STYLES.get(_state(view), "dim"))
        line.append(f"  {view.request.agent}", style="cyan")
        line.append(f"  {clean(view.task_key)}, session {view.session_id}", style="dim")
        out.print(line, soft_wrap=True)
        out.print(Text(f"  {_cut(clean(view.request.proposal))}"), soft_wrap=True)
        if view.answered_at is not None:
            out.print(Text(f"  {_answer(view)}", style="dim"), soft_wrap=True)


@approvals.command()
@click.argument("approval", type=click.UUID)
@SESSION
@JSON
def show(*, approval: Any, session: str | None, as_json: bool) -> None:
    """Show APPROVAL whole: what would happen, which rule asks, and what was said."""
    with hansard.open() as h:
        view = h.approval(approval, session=session)
    if as_json:
        print_json(view)
        return
    _print(view)


@approvals.command()
@click.argument("approval", type=click.UUID)
@answering
def approve(*, approval: Any, as_json: bool, resumes: bool, **said: Any) -> int:
    """Agree to what APPROVAL proposes."""
    with hansard.open() as h:
        return _tell(h, h.approve(approval, **said), as_json=as_json, resumes=resumes)


@approvals.command()
@click.argument("approval", type=click.UUID)
@answering
def reject(*, approval: Any, as_json: bool, resumes: bool, **said: Any) -> int:
    """Refuse what APPROVAL proposes; the agent is told why, as far as you say it."""
    with hansard.open() as h:
        return _tell(h, h.reject(approval, **said), as_json=as_json, resumes=resumes)


@approvals.command()
@click.argument("approval", type=click.UUID)
@click.option("--arguments", metavar="JSON", help="Arguments of the tool call, as a JSON object.")
@click.option("--agent", metavar="HANDLE", help="The agent that does the task.")
@click.option("--content", metavar="JSON", help="What a guardrail looked at, in its new form.")
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the arguments from this file.",
)
@answering
def amend(
    *,
    approval: Any,
    arguments: str | None,
    agent: str | None,
    content: str | None,
    file: Path | None,
    as_json: bool,
    resumes: bool,
    **said: Any,
) -> int:
    """Agree to something else than APPROVAL proposes: other arguments, or another agent.

    It is held against the same rules as what was proposed.
    """
    text = file.read_text(encoding="utf-8") if file is not None else arguments
    put: dict[str, Any] = {
        "arguments": None if text is None else _parsed(text, "arguments"),
        "agent": agent,
        "content": None if content is None else _parsed(content, "content"),
    }
    given = {name: value for name, value in put.items() if value is not None}
    if len(given) != 1:
        raise click.UsageError("Say what is put in its place: --arguments, --agent or --content.")
    with hansard.open() as h:
        view = h.amend(approval, **given, **said)
        return _tell(h, view, as_json=as_json, resumes=resumes)


@click.command()
@click.argument("task", type=click.UUID)
@click.option("--agent", required=True, metavar="HANDLE", help="The specialist that does it.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; recorded for ever.")
@SESSION
@JSON
def override(*, task: Any, agent: str, reason: str, session: str | None, as_json: bool) -> None:
    """Give TASK to another specialist, who begins it anew; `hansard tasks` lists tasks.

    A process that runs the session stops first, and calls in flight for TASK are given up.
    """
    with hansard.open() as h:
        view = h.override(task, agent, reason=reason, session=session)
    if as_json:
        print_json(view)
        return
    click.echo(
        f"Task {task} lies with {clean(agent)}. Session {view.session_id} goes on with a worker, or"
        f" with `hansard resume {view.session_id}`.",
        err=True,
    )


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--{name} is no JSON: {error}") from error


def _tell(h: hansard.Hansard, view: SessionApprovalView, *, as_json: bool, resumes: bool) -> int:
    if not resumes:
        if as_json:
            print_json(view)
        else:
            click.echo(
                f"Approval {view.approval_id}: {view.status.value}. Session {view.session_id} goes"
                f" on where it runs, with a worker, or with `hansard resume {view.session_id}`.",
                err=True,
            )
        return OK
    from hansard.cli.progress import shown  # noqa: PLC0415 - heavy
    from hansard.cli.run import present  # noqa: PLC0415

    with shown(console(err=True), quiet=as_json) as listener:
        ended = h.go_on(view.session_id, view.approval_id, on_event=listener)
    if ended is None:
        click.echo(f"Session {view.session_id} goes on in the process that runs it.", err=True)
        if as_json:
            print_json(view)
        return OK
    return present(ended, as_json=as_json)


def _print(view: SessionApprovalView) -> None:
    request, out = view.request, console()
    rows = {
        "Approval": str(view.approval_id),
        "Status": _standing(view),
        "Session": str(view.session_id),
        "Task": f"{view.task_key} ({request.task_id})",
        "Agent": request.agent,
        "Asked by": f"rule {request.rule}: {request.reason}",
        "Proposed": request.proposal,
        "May answer": ", ".join(request.approvers) or "everybody",
    }
    if request.decision is not None:
        rows["Candidates"] = ", ".join(
            f"{each.handle} ({each.score:.2f})" for each in request.decision.candidates
        )
    if view.answered_at is not None:
        rows["Answer"] = _answer(view)
    out.print(facts(*rows.items()))
    if request.call is not None:
        table = table_of("Argument", "Value")
        for name, value in request.call.arguments.items():
            table.add_row(clean(name), clean(json.dumps(value, ensure_ascii=False)))
        out.print(table)


def _state(view: SessionApprovalView) -> str:
    return "open" if view.is_open else view.status.value


def _standing(view: SessionApprovalView) -> str:
    if not view.is_open:
        return "not waited for any more" if view.answered_at is None else view.status.value
    request = view.request
    if request.expires_at is None:
        return "open"
    until = request.expires_at.isoformat(timespec="seconds")
    return f"open until {until}, then: {request.on_timeout.value}"


def _answer(view: SessionApprovalView) -> str:
    at = view.answered_at.isoformat(timespec="seconds") if view.answered_at else ""
    who = view.by or "nobody in time"
    run_by = f" (run by {view.system_user})" if view.system_user not in {None, view.by} else ""
    comment = f": {view.comment}" if view.comment else ""
    meant = f", which means: {view.outcome.value}" if view.outcome else ""
    return clean(f"{view.status.value} by {who}{run_by} at {at}{meant}{comment}")


def _cut(text: str) -> str:
    said = " ".join(text.split())
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
