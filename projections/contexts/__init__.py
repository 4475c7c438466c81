"""Contexts: what earlier events said of the task, agent or conversation an event is about.

They are folded from the log alone and kept in memory, so that no read model needs to remember whose
an effect was. What is not known any more, or not yet, is replayed from its stream; where a session
was rewound or is a fork, from that part of the log that is its history.
"""

from projections.contexts.folding import (
    ALL_KINDS,
    CONTEXT_TYPES,
    SESSION_ENDS,
    TASK_ENDS,
    context_types,
)
from projections.contexts.history import History
from projections.contexts.memory import Contexts
from projections.contexts.values import Segment, TaskContext

__all__ = [
    "ALL_KINDS",
    "CONTEXT_TYPES",
    "SESSION_ENDS",
    "TASK_ENDS",
    "Contexts",
    "History",
    "Segment",
    "TaskContext",
    "context_types",
]
