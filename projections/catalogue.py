"""Catalogue: all read models there are."""

from __future__ import annotations

from projections.activity import ACTIVITY
from projections.conversation_history import CONVERSATION_HISTORY
from projections.delegation_audit import DELEGATION_AUDIT
from projections.lineage import LINEAGE
from projections.messages import MESSAGES
from projections.protocol import Projection
from projections.session_list import SESSION_LIST
from projections.similar_queries import SIMILAR_QUERIES
from projections.task_tree import TASK_TREE

PROJECTIONS: tuple[Projection, ...] = (
    SESSION_LIST,
    LINEAGE,
    ACTIVITY,
    TASK_TREE,
    CONVERSATION_HISTORY,
    DELEGATION_AUDIT,
    SIMILAR_QUERIES,
    MESSAGES,
)
