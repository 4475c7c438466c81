"""Raw statistics: what every statistics query must answer, summed up from raw facts one by one.

Answers are the fields of views by name; quantiles are those of the bucket of the nearest rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Any

from tests.support.raw_facts import Fact

Answer = dict[str, Any]

WORK = {
    *("task_created", "delegation", "unplaced", "task_started", "task_decomposed"),
    *("model_call", "model_answer", "model_failure", "answer_rejected"),
    *("tool_call", "tool_answer", "tool_failure"),
    *("task_completed", "task_failed", "task_cancelled", "turn"),
}
ERRORS = {"model_failure", "answer_rejected", "tool_failure", "task_failed", "session_failed"}
MESSAGES = {
    "turn": "text",
    "delegation": "task_request",
    "task_started": "task_accept",
    "unplaced": "escalate",
    "task_completed": "task_complete",
    "task_failed": "task_failed",
}


def agents(facts: Sequence[Fact]) -> list[Answer]:
    """Answer as `agent_statistics`."""
    answers = []
    for agent in sorted({fact.agent for fact in facts if fact.agent and fact.kind in WORK}):
        own = [fact for fact in facts if fact.agent == agent and fact.kind in WORK]
        heard = number([fact for fact in facts if fact.peer == agent], "turn")
        answer = {
            "agent": agent,
            "interactions": number(own, "delegation") + heard,
            "memory_turns": number(own, "turn") + heard,
            **work(own),
        }
        answers.append(answer)
    return [answer for answer in answers if answer["agent"] != "USER"]


def departments(facts: Sequence[Fact]) -> list[Answer]:
    """Answer as `department_statistics`."""
    used = [fact for fact in facts if fact.kind in WORK and fact.agent not in (None, "USER")]
    keys = {fact.department for fact in used}
    answers = []
    for department in sorted(keys, key=lambda key: (key is None, key or "")):
        own = [fact for fact in used if fact.department == department]
        number_of_agents = len({fact.agent for fact in own})
        answers.append({"department": department, "agents": number_of_agents, **work(own)})
    return answers


def work(own: Sequence[Fact]) -> Answer:
    """Give the figures of some agent or department."""
    done, failed = number(own, "task_completed"), number(own, "task_failed")
    answers = [fact for fact in own if fact.kind == "model_answer"]
    busy = [fact for fact in own if fact.kind in {"model_answer", "tool_answer"}]
    took = durations(fact for fact in own if fact.kind in {"task_completed", "task_failed"})
    return {
        "delegations_received": number(own, "delegation"),
        "tasks_completed": done,
        "tasks_failed": failed,
        "tasks_cancelled": number(own, "task_cancelled"),
        "model_calls": number(own, "model_call"),
        "tool_calls": number(own, "tool_call"),
        **tokens(answers),
        "cost_usd": cost(answers),
        "busy_ms": sum(durations(busy)),
        "mean_duration_ms": mean(took),
        "median_duration_ms": quantile(took, 50),
        "p95_duration_ms": quantile(took, 95),
        "success_rate": done / (done + failed) if done + failed else None,
        "last_used": max(fact.recorded_at for fact in own),
    }


def models(facts: Sequence[Fact]) -> list[Answer]:
    """Answer as `model_statistics`."""
    kinds = {"model_call", "model_answer", "model_failure", "answer_rejected"}
    asked = [fact for fact in facts if fact.kind in kinds]
    found = []
    for model in sorted({str(fact.name) for fact in asked}):
        own = [fact for fact in asked if fact.name == model]
        answers = [fact for fact in own if fact.kind == "model_answer"]
        found.append(
            {
                "model": model,
                "calls": number(own, "model_call"),
                "answers": len(answers),
                "failures": number(own, "model_failure"),
                "rejections": number(own, "answer_rejected"),
                **tokens(answers),
                "cost_usd": cost(answers),
                "unpriced": sum(fact.cost_usd is None for fact in answers),
                "mean_duration_ms": mean(durations(answers)),
                "provider_cache_hit_rate": cache_hit_rate(answers),
                "last_used": max(fact.recorded_at for fact in own),
            }
        )
    return found


DIMENSIONS: dict[str, Callable[[Fact], str | None]] = {
    "agent": lambda fact: fact.agent,
    "department": lambda fact: fact.department,
    "model": lambda fact: fact.name,
    "session": lambda fact: str(fact.session_id),
    "day": lambda fact: fact.recorded_at.astimezone(UTC).date().isoformat(),
}


def usage(facts: Sequence[Fact], by: Sequence[str]) -> list[Answer]:
    """Answer as `usage`, in any order."""
    groups: dict[tuple[str | None, ...], list[Fact]] = {}
    for fact in facts:
        if fact.kind == "model_answer":
            key = tuple(DIMENSIONS[dimension](fact) for dimension in by)
            groups.setdefault(key, []).append(fact)
    return [
        {
            "group": dict(zip(by, key, strict=True)),
            "answers": len(own),
            **tokens(own),
            "cost_usd": cost(own),
            "unpriced": sum(fact.cost_usd is None for fact in own),
            "duration_ms": sum(durations(own)),
        }
        for key, own in groups.items()
    ]


def errors(facts: Sequence[Fact], by: Sequence[str]) -> list[Answer]:
    """Answer as `error_statistics`, in any order."""
    groups: dict[tuple[Any, ...], list[Fact]] = {}
    for fact in facts:
        if fact.kind in ERRORS:
            said = {
                "kind": fact.kind,
                "error": "rejected_answer" if fact.kind == "answer_rejected" else fact.error,
                "agent": fact.agent,
                "name": fact.name,
            }
            groups.setdefault(tuple(said[aspect] for aspect in by), []).append(fact)
    return [
        {
            **dict.fromkeys(("kind", "error", "agent", "name")),
            **dict(zip(by, key, strict=True)),
            "count": len(own),
            "first_seen": min(fact.recorded_at for fact in own),
            "last_seen": max(fact.recorded_at for fact in own),
        }
        for key, own in groups.items()
    ]


def message_types(facts: Sequence[Fact]) -> list[Answer]:
    """Answer as `message_types`."""
    answers = []
    for kind, message in MESSAGES.items():
        own = [fact for fact in facts if fact.kind == kind]
        waits = [fact.latency_ms for fact in own if fact.latency_ms is not None]
        answer = {
            "type": message,
            "count": len(own),
            "mean_latency_ms": mean(waits),
            **{f"p{percent}_latency_ms": quantile(waits, percent) for percent in (50, 95, 99)},
        }
        answers += [answer] if own else []
    return answers


def message_pairs(facts: Sequence[Fact]) -> list[Answer]:
    """Answer as `message_pairs`, in any order."""
    groups: dict[tuple[Any, ...], list[Fact]] = {}
    for fact in facts:
        if fact.kind in MESSAGES:
            pair = (fact.agent, fact.peer)
            ends = pair[::-1] if fact.kind == "delegation" else pair
            groups.setdefault((*ends, MESSAGES[fact.kind]), []).append(fact)
    return [
        {
            "from_agent": sender,
            "to_agent": receiver,
            "type": message,
            "count": len(own),
            "mean_latency_ms": mean(
                [fact.latency_ms for fact in own if fact.latency_ms is not None]
            ),
        }
        for (sender, receiver, message), own in groups.items()
    ]


def orchestrator(facts: Sequence[Fact], after: int = 0) -> Answer:
    """Answer as `orchestrator_summary`, without position and lag."""
    counted = [fact for fact in facts if fact.position > after]
    answers = [fact for fact in counted if fact.kind == "model_answer"]
    totals = work(counted) if counted else work_of_nobody()
    ends = ("session_completed", "session_declined", "session_failed", "session_cancelled")
    opened, ended = number(facts, "session_opened"), number(facts, *ends)
    task_ends = ("task_completed", "task_failed", "task_cancelled")
    members = standing(facts)
    waits = [fact.latency_ms for fact in counted if fact.kind in ends]
    return {
        "agents": len(members),
        "active_agents": sum(members.values()),
        "executions": number(counted, *task_ends),
        **{name: totals[name] for name in (*task_ends[:0], *SHARED)},
        "running_tasks": number(facts, "task_created") - number(facts, *task_ends),
        "requests_by_agent": shares(counted),
        "errors": errors(counted, ("kind", "error")),
        "sessions": {
            "running": opened - ended,
            **{kind.removeprefix("session_"): number(counted, kind) for kind in ends},
        },
        "forks": number(counted, "session_forked"),
        "rewinds": number(counted, "session_rewound"),
        "mean_session_ms": mean([wait for wait in waits if wait is not None]),
        "turns": number(counted, "turn"),
        "delegations": number(counted, "delegation"),
        "provider_cache_hit_rate": cache_hit_rate(answers),
        "unpriced": sum(fact.cost_usd is None for fact in answers),
        "first_recorded_at": min((fact.recorded_at for fact in counted), default=None),
        "last_recorded_at": max((fact.recorded_at for fact in counted), default=None),
    }


SHARED = (
    *("tasks_completed", "tasks_failed", "tasks_cancelled", "success_rate"),
    *("mean_duration_ms", "median_duration_ms", "p95_duration_ms", "model_calls", "tool_calls"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cost_usd"),
)


def work_of_nobody() -> Answer:
    """Give the figures of a time in which nothing happened."""
    rates = {"success_rate", "mean_duration_ms", "median_duration_ms", "p95_duration_ms"}
    return {name: None if name in rates | {"cost_usd"} else 0 for name in SHARED}


def standing(facts: Iterable[Fact]) -> dict[str, bool]:
    """Tell who belongs to the organisation, and who of them takes work."""
    members: dict[str, bool] = {}
    for fact in facts:
        if fact.kind == "agent_removed":
            members.pop(str(fact.agent))
        elif fact.kind in {"agent_registered", "agent_activated", "agent_deactivated"}:
            members[str(fact.agent)] = fact.kind != "agent_deactivated"
    return members


def shares(facts: Iterable[Fact]) -> list[Answer]:
    """Tell how many requests each agent got, in any order."""
    requests: dict[str, int] = {}
    for fact in facts:
        asked = fact.agent if fact.kind == "delegation" else None
        if fact.kind == "turn" and fact.agent == "USER":
            asked = fact.peer
        if asked is not None:
            requests[asked] = requests.get(asked, 0) + 1
    everybody = sum(requests.values())
    return [
        {"agent": agent, "requests": count, "share": count / everybody}
        for agent, count in requests.items()
    ]


def number(facts: Iterable[Fact], *kinds: str) -> int:
    """Count facts of some kinds."""
    return sum(fact.kind in kinds for fact in facts)


def tokens(answers: Iterable[Fact]) -> Answer:
    """Add up tokens."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    usages = [fact.usage for fact in answers if fact.usage is not None]
    return {name: sum(getattr(usage, name) for usage in usages) for name in names}


