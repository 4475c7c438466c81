"""The command `what-if`: change one thing in a session and see what would have happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import hansard
from application.errors import BadRequestError
from application.what_if.changes import (
    AnswerChange,
    CapabilitiesChange,
    ModelChange,
    PolicyChange,
    PromptChange,
)
from hansard.cli.looking import JSON
from hansard.cli.progress import shown
from hansard.cli.terminal import console, print_json

if TYPE_CHECKING:
    from application.what_if import Change

CAPABILITIES = {
    "skills": "--skills",
    "add_skills": "--add-skill",
    "remove_skills": "--remove-skill",
    "tools": "--tools",
    "add_tools": "--add-tool",
    "remove_tools": "--remove-tool",
    "max_reasoning_turns": "--max-turns",
}
"""Option of each field of a change of capabilities."""

EXAMPLES = """\b
hansard what-if --policy confidence_threshold=0.6 --dry-run
hansard what-if --agent FIN_007 --remove-tool write_document --offline
hansard what-if --answer 1234='{"text": "No."}'
"""

CHANGES = "--policy, --model, --agent or --answer"


@click.command("what-if", epilog=EXAMPLES)
@click.argument("session", default=hansard.LAST)
@click.option("--policy", metavar="FIELD=NUMBER", help="Another number in the policy.")
@click.option(
    "--model", metavar="ROLE=NAME", help="Another model for personal, orchestrator or specialist."
)
@click.option("--agent", metavar="HANDLE", help="The agent that the following options change.")
@click.option("--skills", metavar="A,B", help="All skills that the agent has then.")
@click.option("--add-skill", "add_skills", multiple=True, help="One skill more.")
@click.option("--remove-skill", "remove_skills", multiple=True, help="One skill less.")
@click.option("--tools", metavar="A,B", help="All tools that the agent may use then.")
@click.option("--add-tool", "add_tools", multiple=True, help="One tool more.")
@click.option("--remove-tool", "remove_tools", multiple=True, help="One tool less.")
@click.option(
    "--max-turns", "max_reasoning_turns", type=int, help="Model calls it may spend on one task."
)
@click.option(
    "--description",
    metavar="TEXT|@FILE",
    help="Another description, of which the agent's system prompt is made.",
)
@click.option(
    "--answer",
    metavar="AT=JSON|@FILE",
    help="Another answer in place of the one recorded at a position or event id: the fields that"
    ' differ as a JSON Merge Patch, or {"failure": ...}.',
)
@click.option(
    "--at",
    metavar="T",
    help="The moment to fork at; by default the latest before which the change could not matter.",
)
@click.option("--reason", metavar="TEXT", default="", help="Why it is asked; recorded for ever.")
@click.option("--offline", is_flag=True, help="Let the offline model answer what is new.")
@click.option("--no-live", is_flag=True, help="Go as far as recorded answers lead; ask nobody.")
@click.option("--dry-run", is_flag=True, help="Append nothing; tell what would be served.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@JSON
def what_if(
    *,
    session: str,
    policy: str | None,
    model: str | None,
    answer: str | None,
    quiet: bool,
    as_json: bool,
    at: str | None,
    reason: str,
    offline: bool,
    no_live: bool,
    dry_run: bool,
    **of_agent: Any,
) -> None:
    """Change one thing in SESSION, run it anew on a fork, and compare both.

    What is asked as it was before is answered from the record, at no cost; models and tools are
    asked only for what differs. SESSION does not change, and what-ifs count in no statistics.
    """
    change = _change(policy, model, answer, of_agent)
    with hansard.open() as h, shown(console(err=True), quiet=quiet or dry_run) as listener:
        view = h.what_if(
            session,
            change,
            at=at,
            reason=reason,
            offline=offline,
            no_live=no_live,
            dry_run=dry_run,
            on_event=listener,
        )
    if as_json:
        print_json(view)
        return
    from hansard.cli.what_if_report import print_what_if  # noqa: PLC0415 - heavy

    print_what_if(console(), view)


def _change(
    policy: str | None, model: str | None, answer: str | None, of_agent: dict[str, Any]
) -> Change:
    """Read the one change out of the options.

    Raises:
        BadRequestError: there is none, there are several, or it cannot be understood.
    """
    agent, description = of_agent.pop("agent"), of_agent.pop("description")
    capabilities = {name: value for name, value in of_agent.items() if value not in {None, ()}}
    given = {"--policy": policy, "--model": model, "--agent": agent, "--answer": answer}
    named = [name for name, value in given.items() if value is not None]
    if agent is None and (capabilities or description is not None):
        first = next((CAPABILITIES[name] for name in capabilities), "--description")
        raise BadRequestError(f"{first} needs the agent that it is about: add --agent HANDLE.")
    if len(named) != 1:
        several = f"{' and '.join(named)} are given" if named else "Nothing is changed"
        raise BadRequestError(f"{several}; change one thing by {CHANGES}.")
    if policy is not None:
        field, value = _pair("--policy", policy, "FIELD=NUMBER")
        return PolicyChange(field=field, value=value)
    if model is not None:
        role, name = _pair("--model", model, "ROLE=NAME")
        return ModelChange(role=role, model=name)
    if answer is not None:
        where, text = _pair("--answer", answer, "AT=JSON")
        return AnswerChange(at=where, answer=_object(text))
    return _agent_change(agent, description, capabilities)


def _agent_change(
    agent: str, description: str | None, capabilities: dict[str, Any]
) -> CapabilitiesChange | PromptChange:
    options = ", ".join((*CAPABILITIES.values(), "--description"))
    if description is not None and capabilities:
        first = CAPABILITIES[next(iter(capabilities))]
        raise BadRequestError(
            f"--description and {first} are two changes of {agent}; ask for one at a time."
        )
    if description is not None:
        is_file = description.startswith("@")
        text = _content(description[1:]) if is_file else description
        return PromptChange(agent=agent, description=text)
    if not capabilities:
        raise BadRequestError(f"--agent {agent} says of whom, not what: add one of {options}.")
    for name in ("skills", "tools"):
        if name in capabilities:
            capabilities[name] = tuple(part.strip() for part in capabilities[name].split(","))
    return CapabilitiesChange(agent=agent, **capabilities)


def _pair(option: str, text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise BadRequestError(f"{option} {text!r} cannot be understood; write {option} {form}.")
    return name.strip(), value.strip()


def _object(text: str) -> dict[str, Any]:
    source = text if text.startswith("{") else _content(text.removeprefix("@"))
    try:
        found = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"The answer is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BadRequestError(
            f"The answer is {type(found).__name__} in JSON; give an object of the fields that"
            " differ."
        )
    return found


def _content(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise BadRequestError(f"The file {path!r} cannot be read: {reason}.") from error
