"""The command `tasks`: the task tree of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text
from rich.tree import Tree

import hansard
from hansard.cli.figures import NOTHING, duration, money, tell_computed
from hansard.cli.looking import AT, JSON, STATUS_STYLES
from hansard.cli.terminal import clean, console, print_json

if TYPE_CHECKING:
    from domain.spending import Spent
    from projections.task_tree import TaskNodeView


@click.command()
@click.argument("session", default=hansard.LAST)
@AT
@JSON
def tasks(*, session: str, at: str | None, as_json: bool) -> None:
    """Show the tasks of SESSION: who has each, how it stands, and what it took.

    SESSION is an id that `hansard sessions` lists, or `last` (the default). What a task took is
    followed by what it and all tasks below it took, where that is more.
    """
    with hansard.open() as h:
        tree = h.task_tree(session, at)
    if as_json:
        print_json(tree)
        return
    shown = Tree(Text(str(tree.session_id), style="dim"))
    for node in tree.tasks:
        _grow(shown, node)
    console().print(shown)
    tell_computed(tree.position, tree.lag)


def _grow(tree: Tree, node: TaskNodeView) -> None:
    branch = tree.add(_line(node))
    for part in node.tasks:
        _grow(branch, part)


def _line(node: TaskNodeView) -> Text:
    line = Text(clean(node.key), style="bold")
    line.append(f" {node.status.value}", style=STATUS_STYLES.get(node.status.value, "dim"))
    line.append(f" {node.agent}", style="cyan")
    line.append(f"  waited {duration(node.waiting_ms)}, worked {duration(node.working_ms)}")
    line.append(f"\n{_spent(node.own)}", style="dim")
    if node.inclusive != node.own:
        line.append(f"\nwith those below: {_spent(node.inclusive)}", style="dim")
    line.append(f"\n{node.task_id}", style="dim")
    return line


def _spent(spent: Spent) -> str:
    calls = f"{spent.model_calls} model and {spent.tool_calls} tool calls"
    tokens = f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out"
    cost = NOTHING if spent.cost_usd is None else f"{money(spent.cost_usd)} USD"
    return f"{calls}, {tokens}, {cost}"
