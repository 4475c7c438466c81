"""Scenes: draw one frame of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from hansard.cli.looking import STATUS_STYLES
from hansard.cli.terminal import clean

if TYPE_CHECKING:
    from uuid import UUID

    from rich.console import Console

    from application.replaying.views import FrameView, TaskFrame


def draw(out: Console, frame: FrameView, hint: str = "") -> None:
    """Draw a frame on a terminal in place of what it shows.

    Args:
        hint: what can be done next.
    """
    out.clear()
    out.print(_head(frame))
    out.print(_event(frame))
    out.print(_tree(frame))
    out.print(_foot(frame))
    if hint:
        out.print(Text(hint, style="dim"))


def line(frame: FrameView) -> str:
    """Say a frame in one line, for pipes."""
    about = f" {frame.task_key}" if frame.task_key else ""
    text = f": {frame.text}" if frame.text else ""
    return clean(
        f"[{frame.position}] {frame.recorded_at.isoformat(timespec='milliseconds')}"
        f" +{frame.waited_s:.3f}s {frame.type}{about} {frame.actor}{text}"
    )


def _head(frame: FrameView) -> Text:
    head = Text()
    head.append(f"Event {frame.number} of {frame.of}", style="bold")
    head.append(
        f"  position {frame.position}, {frame.recorded_at.isoformat(timespec='milliseconds')},"
        f" +{frame.waited_s:.3f} s, {frame.elapsed_s:.1f} s from the start",
        style="dim",
    )
    return head


def _event(frame: FrameView) -> Text:
    text = Text()
    text.append(f"{frame.type} ", style="bold cyan")
    text.append(f"{frame.actor} ", style="cyan")
    if frame.task_key:
        text.append(f"{clean(frame.task_key)} ", style="bold")
    text.append(clean(frame.text))
    return text


def _tree(frame: FrameView) -> Tree:
    status = Text()
    status.append("session ", style="bold")
    status.append(frame.status.value, style=STATUS_STYLES.get(frame.status.value, "dim"))
    tree = Tree(status)
    branches: dict[UUID | None, Tree] = {None: tree}
    for task in frame.tasks:
        above = branches.get(task.parent_id, tree)
        branches[task.task_id] = above.add(_task(task, frame))
    return tree


def _task(task: TaskFrame, frame: FrameView) -> Text:
    here = task.key == frame.task_key
    text = Text()
    text.append(clean(task.key), style="bold reverse" if here else "bold")
    text.append(" ")
    text.append(f"{task.status.value} ", style=STATUS_STYLES.get(task.status.value, "dim"))
    text.append(task.holder, style="cyan")
    if task.doing:
        text.append(f" awaits {clean(', '.join(task.doing))}", style="yellow")
    return text


def _foot(frame: FrameView) -> Text:
    return Text(
        f"{frame.turns} turns, {frame.model_calls} model and {frame.tool_calls} tool calls,"
        f" {frame.input_tokens:,} + {frame.output_tokens:,} tokens, {frame.cost_usd:.4f} USD",
        style="dim",
    )
