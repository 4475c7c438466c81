"""Requesting: ask an agent and wait for its reply, with time-outs and retries in the log."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from application.errors import ConflictError
from application.messaging.errors import NoReplyError, UndeliverableError
from application.messaging.messenger import Messenger
from application.messaging.views import SentView
from application.ports import Entry
from domain.event import Envelope
from domain.message import Delivery, Message, MessageType

TIMEOUT_S = 30.0
"""Seconds that a request waits for its reply."""

CALL_TIMEOUT_S, CALL_RETRIES = 5.0, 3
"""Seconds that each try of a synchronous call waits, and how often it is tried again."""

REPLIES = {
    MessageType.QUERY: MessageType.RESPONSE,
    MessageType.TASK_REQUEST: MessageType.TASK_COMPLETE,
    MessageType.DATA_REQUEST: MessageType.DATA_RESPONSE,
}
"""Type of the usual reply by type of the request; of all others it is a response."""


class Requests:
    """Asks and answers.

    A try that nobody answered in time is given up in the log before the next is sent, so that a
    reply counts for the try that is still waited for, and one that comes later is dead.
    """

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    async def request(
        self,
        message: Message,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = 0,
        subject: str | None = None,
    ) -> Message:
        """Send a message and wait for the reply; replies are messages whose parent it is.

        Args:
            timeout_s: seconds that each try waits; it lives no longer.
            retries: how often it is sent again, as a new message whose parent is the request.

        Returns:
            The reply, which is delivered to the one who asked and to nobody else.

        Raises:
            UndeliverableError: the recipient is unknown or inactive.
            NoReplyError: nobody answered in time.
            ConflictError: the request was sent before.
            UnavailableError: the database cannot be used.
        """
        current = _timed(message, timeout_s)
        sent = await self._messenger.send(current, subject)
        asked: list[UUID] = []
        while True:
            asked.append(current.message_id)
            if sent.dead is not None:
                raise UndeliverableError(current.message_id, current.to_agent, sent.dead)
            if sent.duplicate:
                raise ConflictError(
                    f"Request {str(current.message_id)!r} was sent before: give each an id of its"
                    " own."
                )
            reply = await self._reply_to(current, timeout_s)
            if reply is not None:
                return reply
            following = self._repeated(message, timeout_s, len(asked) + 1)
            again = await self._give_up(
                current, timeout_s, following if len(asked) <= retries else None, subject
            )
            if again is None:
                raise NoReplyError(tuple(asked), message.to_agent, timeout_s)
            current, sent = following, again

    async def reply(
        self,
        request: Message,
        content: dict[str, Any],
        *,
        type: MessageType | None = None,  # noqa: A002 - the field's name
        tokens_used: int = 0,
        subject: str | None = None,
    ) -> SentView:
        """Answer a message that was received.

        Args:
            type: by default the usual reply to a message of the request's type.
            tokens_used: tokens that the answer took.

        Returns:
            The reply; dead as `late` when the request had been given up.

        Raises:
            UnavailableError: the database cannot be used.
        """
        messenger = self._messenger
        answer = Message(
            message_id=messenger.ids.new(),
            conversation_id=request.conversation_id,
            parent_id=request.message_id,
            session_id=request.session_id,
            from_agent=request.to_agent,
            to_agent=request.from_agent,
            type=type or REPLIES.get(request.type, MessageType.RESPONSE),
            content=content,
            priority=request.priority,
            sent_at=messenger.clock.now(),
            token_budget=request.token_budget,
            tokens_used=tokens_used,
        )
        if request.reply_by is None or messenger.board.knows_request(request.message_id):
            return await messenger.send(answer, subject)
        asked = await asyncio.to_thread(messenger.log.load, Delivery, request.message_id)
        if not asked.given_up:
            return await messenger.send(answer, subject)
        return await messenger.send_late(answer, subject)

    async def _reply_to(self, request: Message, timeout_s: float) -> Message | None:
        messenger = self._messenger
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            while (waiting := messenger.board.take_reply(request.message_id)) is not None:
                reply = await messenger.deliver(waiting)
                if reply is not None:
                    return reply
            arrival = await messenger.arrivals.wait(request.message_id, deadline)
            if not arrival.came:
                return None

    async def _give_up(
        self, request: Message, waited_s: float, following: Message | None, subject: str | None
    ) -> SentView | None:
        """Record that nobody waits for a reply any more, together with the next try."""
        messenger = self._messenger
        while True:
            asked = await asyncio.to_thread(messenger.log.load, Delivery, request.message_id)
            at = messenger.clock.now()
            asked.give_up(waited_s, at)
            entries = [
                Entry(
                    event,
                    Envelope(
                        event_id=messenger.ids.new(),
                        actor=request.from_agent,
                        correlation_id=request.conversation_id,
                    ),
                )
                for event in asked.collect_events()
            ]
            tries = [] if following is None else [await messenger.sending(following)]
            try:
                sent = await messenger.record_sent(tries, subject, *entries)
            except ConflictError:
                continue  # it was delivered or expired meanwhile
            return sent[0] if sent else None

    def _repeated(self, request: Message, timeout_s: float, attempt: int) -> Message:
        messenger = self._messenger
        changes = {
            "message_id": messenger.ids.new(),
            "parent_id": request.message_id,
            "sent_at": messenger.clock.now(),
            "attempt": attempt,
        }
        return _timed(request.model_copy(update=changes), timeout_s)


def _timed(message: Message, timeout_s: float) -> Message:
    """Let a request live no longer than it is waited for."""
    lives_s = min(message.time_to_live_s or timeout_s, timeout_s)
    return message.model_copy(update={"reply_within_s": timeout_s, "time_to_live_s": lives_s})
