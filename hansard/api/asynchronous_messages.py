"""AsyncMessages: the part of the Python API by which agents send each other messages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.errors import BadRequestError
from domain.conversation import USER
from hansard.api.asynchronous_message_lists import AsyncMessageLists
from hansard.api.asynchronous_outlook import validated
from hansard.api.asynchronous_statistics import as_uuid

if TYPE_CHECKING:
    from application.messaging.messaging import Messaging
    from application.messaging.serving import Handler
    from application.messaging.views import ChainView, PublicationView, SentView
    from domain.gossip import Gossip
    from domain.message import Message, MessageType

Content = dict[str, Any] | str
"""What a message says: structured, or a text, which stands for `{"text": ...}`."""

TIMEOUT_S = 30.0
CALL_TIMEOUT_S, CALL_RETRIES = 5.0, 3
FANOUT = 3


class AsyncMessages(AsyncMessageLists):
    """Sends and receives messages for asynchronous programs; a part of `AsyncHansard`.

    `fields`, where a method takes them, are those of `domain.message.Message` that it does not name
    itself, such as `type`, `priority`, `time_to_live_s`, `conversation_id`, `parent_id`, `route`,
    `shared_context`, `user_context`, `token_budget` and `message_id`. `session` names the session a
    message is about; what is said in a session of a subject is sealed with the subject's key.
    """

    _messaging: Messaging | None = None
    _messaging_begins: asyncio.Lock | None = None

    async def send_message(
        self,
        to_agent: str,
        content: Content,
        *,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> SentView:
        """Send a message and go on (fire and forget).

        Returns:
            Where it stands in the log; `dead` says why when it can never be delivered, and
            `duplicate` whether its id was sent before.

        Raises:
            BadRequestError: a field cannot be used.
            ConflictError: its id was sent before with another content.
            NotFoundError: there is no such session.
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        message, subject = await self._message(to_agent, content, from_agent, session, fields)
        return await messaging.messenger.send(message, subject)

    async def send_messages(self, messages: Sequence[Message]) -> tuple[SentView, ...]:
        """Send messages in one append, all or none; raises as `send_message` does.

        They are about sessions of one subject at most, whose key seals them.
        """
        messaging = await self._begin_messaging()
        sessions = {message.session_id for message in messages}
        subjects = {await self._subject(session_id) for session_id in sessions}
        if len(subjects) > 1:
            raise BadRequestError(
                "These messages are about sessions of different subjects, or of none: send those of"
                " each subject apart."
            )
        return await messaging.messenger.send_many(messages, *subjects)

    async def receive_message(
        self, agent: str, *, timeout_s: float | None = None
    ) -> Message | None:
        """Take the most urgent message for an agent; nobody else gets it, in any process.

        Args:
            timeout_s: seconds to wait for one; None for as long as it takes.

        Raises:
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        return await messaging.messenger.receive(agent, timeout_s=timeout_s)

    async def serve_inbox(
        self, agent: str, handler: Handler, *, parallel: int = 1, max_attempts: int = 3
    ) -> None:
        """Give the messages for an agent to a handler, until this is cancelled.

        A message counts as delivered once its handler is done; if the process dies before, the
        next one that serves the inbox gives it to its handler again.

        Args:
            handler: a function or a coroutine function. It raises
                `application.messaging.errors.RefusedError` to refuse a message for good; after any
                other error the message is tried again.
            parallel: messages that are dealt with at once.
            max_attempts: failures after which a message is dead.

        Raises:
            ConflictError: another process serves this inbox.
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        await messaging.serving.serve(agent, handler, parallel=parallel, max_attempts=max_attempts)

    async def ask_agent(  # noqa: PLR0913 - choices, all by keyword
        self,
        to_agent: str,
        content: Content,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = 0,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> Message:
        """Send a request and wait for its reply.

        Args:
            timeout_s: seconds that each try waits.
            retries: how often it is sent again.

        Raises:
            UndeliverableError: the agent is unknown or inactive.
            NoReplyError: nobody answered in time.
            BadRequestError: a field cannot be used.
            ConflictError: its id was sent before.
            UnavailableError: the database cannot be used.
        """
        from domain.message import MessageType  # noqa: PLC0415 - only here

        messaging = await self._begin_messaging()
        fields = {"type": MessageType.QUERY} | fields
        message, subject = await self._message(to_agent, content, from_agent, session, fields)
        return await messaging.requests.request(
            message, timeout_s=timeout_s, retries=retries, subject=subject
        )

    async def call_agent(self, to_agent: str, content: Content, **fields: Any) -> Message:
        """Ask as a synchronous call does: 5 s for each of 4 tries; see `ask_agent`."""
        choices = {"timeout_s": CALL_TIMEOUT_S, "retries": CALL_RETRIES} | fields
        return await self.ask_agent(to_agent, content, **choices)

    async def reply_to_message(
        self,
        request: Message,
        content: Content,
        *,
        type: MessageType | None = None,  # noqa: A002 - the field's name
        tokens_used: int = 0,
    ) -> SentView:
        """Answer a message that was received.

        Args:
            type: by default that of the usual answer, such as `data_response` to `data_request`.
            tokens_used: tokens that the answer took.

        Returns:
            The reply; dead as `late` when its request was given up.

        Raises:
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        subject = await self._subject(request.session_id)
        return await messaging.requests.reply(
            request, _content(content), type=type, tokens_used=tokens_used, subject=subject
        )

    async def ask_chain(
        self,
        handlers: Sequence[str],
        content: Content,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        from_agent: str = USER,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> ChainView:
        """Ask agents one after the other until one accepts (chain of responsibility).

        Args:
            handlers: agents, in order. One declines by a reply of type `task_reject`, `task_failed`
                or `error`; every other reply accepts. The content's `reason` is kept as why.
            timeout_s: seconds that each has to answer.

        Raises:
            BadRequestError: there are no handlers, or a field cannot be used.
            UnavailableError: the database cannot be used.
        """
        from domain.message import MessageType  # noqa: PLC0415 - only here

        messaging = await self._begin_messaging()
        fields = {"type": MessageType.TASK_REQUEST} | fields
        first = handlers[0] if handlers else USER
        message, subject = await self._message(first, content, from_agent, session, fields)
        return await messaging.chains.ask(message, handlers, timeout_s=timeout_s, subject=subject)

    async def subscribe(self, agent: str, pattern: str) -> None:
        """Let an agent get what is published on topics that fit a pattern.

        Args:
            pattern: words with dots between them; `*` stands for one word, `#` for any words.

        Raises:
            TopicError: this is no pattern.
            UnavailableError: the database cannot be used.
        """
        await (await self._begin_messaging()).topics.subscribe(agent, pattern)

    async def unsubscribe(self, agent: str, pattern: str) -> None:
        """Let an agent get nothing more on a pattern; raises as `subscribe` does."""
        await (await self._begin_messaging()).topics.unsubscribe(agent, pattern)

    async def publish(
        self,
        topic: str,
        content: Content,
        *,
        from_agent: str = USER,
        publication_id: UUID | None = None,
        session: str | UUID | None = None,
        **fields: Any,
    ) -> PublicationView:
        """Send a message to every agent that has subscribed to a topic, but its sender.

        Args:
            publication_id: repeat it to publish once however often it is tried.

        Raises:
            TopicError: this is no topic.
            BadRequestError: a field cannot be used.
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        message, subject = await self._message(USER, content, from_agent, session, fields)
        return await messaging.topics.publish(
            topic, message, publication_id=publication_id, subject=subject
        )

    async def spread_notice(  # noqa: PLR0913 - choices, all by keyword
        self,
        notice: dict[str, Any],
        agents: Sequence[str],
        *,
        from_agent: str = USER,
        fanout: int = FANOUT,
        rounds: int | None = None,
        seed: int | None = None,
    ) -> Gossip:
        """Spread a notification by gossip: each agent that hears it tells a few others.

        Args:
            agents: all that shall hear it.
            fanout: how many others each tells.
            rounds: how many rounds there are at most; by default enough to reach nearly all.
            seed: all draws follow from it; it stands in every message.

        Raises:
            BadRequestError: the fanout or the rounds are less than one.
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        gossip, _ = await messaging.gossiping.spread(
            notice, from_agent, agents, fanout=fanout, rounds=rounds, seed=seed
        )
        return gossip

    async def pass_on_notice(self, heard: Message) -> tuple[SentView, ...]:
        """Tell others what an agent heard by gossip.

        Raises:
            BadRequestError: the message is of no gossip.
            UnavailableError: the database cannot be used.
        """
        return await (await self._begin_messaging()).gossiping.pass_on(heard)

    async def requeue_message(self, message: str | UUID) -> SentView:
        """Send a message that expired or is dead once more, as a new one; only the first time.

        Raises:
            NotFoundError: there is no such message.
            ConflictError: it waits, or was delivered.
            UnavailableError: the database cannot be used.
        """
        messaging = await self._begin_messaging()
        return await messaging.messenger.requeue(as_uuid("message", message))

    async def sweep_messages(self) -> int:
        """End the messages whose time to live is over; tell how many.

        This happens by itself in every process that sends or receives.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return await (await self._begin_messaging()).messenger.sweep()

    async def _begin_messaging(self) -> Messaging:
        if self._messaging_begins is None:
            self._messaging_begins = asyncio.Lock()
        async with self._messaging_begins:
            if self._messaging is None:
                messaging = await asyncio.to_thread(self._house.new_messaging)
                await messaging.messenger.open()
                self._messaging = messaging
            return self._messaging

    async def _end_messaging(self) -> None:
        if self._messaging is not None:
            await self._messaging.messenger.close()

    async def _message(
        self,
        to_agent: str,
        content: Content,
        from_agent: str,
        session: str | UUID | None,
        fields: dict[str, Any],
    ) -> tuple[Message, str | None]:
        """Make a message of what a caller gave, and name the subject whose words it holds."""
        from domain.message import Message  # noqa: PLC0415 - only here

        session_id = None if session is None else await self._session_id(session)
        sessions = self._house.sessions
        message_id = sessions.ids.new()
        given = {
            "message_id": message_id,
            "conversation_id": session_id or message_id,
            "session_id": session_id,
            "from_agent": from_agent,
            "to_agent": to_agent,
            "content": _content(content),
            "sent_at": sessions.clock.now(),
        }
        return validated(Message, given | fields), await self._subject(session_id)

    async def _subject(self, session_id: UUID | None) -> str | None:
        if session_id is None:
            return None
        fold = await asyncio.to_thread(self._house.sessions.fold, session_id)
        return fold.session.charter.subject


def _content(content: Content) -> dict[str, Any]:
    return {"text": content} if isinstance(content, str) else content
