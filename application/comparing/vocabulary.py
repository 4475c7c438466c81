"""Vocabulary: what predicates on a session, and on the whole log, may name."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from application.comparing.figures import SESSION_ENDS, STEERING, Account, seconds
from application.comparing.log_figures import BEGINNINGS, STANDING
from application.comparing.terms import Evaluate, Term, Type, Vocabulary
from domain.session import SessionStatus
from domain.task import TaskStatus

USD, TOKENS, SECONDS = "US dollars", "tokens", "seconds"

_HANDLE = re.compile(r"[A-Z][A-Z0-9_]{1,31}")

_CALLS = frozenset({"task.model_called", "task.tool_called"})
_MODEL_ANSWERED = frozenset({"task.model_answered"})
_TASKS = STANDING | {"session.rewound"}
_SESSIONS = BEGINNINGS | STEERING | frozenset(SESSION_ENDS)

_SPENT: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("cost_usd", USD, "price of models' answers; unpriced ones count as none", _MODEL_ANSWERED),
    ("input_tokens", TOKENS, "all that went into models, cached or not", _MODEL_ANSWERED),
    ("output_tokens", TOKENS, "all that models wrote", _MODEL_ANSWERED),
    ("tokens", TOKENS, "both together", _MODEL_ANSWERED),
    ("model_calls", "attempts", "times a model was asked", frozenset({"task.model_called"})),
    ("tool_calls", "attempts", "times a tool was used", frozenset({"task.tool_called"})),
    ("model_failures", "attempts", "times a model failed", frozenset({"task.model_failed"})),
    ("tool_failures", "attempts", "times a tool failed", frozenset({"task.tool_failed"})),
)
"""Name, unit, meaning and sources of what can be told of agents as well."""

_DELEGATED = frozenset({"task.delegated"})


def _booked(
    name: str, unit: str, meaning: str, *sources: str, attribute: str | None = None
) -> Term:
    read = attrgetter(f"books.{attribute or name}")
    return Term(name, Type.NUMBER, read, unit, meaning, frozenset(sources))


def _counted(group: str, status: TaskStatus | SessionStatus, sources: frozenset[str]) -> Term:
    read: Evaluate = lambda figures: getattr(figures, group)[status]  # noqa: E731 - one of a family
    noun = group[:-1]
    return Term(
        f"{group}.{status.value}",
        Type.NUMBER,
        read,
        group,
        f"{noun}s that stand at {status.value}",
        sources,
    )


def _total(name: str, group: str, meaning: str, sources: frozenset[str]) -> Term:
    read: Evaluate = lambda figures: getattr(figures, group).total()  # noqa: E731 - as above
    return Term(name, Type.NUMBER, read, group, meaning, sources)


_SHARED: tuple[Term, ...] = (
    *(
        Term(name, Type.NUMBER, attrgetter(f"books.total.{name}"), unit, meaning, sources)
        for name, unit, meaning, sources in _SPENT
    ),
    _booked(
        "rejected_answers",
        "answers",
        "answers of models that broke their schema or a rule",
        "task.answer_rejected",
    ),
    _booked(
        "decisions",
        "decisions",
        "decisions about who does a task",
        "task.delegated",
        "task.unplaced",
    ),
    _booked(
        "delegations",
        "delegations",
        "tasks passed from one agent to another",
        "task.delegated",
        attribute="total.delegations",
    ),
    _booked("turns", "turns", "what was said", "conversation.turn_taken"),
    _booked("artefacts", "files", "files that tools wrote, each once", "task.tool_answered"),
    _booked("resumptions", "times", "times a lost session was taken up", "session.resumed"),
    Term(
        "agents",
        Type.TEXTS,
        attrgetter("books.workers"),
        "handles",
        "agents in whose name a model was asked or a tool used",
        _CALLS,
    ),
    Term(
        "duration_s",
        Type.NUMBER,
        lambda figures: seconds(figures.passed),
        SECONDS,
        "time that passed, without that before rewinds and forks",
    ),
    Term("events", Type.NUMBER, attrgetter("events"), "events", "events of the history"),
    _total("tasks.total", "tasks", "tasks there are", _TASKS),
    *(_counted("tasks", status, _TASKS) for status in TaskStatus),
)

_SESSION_ONLY: tuple[Term, ...] = (
    Term(
        "status",
        Type.TEXT,
        lambda figures: figures.status.value,
        "",
        "where the session stands",
        _SESSIONS,
        tuple(status.value for status in SessionStatus),
    ),
    Term(
        "answer",
        Type.TEXT,
        attrgetter("answer"),
        "",
        "what the user was told at the end",
        _SESSIONS,
    ),
)

_LOG_ONLY: tuple[Term, ...] = (
    _total("sessions.opened", "sessions", "sessions there are, forks among them", _SESSIONS),
    *(_counted("sessions", status, _SESSIONS) for status in SessionStatus),
)

_NOTHING = Account()


def _agent_term(handle: str, name: str) -> Term | None:
    known = {**{spent[0]: spent for spent in _SPENT}, "delegations": _RECEIVED}.get(name)
    if known is None or _HANDLE.fullmatch(handle) is None:
        return None
    _, unit, meaning, sources = known
    get = attrgetter(name)

    def read(figures: Any) -> Any:
        return get(figures.books.agents.get(handle, _NOTHING))

    # An answer names the effect alone; the call before it named the agent.
    return Term(f'agent("{handle}").{name}', Type.NUMBER, read, unit, meaning, sources | _CALLS)


_RECEIVED = ("delegations", "delegations", "tasks passed to the agent", _DELEGATED)
_AGENT_NAMES = (*(spent[0] for spent in _SPENT), "delegations")


def _vocabulary(
    terms: tuple[Term, ...], others: tuple[Term, ...], sentence: Callable[[str], str]
) -> Vocabulary:
    return Vocabulary(
        terms={term.name: term for term in terms},
        elsewhere={term.name: sentence(term.name) for term in others},
        agent_term=_agent_term,
        agent_names=_AGENT_NAMES,
    )


SESSION_VOCABULARY = _vocabulary(
    (*_SESSION_ONLY, *_SHARED),
    _LOG_ONLY,
    lambda name: f"{name!r} is told of the whole log; leave the session out.",
)
"""What predicates on `SessionFigures` may name."""

LOG_VOCABULARY = _vocabulary(
    (*_LOG_ONLY, *_SHARED),
    _SESSION_ONLY,
    lambda name: f"{name!r} is told of one session; name a session.",
)
"""What predicates on `LogFigures` may name."""
