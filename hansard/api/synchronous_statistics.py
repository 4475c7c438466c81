"""Statistics: the part of the synchronous Python API that lists sessions and gives figures."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from domain.session import SessionStatus
from hansard.api.asynchronous_statistics import By
from hansard.api.caller import Caller
from hansard.api.moments import Bound, Moment

if TYPE_CHECKING:
    from projections.agent_statistics import AgentStatisticsView
    from projections.department_statistics import DepartmentStatisticsView
    from projections.error_statistics import ErrorStatisticsView
    from projections.message_traffic import MessagePairView, MessageTypeView
    from projections.model_statistics import ModelStatisticsView
    from projections.orchestrator_summary import OrchestratorSummaryView
    from projections.protocol import Page
    from projections.session_list import SessionSummaryView
    from projections.task_tree import TaskTreeView
    from projections.usage import UsageView


class Statistics:
    """Gives figures to ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncStatistics`, which documents it.
    """

    def sessions(  # noqa: PLR0913 - filters, all by keyword
        self: Caller,
        *,
        status: SessionStatus | None = None,
        text: str | None = None,
        what_ifs: bool = False,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Page[SessionSummaryView]:
        """List sessions, newest first."""
        return self._call(
            self._inner.sessions,
            status=status,
            text=text,
            what_ifs=what_ifs,
            since=since,
            until=until,
            at=at,
            before=before,
            limit=limit,
        )

    def stats(
        self: Caller,
        agent: str | None = None,
        at: Moment | None = None,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
    ) -> Page[AgentStatisticsView]:
        """Give the figures of every agent that was used, in order of handle."""
        return self._call(self._inner.stats, agent, at, since=since, until=until)

    def departments(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[DepartmentStatisticsView]:
        """Give the figures of every department that was used, in order of key."""
        return self._call(self._inner.departments, since=since, until=until, at=at)

    def models(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[ModelStatisticsView]:
        """Give the figures of every model that was used, in order of name."""
        return self._call(self._inner.models, since=since, until=until, at=at)

    def usage(  # noqa: PLR0913 - as above
        self: Caller,
        by: By = "agent",
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[UsageView]:
        """Give the tokens and the cost of models' answers."""
        return self._call(
            self._inner.usage, by, since=since, until=until, at=at, start=start, limit=limit
        )

    def errors(  # noqa: PLR0913 - as above
        self: Caller,
        by: By = ("kind", "error"),
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[ErrorStatisticsView]:
        """Count errors by type, most frequent first, with when each was first and last seen."""
        return self._call(
            self._inner.errors, by, since=since, until=until, at=at, start=start, limit=limit
        )

    def messages(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[MessageTypeView]:
        """Give how many messages of each type were sent, and how fast agents reacted."""
        return self._call(self._inner.messages, since=since, until=until, at=at)

    def message_pairs(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[MessagePairView]:
        """Give how many messages of each type every agent sent to every other, most first."""
        return self._call(
            self._inner.message_pairs, since=since, until=until, at=at, start=start, limit=limit
        )

    def orchestrator(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> OrchestratorSummaryView:
        """Sum up how the whole organisation does."""
        return self._call(self._inner.orchestrator, since=since, until=until, at=at)

    def task_tree(self: Caller, session: str | UUID, at: Moment | None = None) -> TaskTreeView:
        """Show the tasks of a session: how each stood, and what it and those below it took."""
        return self._call(self._inner.task_tree, session, at)
