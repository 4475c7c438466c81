"""AsyncMessageLists: the part of the Python API that tells what became of messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from application.errors import NotFoundError
from hansard.api.asynchronous_statistics import AsyncStatistics, as_uuid
from hansard.api.moments import Bound, Moment, Range

if TYPE_CHECKING:
    from application.messaging.views import MessageView, SubscriptionView
    from projections.message_traffic import MessageDeliveryView
    from projections.messages import MessageSummaryView, QueueView, TopicView
    from projections.protocol import Page


class AsyncMessageLists(AsyncStatistics):
    """Lists messages for asynchronous programs; a part of `AsyncHansard`.

    Every page says as of which `position` of the log it holds, and its `lag`.
    """

    async def list_messages(
        self,
        *,
        session: str | UUID | None = None,
        at: Moment | None = None,
        before: int | None = None,
        limit: int = 50,
        **filters: Any,
    ) -> Page[MessageSummaryView]:
        """List messages as they stand at a moment, newest first.

        Args:
            session: only messages about this session.
            before: `next` of the page that came before.
            filters: fields of `projections.messages.MessageFilter`: `agent`, `from_agent`,
                `to_agent`, `conversation_id`, `type`, `priority`, `topic` and `statuses`.

        Raises:
            BadRequestError: the moment or a filter cannot be understood.
            UnavailableError: the database cannot be used.
        """
        if session is not None:
            filters["session_id"] = await self._session_id(session)

        def ask() -> Page[MessageSummaryView]:
            from hansard.api.asynchronous_outlook import validated  # noqa: PLC0415 - a cycle
            from projections.messages import MessageFilter, list_messages  # noqa: PLC0415 - heavy

            wanted = validated(MessageFilter, filters)
            return self._as_of(at, list_messages, wanted=wanted, before=before, limit=limit)

        return await asyncio.to_thread(ask)

    async def dead_letters(
        self,
        *,
        at: Moment | None = None,
        before: int | None = None,
        limit: int = 50,
        **filters: Any,
    ) -> Page[MessageSummaryView]:
        """List the messages that expired or are dead, newest first; see `list_messages`."""
        from domain.message import MessageStatus  # noqa: PLC0415 - only here

        statuses = (MessageStatus.EXPIRED, MessageStatus.DEAD)
        choices = {"statuses": statuses} | filters
        return await self.list_messages(at=at, before=before, limit=limit, **choices)

    async def message(self, message: str | UUID, at: Moment | None = None) -> MessageView:
        """Show a message whole, with what became of it.

        Raises:
            NotFoundError: there is no such message, or not yet at that moment.
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(self._show_message, as_uuid("message", message), at)

    async def message_queues(self, at: Moment | None = None) -> Page[QueueView]:
        """Tell what waits for each agent, and what became of the rest; most waiting first.

        Raises:
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """

        def ask() -> Page[QueueView]:
            from projections.messages import list_queues  # noqa: PLC0415 - heavy

            return self._as_of(at, list_queues)

        return await asyncio.to_thread(ask)

    async def message_topics(self, at: Moment | None = None) -> Page[TopicView]:
        """List the topics that reached anybody, by name.

        Raises:
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """

        def ask() -> Page[TopicView]:
            from projections.messages import list_topics  # noqa: PLC0415 - heavy

            return self._as_of(at, list_topics)

        return await asyncio.to_thread(ask)

    async def subscriptions(self, at: Moment | None = None) -> list[SubscriptionView]:
        """List who has subscribed to what, by pattern and agent.

        Raises:
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """

        def ask() -> list[SubscriptionView]:
            from application.messaging.publishing import list_subscriptions  # noqa: PLC0415

            return list_subscriptions(self._house.log, self._until(at))

        return await asyncio.to_thread(ask)

    async def message_deliveries(
        self,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[MessageDeliveryView]:
        """Tell by type what became of the messages that were sent, and how fast they arrived.

        Raises:
            BadRequestError: a moment cannot be understood.
            UnavailableError: the database cannot be used.
        """

        def ask() -> Page[MessageDeliveryView]:
            from projections.message_traffic import message_deliveries  # noqa: PLC0415 - heavy

            return self._over(Range(since, until, at), message_deliveries)

        return await asyncio.to_thread(ask)

    def _show_message(self, message_id: UUID, at: Moment | None) -> MessageView:
        from application.messaging.views import message_view  # noqa: PLC0415 - only here
        from domain.message import Delivery  # noqa: PLC0415 - only here

        log = self._house.log
        delivery: Any = None
        position = 0
        for recorded in log.read(stream=message_id, until=self._until(at)):
            if delivery is None and not isinstance(recorded.event, Delivery.Created):
                break
            position = position or recorded.position
            delivery = cast("Any", recorded.event).mutate(delivery)
        if delivery is None:
            raise NotFoundError("message", message_id, "`hansard messages list` lists them.")
        return message_view(delivery, position)
