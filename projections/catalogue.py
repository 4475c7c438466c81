"""Catalogue: all read models there are."""

from __future__ import annotations

from projections.agent_statistics import AGENT_STATISTICS
from projections.conversation_history import CONVERSATION_HISTORY
from projections.delegation_audit import DELEGATION_AUDIT
from projections.protocol import Projection
from projections.session_list import SESSION_LIST

PROJECTIONS: tuple[Projection, ...] = (
    SESSION_LIST,
    AGENT_STATISTICS,
    CONVERSATION_HISTORY,
    DELEGATION_AUDIT,
)
