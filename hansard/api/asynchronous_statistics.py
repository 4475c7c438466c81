"""AsyncStatistics: the part of the Python API that lists sessions and gives figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from application.directory import load_directory
from application.errors import BadRequestError, NotFoundError
from application.moments import resolve
from domain.session import SessionStatus
from hansard.api.moments import LAST, Bound, Moment, Range

if TYPE_CHECKING:
    from hansard.bootstrap import House
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

T = TypeVar("T")

MOST_DIMENSIONS = 3

By = str | Sequence[str]
"""Names, in a sequence or in one text with commas between them."""


class AsyncStatistics:
    """Gives figures to asynchronous programs; a part of `AsyncHansard`.

    Every answer says as of which `position` of the log it holds, and its `lag`: how many positions
    that is behind what was asked for. In all methods, `since` and `until` limit what counts to what
    was recorded at or after the one and before the other. Both are moments, or say how long before
    `at` (or before now): a `timedelta`, or text such as `7d`, `24h`, `30m`.
    """

    _house: House

    async def sessions(  # noqa: PLR0913 - filters, all by keyword
        self,
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
        """List sessions, forks too, newest first.

        Those that were opened from `since` on are listed, as they stood just before `until`.

        Args:
            status: only sessions that stood there.
            text: only sessions whose request and answer hold all its words.
            what_ifs: list what-ifs too.
            before: `next` of the page that came before.

        Raises:
            BadRequestError: the moment cannot be understood.
        """

        def ask() -> Page[SessionSummaryView]:
            from projections.session_list import list_sessions  # noqa: PLC0415 - heavy

            span = Range(since, until, at)
            return self._over(
                span,
                list_sessions,
                status=status,
                text=text,
                what_ifs=what_ifs,
                before=before,
                limit=limit,
            )

        return await asyncio.to_thread(ask)

    async def stats(
        self,
        agent: str | None = None,
        at: Moment | None = None,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
    ) -> Page[AgentStatisticsView]:
        """Give the figures of every agent that was used, in order of handle.

        Args:
            agent: only the agent of this handle.

        Raises:
            NotFoundError: nobody has this handle.
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> Page[AgentStatisticsView]:
            from projections.agent_statistics import agent_statistics  # noqa: PLC0415 - heavy

            if agent is not None:
                load_directory(self._house.log, self._until(at)).agent(agent)
            return self._over(Range(since, until, at), agent_statistics, agent=agent)

        return await asyncio.to_thread(ask)

    async def departments(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[DepartmentStatisticsView]:
        """Give the figures of every department that was used, in order of key.

        Raises:
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> Page[DepartmentStatisticsView]:
            from projections.department_statistics import department_statistics  # noqa: PLC0415 - heavy

            return self._over(Range(since, until, at), department_statistics)

        return await asyncio.to_thread(ask)

    async def models(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[ModelStatisticsView]:
        """Give the figures of every model that was used, in order of name.

        Raises:
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> Page[ModelStatisticsView]:
            from projections.model_statistics import model_statistics  # noqa: PLC0415 - heavy

            return self._over(Range(since, until, at), model_statistics)

        return await asyncio.to_thread(ask)

    async def usage(  # noqa: PLR0913 - as above
        self,
        by: By = "agent",
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[UsageView]:
        """Give the tokens and the cost of models' answers.

        Args:
            by: one to three of `agent`, `department`, `model`, `session` and `day` (in UTC).
            start: `next` of the page that came before.

        Raises:
            BadRequestError: a moment or a dimension cannot be understood.
        """

        def ask() -> Page[UsageView]:
            from projections.usage import DIMENSIONS, usage  # noqa: PLC0415 - heavy

            dimensions = _chosen(by, DIMENSIONS, MOST_DIMENSIONS)
            span = Range(since, until, at)
            return self._over(span, usage, by=dimensions, start=start, limit=limit)

        return await asyncio.to_thread(ask)

    async def errors(  # noqa: PLR0913 - as above
        self,
        by: By = ("kind", "error"),
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[ErrorStatisticsView]:
        """Count errors by type, most frequent first, with when each was first and last seen.

        Args:
            by: what to tell apart: any of `kind`, `error`, `agent` and `name` (model or tool).
            start: `next` of the page that came before.

        Raises:
            BadRequestError: a moment or a name in `by` cannot be understood.
        """

        def ask() -> Page[ErrorStatisticsView]:
            from projections.error_statistics import ASPECTS, error_statistics  # noqa: PLC0415 - heavy

            aspects = _chosen(by, ASPECTS, len(ASPECTS))
            span = Range(since, until, at)
            return self._over(span, error_statistics, by=aspects, start=start, limit=limit)

        return await asyncio.to_thread(ask)

    async def messages(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[MessageTypeView]:
        """Give how many messages of each type were sent, and how fast agents reacted.

        Raises:
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> Page[MessageTypeView]:
            from projections.message_traffic import message_types  # noqa: PLC0415 - heavy

            return self._over(Range(since, until, at), message_types)

        return await asyncio.to_thread(ask)

    async def message_pairs(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        start: int = 0,
        limit: int = 100,
    ) -> Page[MessagePairView]:
        """Give how many messages of each type every agent sent to every other, most first.

        Args:
            start: `next` of the page that came before.

        Raises:
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> Page[MessagePairView]:
            from projections.message_traffic import message_pairs  # noqa: PLC0415 - heavy

            span = Range(since, until, at)
            return self._over(span, message_pairs, start=start, limit=limit)

        return await asyncio.to_thread(ask)

    async def orchestrator(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> OrchestratorSummaryView:
        """Sum up how the whole organisation does.

        Raises:
            BadRequestError: a moment cannot be understood.
        """

        def ask() -> OrchestratorSummaryView:
            from projections.orchestrator_summary import orchestrator_summary  # noqa: PLC0415 - heavy

            return self._over(Range(since, until, at), orchestrator_summary)

        return await asyncio.to_thread(ask)

    async def task_tree(self, session: str | UUID, at: Moment | None = None) -> TaskTreeView:
        """Show the tasks of a session: how each stood, and what it and those below it took.

        They are those of its history: what was taken back is left out, and what a fork has from its
        parent is not.

        Raises:
            NotFoundError: there is no such session.
            BadRequestError: the moment cannot be understood.
        """
        session_id = await self._session_id(session)

        def ask() -> TaskTreeView:
            from projections.task_tree import task_tree  # noqa: PLC0415 - heavy

            until = self._until(at)
            self._house.sessions.require(session_id)
            with self._house.reading() as connection:
                return task_tree(connection, session_id, at=until)

        return await asyncio.to_thread(ask)

    def _over(self, span: Range, query: Callable[..., T], **choices: Any) -> T:
        with self._house.reading() as connection:
            after, end = span.resolve(self._house.log, connection)
            return query(connection, after=after, at=end, **choices)

    def _as_of(self, at: Moment | None, query: Callable[..., T], **choices: Any) -> T:
        with self._house.reading() as connection:
            return query(connection, at=self._until(at), **choices)

    def _until(self, at: Moment | None) -> int | None:
        return None if at is None else resolve(at, self._house.log)

    async def _session_id(self, session: str | UUID) -> UUID:
        if session == LAST:
            page = await self.sessions(limit=1)
            if not page.items:
                raise NotFoundError(
                    "session", LAST, "Nothing was run yet; start with `hansard run`."
                )
            return page.items[0].session_id
        return as_uuid("session", session)


def as_uuid(kind: str, text: str | UUID) -> UUID:
    """Read an id.

    Raises:
        BadRequestError: it is none.
    """
    try:
        return text if isinstance(text, UUID) else UUID(text.strip())
    except ValueError as error:
        raise BadRequestError(f"{text!r} is no id of a {kind}; ids are UUIDs.") from error


def _chosen(by: By, known: Sequence[str], most: int) -> tuple[str, ...]:
    names = by.split(",") if isinstance(by, str) else by
    chosen = tuple(dict.fromkeys(name.strip() for name in names))
    for name in chosen:
        if name not in known:
            raise BadRequestError(f"by {name!r} cannot be used; choose from {', '.join(known)}.")
    if not 1 <= len(chosen) <= most:
        raise BadRequestError(
            f"by {', '.join(chosen)!r} cannot be used; choose 1 to {most} from {', '.join(known)}."
        )
    return chosen