def cost(answers: Iterable[Fact]) -> Decimal | None:
    """Add up what is known of the cost."""
    costs = [fact.cost_usd for fact in answers if fact.cost_usd is not None]
    return sum(costs, Decimal(0)) if costs else None


def cache_hit_rate(answers: Sequence[Fact]) -> float | None:
    """Tell the share of tokens that were read from the provider's cache."""
    spent = tokens(answers)
    went_in = spent["input_tokens"] + spent["cache_read_tokens"] + spent["cache_write_tokens"]
    return spent["cache_read_tokens"] / went_in if went_in else None


def durations(facts: Iterable[Fact]) -> list[float]:
    """List how long things took."""
    return [fact.duration_ms for fact in facts if fact.duration_ms is not None]


def mean(values: Sequence[float]) -> float | None:
    """Give the mean."""
    return math.fsum(values) / len(values) if values else None


def quantile(values: Sequence[float], percent: int) -> float | None:
    """Give the middle of the bucket that holds the value of nearest rank."""
    if not values:
        return None
    rank = -(-len(values) * percent // 100)
    value = sorted(values)[rank - 1]
    bucket = math.floor(8 * math.log(1 + value) / math.log(2))
    return float(2 ** ((bucket + 0.5) / 8)) - 1


def sessions(facts: Sequence[Fact], requests: dict[Any, str]) -> list[Answer]:
    """Answer as `list_sessions`, newest first, without positions and answers."""
    answers = []
    for opening in reversed([fact for fact in facts if fact.kind == "session_opened"]):
        own = [fact for fact in facts if fact.session_id == opening.session_id]
        ends = [fact for fact in own if fact.kind in SESSION_ENDS]
        given = [fact for fact in own if fact.kind in {"delegation", "model_call", "tool_call"}]
        spent = tokens(own)
        answers.append(
            {
                "session_id": opening.session_id,
                "position": opening.position,
                "request": requests[opening.session_id],
                "status": ends[0].kind.removeprefix("session_") if ends else "running",
                "opened_at": opening.recorded_at,
                "ended_at": ends[0].recorded_at if ends else None,
                "agents": tuple(sorted({str(fact.agent) for fact in given})),
                "tasks": sum(fact.kind == "task_created" and fact.peer is not None for fact in own),
                "model_calls": number(own, "model_call"),
                "tool_calls": number(own, "tool_call"),
                "input_tokens": sum(spent[name] for name in spent if name != "output_tokens"),
                "output_tokens": spent["output_tokens"],
                "cost_usd": cost(own),
                "parent_id": None,
                "forked_at": None,
                "what_if": False,
            }
        )
    return answers


SESSION_ENDS = ("session_completed", "session_declined", "session_failed", "session_cancelled")
