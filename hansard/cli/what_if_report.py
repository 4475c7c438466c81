"""What-if report: a what-if beside its parent, on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import JsonValue
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from application.prompts.shortening import cut
from hansard.cli.figures import NOTHING, count, duration, money
from hansard.cli.looking import STATUS_STYLES, facts, table_of
from hansard.cli.terminal import clean

if TYPE_CHECKING:
    from application.views import DecisionView, TaskView
    from application.what_if import (
        CallsView,
        DecisionPairView,
        DivergenceView,
        SideView,
        TaskPairView,
        WhatIfView,
    )

LONGEST = 300
"""Characters of a changed value that are shown."""

MOST_CANDIDATES = 3
"""Candidates of a decision that are shown, besides whom either side chose."""


def print_what_if(out: Console, view: WhatIfView) -> None:
    """Print a what-if."""
    made = str(view.session_id) if view.session_id else "not made: this is a dry run"
    out.print(
        facts(
            ("What if", view.change.name),
            ("were", _value(view.change.after)),
            ("instead of", _value(view.change.before)),
            ("What-if", made),
            ("Fork of", f"{view.origin.session_id} at position {view.origin.position}"),
            ("Recorded answers", _served(view)),
            ("Diverges", _where(view.divergence)),
        )
    )
    if view.divergence is not None:
        for difference in view.divergence.differences:
            parent, fork = difference.parent or NOTHING, difference.fork or NOTHING
            out.print(Text(clean(f"  {difference.field}: {parent} > {fork}"), style="dim"))
    out.print()
    _print_sides(out, view)
    out.print()
    out.print(_tree(view))
    _print_end(out, view)


def _served(view: WhatIfView) -> str:
    served, there = view.served, view.could_serve
    return (
        f"{served.model_calls} of {there.model_calls} model calls and {served.tool_calls} of"
        f" {there.tool_calls} tool calls served"
    )


def _where(divergence: DivergenceView | None) -> str:
    if divergence is None:
        return "nowhere: all was asked and decided as before"
    place = "where the parent had done nothing more"
    if divergence.position is not None:
        place = f"at position {divergence.position} of the parent"
    return f"{place}: {divergence.what}"


def _print_sides(out: Console, view: WhatIfView) -> None:
    parent, fork = view.parent, view.fork
    table = table_of("", "Parent", "What-if", "Newly spent")
    table.add_row("Status", _status(parent), _status(fork), "")
    for title, show in _FIGURES:
        table.add_row(title, show(parent.calls), show(fork.calls), show(view.spent))
    table.add_row("Time from the fork on", duration(parent.wall_ms), duration(fork.wall_ms), "")
    same = Text("the same", style="green") if view.same_answer else Text("another", style="yellow")
    table.add_row("Answer", "", same if view.fork.answer else Text("none", style="dim"), "")
    out.print(table)


_FIGURES: tuple[tuple[str, Callable[[CallsView], str]], ...] = (
    ("Model calls", lambda calls: count(calls.model_calls)),
    ("Tool calls", lambda calls: count(calls.tool_calls)),
    ("Tokens in", lambda calls: count(calls.input_tokens)),
    ("Tokens out", lambda calls: count(calls.output_tokens)),
    ("USD", lambda calls: money(calls.cost_usd)),
    ("Time of answers", lambda calls: duration(calls.duration_ms)),
)


def _status(side: SideView) -> Text:
    return Text(side.status.value, style=STATUS_STYLES.get(side.status.value, ""))


def _tree(view: WhatIfView) -> Tree:
    root, *planned = view.tasks
    tree = Tree(_task(root))
    _add_decisions(tree, root)
    for pair in planned:
        _add_decisions(tree.add(_task(pair)), pair)
    return tree


def _task(pair: TaskPairView) -> Text:
    line = Text(clean(pair.key), style="bold")
    if pair.differs:
        line.append("  differs", style="yellow")
    elif pair.fork is not None and pair.parent is not None and _same(pair.parent, pair.fork):
        return line.append_text(_side(pair.parent))
    line.append("\nparent ", style="dim").append_text(_side(pair.parent))
    line.append("\nwhat-if", style="dim").append_text(_side(pair.fork))
    return line


def _same(parent: TaskView, fork: TaskView) -> bool:
    calls = parent.model_calls, parent.tool_calls
    return parent.status is fork.status and calls == (fork.model_calls, fork.tool_calls)


def _side(task: TaskView | None) -> Text:
    if task is None:
        return Text(" not there", style="dim")
    line = Text(f" {task.status.value}", style=STATUS_STYLES.get(task.status.value, "dim"))
    line.append(f" {' > '.join(task.path)}", style="cyan")
    line.append(f" {task.model_calls} model and {task.tool_calls} tool calls", style="dim")
    if task.failure is not None:
        told = " ".join(clean(task.failure.message).split())
        line.append(f" {cut(told, LONGEST)}", style="red")
    return line


def _add_decisions(tree: Tree, pair: TaskPairView) -> None:
    for decision in pair.decisions:
        if decision.differs:
            tree.add(_decision(decision))


def _decision(pair: DecisionPairView) -> Text:
    line = Text(f"decision: {', '.join(pair.differs)}", style="yellow")
    for name, side in (("parent ", pair.parent), ("what-if", pair.fork)):
        line.append(f"\n{name} ", style="dim").append_text(_choice(side))
    return line


def _choice(view: DecisionView | None) -> Text:
    if view is None:
        return Text("none", style="dim")
    decision = view.decision
    line = Text(f"{view.from_agent} > {decision.chosen or 'nobody'}", style="cyan")
    scores = ", ".join(
        f"{candidate.handle} {candidate.score:.2f}"
        for number, candidate in enumerate(decision.candidates)
        if number < MOST_CANDIDATES or candidate.handle == decision.chosen
    )
    line.append(f" ({scores or 'no candidates'})", style="dim")
    return line


def _print_end(out: Console, view: WhatIfView) -> None:
    if view.missing:
        names = clean(", ".join(view.missing))
        out.print(Text(f"No longer there as they were, and not copied: {names}", style="yellow"))
    if view.repeated.tool_calls:
        told = f"Tools were used again {view.repeated.tool_calls} times, for files that were gone."
        out.print(Text(told, style="dim"))
    if view.fork.answer and not view.same_answer:
        out.print(Text("\nAnswer of the what-if", style="bold"))
        out.print(Text(clean(view.fork.answer)))
    for artefact in view.fork.artefacts if view.output_folder else ():
        out.print(Text(clean(f"{view.output_folder}/{artefact.path}")), soft_wrap=True)
    if view.stopped and view.session_id is not None:
        out.print(Text(f"To go on: hansard resume {view.session_id}", style="dim"))


def _value(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cut(text, LONGEST)
