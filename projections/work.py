"""Work: which activity counts for what, and the figures that agents and departments share."""

from __future__ import annotations

from typing import Any

from projections.tally import COST, COUNT, DURATION, LAST, TOKENS, Tallies

USED = (
    "task_created",
    "delegation",
    "unplaced",
    "task_started",
    "task_decomposed",
    "model_call",
    "model_answer",
    "model_failure",
    "answer_rejected",
    "tool_call",
    "tool_answer",
    "tool_failure",
    "task_completed",
    "task_failed",
    "task_cancelled",
    "turn",
)
"""What an agent does or is given; joining and leaving the organisation is no use of it."""

TRIED = ("task_completed", "task_failed")
"""Ends of tasks that were seen through; a cancelled one says nothing about who had it."""

ENDED = (*TRIED, "task_cancelled")
BUSY = ("model_answer", "tool_answer")

SUMS = (*COUNT, *DURATION, *TOKENS, *COST, *LAST)
"""What the figures of agents and departments are made of."""


def success_rate(tallies: Tallies) -> float | None:
    """Give the share of completed tasks among those seen through; None before the first."""
    tried = tallies.number(*TRIED)
    return tallies.number("task_completed") / tried if tried else None


def work_figures(tallies: Tallies) -> dict[str, Any]:
    """Give the figures that the views of agents and departments share, by field."""
    answers = tallies.of("model_answer")
    return {
        "delegations_received": tallies.number("delegation"),
        "tasks_completed": tallies.number("task_completed"),
        "tasks_failed": tallies.number("task_failed"),
        "tasks_cancelled": tallies.number("task_cancelled"),
        "model_calls": tallies.number("model_call"),
        "tool_calls": tallies.number("tool_call"),
        "input_tokens": answers.input_tokens,
        "output_tokens": answers.output_tokens,
        "cache_read_tokens": answers.cache_read_tokens,
        "cache_write_tokens": answers.cache_write_tokens,
        "cost_usd": answers.cost_usd,
        "busy_ms": tallies.of(*BUSY).duration_ms,
        "mean_duration_ms": tallies.of(*TRIED).mean_duration_ms,
        "success_rate": success_rate(tallies),
        "last_used": tallies.last_seen,
    }
