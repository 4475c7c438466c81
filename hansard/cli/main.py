"""Entry of the command: which commands there are, and which exit code each error means."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import click

COMMANDS = {
    "run": ("hansard.cli.run:run", "Let the organisation do a job."),
    "workflow": ("hansard.cli.workflow:workflow", "List, check and draw workflows."),
    "resume": ("hansard.cli.run:resume", "Finish a session whose process was lost."),
    "cancel": ("hansard.cli.run:cancel", "Stop a session for good."),
    "submit": ("hansard.cli.working:submit", "Leave a job to the workers."),
    "wait": ("hansard.cli.working:wait", "Wait for the end of a session."),
    "pause": ("hansard.cli.working:pause", "Let a session wait until it is resumed."),
    "stop-all": ("hansard.cli.working:stop_all", "Stop all work, on every machine."),
    "release": ("hansard.cli.working:release", "Let work go on after stop-all."),
    "approvals": (
        "hansard.cli.approvals:approvals",
        "Answer agents that wait for a human's word.",
    ),
    "override": ("hansard.cli.approvals:override", "Give a task to another agent."),
    "sessions": ("hansard.cli.looking:sessions", "List sessions, newest first."),
    "show": ("hansard.cli.looking:show", "Show a session, also as it was at a past moment."),
    "audit": ("hansard.cli.audit:audit", "List decisions: who was chosen, out of whom, and why."),
    "why": ("hansard.cli.audit:why", "Explain a decision, from the user's words to the result."),
    "rewind": ("hansard.cli.branching:rewind", "Take a session back to a past moment."),
    "undo": ("hansard.cli.branching:undo", "Undo the latest rewind of a session."),
    "fork": ("hansard.cli.branching:fork", "Go on from a past moment as another session."),
    "lineage": ("hansard.cli.branching:lineage", "Show rewinds, forks and ancestors of a session."),
    "replay": ("hansard.cli.replay:replay", "Step through a session, or verify every decision."),
    "what-if": (
        "hansard.cli.what_if:what_if",
        "Change one thing and see what would have happened.",
    ),
    "diff": ("hansard.cli.comparing:diff", "Compare two moments, sessions or forks."),
    "bisect": ("hansard.cli.comparing:bisect", "Find the first position at which something holds."),
    "tail": ("hansard.cli.tail:tail", "Follow the log live."),
    "turns": ("hansard.cli.turns:turns", "Show what was said, word for word."),
    "tasks": ("hansard.cli.tasks:tasks", "Show the task tree of a session: status, time, cost."),
    "stats": ("hansard.cli.stats:stats", "Show figures: what agents did, cost, failed and said."),
    "report": ("hansard.cli.report:report", "Write one HTML page on what the organisation did."),
    "situation": ("hansard.cli.situation:situation", "Show who is doing what, now or at T."),
    "forecast": ("hansard.cli.situation:forecast", "Forecast load, time at work and cost."),
    "similar": ("hansard.cli.similar:similar", "Find what was asked and answered before."),
    "agents": ("hansard.cli.agents:agents", "List agents; let them join, pause and leave."),
    "route": ("hansard.cli.route:route", "Show who would get a request, with all scores."),
    "context": ("hansard.cli.context:context", "Show what agents share in a session."),
    "messages": ("hansard.cli.messages:messages", "List, send and requeue messages of agents."),
    "team": ("hansard.cli.team:team", "Form teams, watch them, change them, let them go."),
    "verify": ("hansard.cli.proofs:verify", "Tell whether the record is what was recorded."),
    "export-proof": ("hansard.cli.proofs:export_proof", "Prove a session to outsiders."),
    "checkpoint-key": ("hansard.cli.proofs:checkpoint_key", "Show the key that checks proofs."),
    "forget": ("hansard.cli.forget:forget", "Erase what was said in a person's sessions."),
    "embedders": ("hansard.cli.embedders:embedders", "Choose what compares meanings."),
    "projections": ("hansard.cli.projections:projections", "Look after the read models."),
    "worker": (
        "hansard.cli.worker:worker",
        "Run submitted sessions and keep the read models up to date.",
    ),
    "db": ("hansard.cli.db:db", "Start, stop and inspect the database."),
}
"""Module and one-line help of each command; a module is imported when its command is called."""

OK, DIFFERENCE, USAGE, NOT_FOUND, CONFLICT, NOT_ALLOWED, UNAVAILABLE, INTEGRITY = range(8)
WAITING = 8
INTERRUPTED = 130
BROKEN_PIPE = 141

HELP = f"""Run organisations of AI agents and keep the verbatim record.

Data goes to standard output, messages go to standard error.

\b
Exit codes: {OK} ok, {DIFFERENCE} difference found, {USAGE} bad usage or input,
{NOT_FOUND} not found, {CONFLICT} conflict, {NOT_ALLOWED} not allowed,
{UNAVAILABLE} unavailable, {INTEGRITY} integrity, {WAITING} waiting for approval,
{INTERRUPTED} interrupted.
"""


class ReaderLeftError(Exception):
    """Nobody reads any more what is printed."""


class LazyGroup(click.Group):
    """Imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; a reader that leaves is told before click makes it a failure."""
        try:
            result: object = super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeftError from error
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.group(cls=LazyGroup, help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hansard", prog_name="hansard")
def cli() -> None:
    """Group of all commands."""


def main() -> NoReturn:
    """Run the command and exit with its code."""
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        # Everything is closed; what a tool's thread still does must not meet the interpreter's end.
        os._exit(INTERRUPTED)
    except (BrokenPipeError, ReaderLeftError):
        # The reader left; the interpreter's own flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except Exception as error:  # noqa: BLE001 - raised again unless it is a known error
        code = _report(error)
    sys.exit(code or OK)


def _report(error: Exception) -> int:
    from application.errors import ApplicationError  # noqa: PLC0415 - only when needed
    from domain.errors import DomainError  # noqa: PLC0415
    from hansard.cli.exits import exit_code  # noqa: PLC0415

    if not isinstance(error, ApplicationError | DomainError):
        raise error
    from hansard.cli.terminal import clean  # noqa: PLC0415

    click.echo(f"hansard: {clean(str(error))}", err=True)
    return exit_code(error)
