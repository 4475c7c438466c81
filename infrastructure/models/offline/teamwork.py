"""Teamwork: plans for a team, and plans that mend what failed, by rules."""

from __future__ import annotations

import re
from collections.abc import Sequence

from application.briefs import AgentBrief, DecomposeBrief, RecoverBrief, ResultBrief
from domain.planning import MAX_TASKS, Plan, PlannedTask
from infrastructure.models.offline.checking import ROUND, base_key, unmended
from infrastructure.models.offline.fitness import Fitness, fitness, fittest
from infrastructure.models.offline.language import words_of

_LISTED = re.compile(r"(?m)^\s*(?:\d{1,2}[.)]|[-*])\s+")
_IN_TURN = re.compile(
    r"(?:[,;.]\s*(?:and\s+)?|\s+and\s+)(?:then|after that|afterwards)\s+", re.IGNORECASE
)
_BESIDE = re.compile(r"\s*;\s*|(?<=[.!?])\s+(?=[A-Z])")
_AT_THE_END = re.compile(
    r"\b(?:finally|at the end|together|combine|summari[sz]e|assemble|merge)\b", re.IGNORECASE
)
_HOPELESS = re.compile(
    r"no input file|was not handed over|budget|not allowed|may not use", re.IGNORECASE
)
_KEY_LENGTH = 30
_TITLE_LENGTH = 80


def plan_for_team(brief: DecomposeBrief, known: Sequence[PlannedTask]) -> Plan:
    """Cut a task into tasks for a team.

    Args:
        known: tasks into which the rules for requests cut it; none when they do not know it.
    """
    text = brief.task.instruction if brief.task else brief.request
    if known:
        tasks = tuple(task.model_copy(update={"department": None}) for task in known)
        return _plan(tasks, "Recognised by rules as work that they know how to do.")
    steps, in_turn = split(text)
    tasks = tuple(_tasks(steps, brief.team, in_turn=in_turn))
    strangers = [task.title for task in tasks if fittest(brief.team, task) is None]
    if strangers:
        names = ", ".join(agent.handle for agent in brief.team)
        return Plan(
            tasks=(),
            complexity=0.0,
            reason=(
                f"Nobody of the team ({names}) shares a skill or a word with: {strangers[0]}. The"
                " offline rules match words; a model key (ANTHROPIC_API_KEY) would widen that."
            ),
        )
    how = "one after the other" if in_turn else "side by side"
    return _plan(tasks, f"Cut by rules at its list, sentences or semicolons, to be done {how}.")


def split(text: str) -> tuple[list[str], bool]:
    """Cut a text into its steps.

    Returns:
        The steps, and whether each builds on the one before it.
    """
    listed = [part.strip() for part in _LISTED.split(text)]
    if len(listed) > 2:  # noqa: PLR2004 - an introduction and two items
        numbered = re.search(r"(?m)^\s*\d", text) is not None
        return [part for part in listed[1:] if part][:MAX_TASKS], numbered
    in_turn = [part.strip(" .;") for part in _IN_TURN.split(text) if part.strip(" .;")]
    if len(in_turn) > 1:
        return in_turn[:MAX_TASKS], True
    beside = [part.strip(" .;") for part in _BESIDE.split(text) if part.strip(" .;")]
    return (beside or [text])[:MAX_TASKS], False


def _tasks(steps: Sequence[str], team: Sequence[AgentBrief], *, in_turn: bool) -> list[PlannedTask]:
    tasks: list[PlannedTask] = []
    for number, step in enumerate(steps, 1):
        keys = tuple(task.key for task in tasks)
        last = number == len(steps) and _AT_THE_END.search(step) is not None
        depends = keys[-1:] if in_turn else keys if last else ()
        title = step if len(step) <= _TITLE_LENGTH else f"{step[: _TITLE_LENGTH - 1]}…"
        best = _best(team, step)
        tasks.append(
            PlannedTask(
                key=_key(step, number, keys),
                title=title[:1].upper() + title[1:],
                instruction=step,
                skills=best.skills if best else (),
                depends_on=depends,
            )
        )
    return tasks


def _best(team: Sequence[AgentBrief], step: str) -> AgentBrief | None:
    rated: list[tuple[AgentBrief, Fitness]] = [(agent, fitness(agent, (), step)) for agent in team]
    rated.sort(key=lambda pair: (-pair[1].score, pair[0].handle))
    return rated[0][0] if rated and rated[0][1].score > 0 else None


def _key(step: str, number: int, taken: Sequence[str]) -> str:
    words = [word for word in words_of(step) if word.isascii() and word.isalpha()][:3]
    key = "_".join(words)[:_KEY_LENGTH].strip("_") or f"step_{number}"
    return f"{key}_{number}" if key in taken or ROUND.search(key) else key


def _plan(tasks: tuple[PlannedTask, ...], reason: str) -> Plan:
    complexity = 0.2 if len(tasks) == 1 else min(0.3 + 0.1 * len(tasks), 1.0)
    return Plan(tasks=tasks, complexity=complexity, reason=reason)


def recover(brief: RecoverBrief) -> Plan:
    """Plan again what failed, for somebody else than who failed; nothing where it is hopeless."""
    lacking = unmended(brief.results)
    hopeless = [item for item in lacking if _HOPELESS.search(item.failure or "")]
    if not lacking:
        return Plan(tasks=(), complexity=0.0, reason="Nothing failed that is not mended already.")
    if hopeless:
        item = hopeless[0]
        return Plan(
            tasks=(),
            complexity=0.0,
            reason=f"No further task mends {item.title!r}: {item.failure}",
        )
    taken = [item.key for item in brief.results]
    tasks = tuple(_again(item, brief, taken) for item in lacking)
    return _plan(tasks, "What failed is done again by somebody else, knowing why it failed.")


def _again(item: ResultBrief, brief: RecoverBrief, taken: Sequence[str]) -> PlannedTask:
    base = base_key(item.key)
    rounds = [
        int(found[1]) for key in taken if (found := ROUND.search(key)) and key.startswith(base)
    ]
    others = [agent for agent in brief.team if agent.handle != item.agent]
    best = _best(others, f"{item.title} {brief.task.instruction}") or next(iter(others), None)
    skills, department = best.skills if best else (), None
    if not brief.team and brief.departments:
        wanted = set(words_of(f"{item.title} {brief.task.instruction}"))
        rated = [
            (len(wanted & {word for skill in place.skills for word in words_of(skill)}), place)
            for place in brief.departments
        ]
        department = max(rated, key=lambda pair: pair[0])[1].key
    return PlannedTask(
        key=f"{base[:_KEY_LENGTH]}_r{max(rounds, default=0) + 1}",
        title=item.title,
        instruction=(
            f"{item.title}. {item.agent} failed at it: {item.failure or 'no result'} Go about it in"
            f" another way. It is a part of: {brief.task.instruction}"
        ),
        department=department,
        skills=skills,
    )
