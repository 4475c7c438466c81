"""Messages: the part of the synchronous Python API by which agents send each other messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.conversation import USER
from hansard.api.asynchronous_messages import (
    CALL_TIMEOUT_S,
    FANOUT,
    TIMEOUT_S,
    Content,
)
from hansard.api.caller import Caller
from hansard.api.moments import Bound, Moment

if TYPE_CHECKING:
    from application.messaging.serving import Handler
    from application.messaging.views import (
        ChainView,
        MessageView,
        PublicationView,
        SentView,
        SubscriptionView,
    )
    from domain.gossip import Gossip
    from domain.message import Message, MessageType
    from projections.message_traffic import MessageDeliveryView
    from projections.messages import MessageSummaryView, QueueView, TopicView
    from projections.protocol import Page


class Messages:
    """Sends, receives and lists messages for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncMessages`, which documents it.
    """

    def send_message(
        self: Caller,
        to_agent: str,
        content: Content,
        *,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> SentView:
        """Send a message and go on (fire and forget)."""
        return self._call(
            self._inner.send_message,
            to_agent,
            content,
            from_agent=from_agent,
            session=session,
            **fields,
        )

    def send_messages(self: Caller, messages: Sequence[Message]) -> tuple[SentView, ...]:
        """Send messages in one append, all or none; raises as `send_message` does."""
        return self._call(self._inner.send_messages, messages)

    def receive_message(
        self: Caller, agent: str, *, timeout_s: float | None = None
    ) -> Message | None:
        """Take the most urgent message for an agent; nobody else gets it, in any process."""
        return self._call(self._inner.receive_message, agent, timeout_s=timeout_s)

    def serve_inbox(
        self: Caller, agent: str, handler: Handler, *, parallel: int = 1, max_attempts: int = 3
    ) -> None:
        """Give the messages for an agent to a handler, until this is cancelled."""
        self._call(
            self._inner.serve_inbox, agent, handler, parallel=parallel, max_attempts=max_attempts
        )

    def ask_agent(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        to_agent: str,
        content: Content,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = 0,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> Message:
        """Send a request and wait for its reply."""
        return self._call(
            self._inner.ask_agent,
            to_agent,
            content,
            timeout_s=timeout_s,
            retries=retries,
            from_agent=from_agent,
            session=session,
            **fields,
        )

    def call_agent(self: Caller, to_agent: str, content: Content, **fields: Any) -> Message:
        """Ask as a synchronous call does: 5 s for each of 4 tries; see `ask_agent`."""
        return self._call(self._inner.call_agent, to_agent, content, **fields)

    def reply_to_message(
        self: Caller,
        request: Message,
        content: Content,
        *,
        type: MessageType | None = None,  # noqa: A002 - the field's name
        tokens_used: int = 0,
    ) -> SentView:
        """Answer a message that was received."""
        return self._call(
            self._inner.reply_to_message, request, content, type=type, tokens_used=tokens_used
        )

    def ask_chain(
        self: Caller,
        handlers: Sequence[str],
        content: Content,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> ChainView:
        """Ask agents one after the other until one accepts (chain of responsibility)."""
        return self._call(
            self._inner.ask_chain,
            handlers,
            content,
            timeout_s=timeout_s,
            from_agent=from_agent,
            session=session,
            **fields,
        )

    def subscribe(self: Caller, agent: str, pattern: str) -> None:
        """Let an agent get what is published on topics that fit a pattern."""
        self._call(self._inner.subscribe, agent, pattern)

    def unsubscribe(self: Caller, agent: str, pattern: str) -> None:
        """Let an agent get nothing more on a pattern; raises as `subscribe` does."""
        self._call(self._inner.unsubscribe, agent, pattern)

    def publish(
        self: Caller,
        topic: str,
        content: Content,
        *,
        from_agent: str = USER,
        publication_id: UUID | None = None,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> PublicationView:
        """Send a message to every agent that has subscribed to a topic, but its sender."""
        return self._call(
            self._inner.publish,
            topic,
            content,
            from_agent=from_agent,
            publication_id=publication_id,
            session=session,
            **fields,
        )

    def spread_notice(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        notice: dict[str, Any],
        agents: Sequence[str],
        *,
        from_agent: str = USER,
        fanout: int = FANOUT,
        rounds: int | None = None,
        seed: int | None = None,
    ) -> Gossip:
        """Spread a notification by gossip: each agent that hears it tells a few others."""
        return self._call(
            self._inner.spread_notice,
            notice,
            agents,
            from_agent=from_agent,
            fanout=fanout,
            rounds=rounds,
            seed=seed,
        )

    def pass_on_notice(self: Caller, heard: Message) -> tuple[SentView, ...]:
        """Tell others what an agent heard by gossip."""
        return self._call(self._inner.pass_on_notice, heard)

    def requeue_message(self: Caller, message: str | UUID) -> SentView:
        """Send a message that expired or is dead once more, as a new one; only the first time."""
        return self._call(self._inner.requeue_message, message)

    def sweep_messages(self: Caller) -> int:
        """End the messages whose time to live is over; tell how many."""
        return self._call(self._inner.sweep_messages)

    def list_messages(
        self: Caller,
        *,
        session: str | UUID | None = None,
        at: Moment | None = None,
        before: int | None = None,
        limit: int = 50,
        **filters: Any,
    ) -> Page[MessageSummaryView]:
        """List messages as they stand at a moment, newest first."""
        return self._call(
            self._inner.list_messages, session=session, at=at, before=before, limit=limit, **filters
        )

    def dead_letters(
        self: Caller,
        *,
        at: Moment | None = None,
        before: int | None = None,
        limit: int = 50,
        **filters: Any,
    ) -> Page[MessageSummaryView]:
        """List the messages that expired or are dead, newest first; see `list_messages`."""
        return self._call(self._inner.dead_letters, at=at, before=before, limit=limit, **filters)

    def message(self: Caller, message: str | UUID, at: Moment | None = None) -> MessageView:
        """Show a message whole, with what became of it."""
        return self._call(self._inner.message, message, at)

    def message_queues(self: Caller, at: Moment | None = None) -> Page[QueueView]:
        """Tell what waits for each agent, and what became of the rest; most waiting first."""
        return self._call(self._inner.message_queues, at)

    def message_topics(self: Caller, at: Moment | None = None) -> Page[TopicView]:
        """List the topics that reached anybody, by name."""
        return self._call(self._inner.message_topics, at)

    def subscriptions(self: Caller, at: Moment | None = None) -> list[SubscriptionView]:
        """List who has subscribed to what, by pattern and agent."""
        return self._call(self._inner.subscriptions, at)

    def message_deliveries(
        self: Caller,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
    ) -> Page[MessageDeliveryView]:
        """Tell by type what became of the messages that were sent, and how fast they arrived."""
        return self._call(self._inner.message_deliveries, since=since, until=until, at=at)
