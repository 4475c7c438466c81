"""Messenger: sends messages and hands them over, each at most once, however many processes ask.

What waits is known in memory (the board) and decided in the log: a message counts as delivered when
the event that says so is the next one of its stream, which only one process can write.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from uuid import UUID

from application.errors import ApplicationError, ConflictError, NotFoundError
from application.messaging.arrivals import Arrivals
from application.messaging.board import Board, Waiting
from application.messaging.handover import Handover
from application.messaging.ports import MessageFeed, Recipients
from application.messaging.sweeping import Sweeper
from application.messaging.views import SentView
from application.ports import Clock, Entry, EventLog, IdFactory
from domain.event import SYSTEM, Envelope, RecordedEvent
from domain.message import DeadReason, Delivery, Message, MessageStatus

PACK_OVER_BYTES = 4_096
"""A content of more bytes than this is compressed in the log."""

LATE = "the request was given up before this reply came"

logger = logging.getLogger(__name__)


class Messenger:
    """Sends and receives on one event loop; `open` begins it and `close` ends it.

    Args:
        feed: tells of messages that other processes send and take.
        who: names this process in what it delivers.
        pack_over_bytes: a larger content is compressed in the log.
    """

    def __init__(  # noqa: PLR0913 - its ports
        self,
        log: EventLog,
        clock: Clock,
        ids: IdFactory,
        recipients: Recipients,
        feed: MessageFeed,
        *,
        who: str,
        pack_over_bytes: int = PACK_OVER_BYTES,
    ) -> None:
        self.log = log
        self.clock = clock
        self.ids = ids
        self.who = who
        self.board = Board()
        self._recipients = recipients
        self._feed = feed
        self._pack_over = pack_over_bytes
        self.arrivals = Arrivals(self._keep)
        self._burying: set[asyncio.Task[None]] = set()
        self._handover = Handover(self.board, self.arrivals, who)
        self._kept: dict[str, deque[Message]] = {}
        self._incoming: deque[RecordedEvent] = deque()
        self._sweeper = Sweeper(self)

    async def open(self) -> None:
        """Learn what waits, and follow the log from there on.

        Raises:
            UnavailableError: the database cannot be used.
        """
        await asyncio.to_thread(self._load)
        self._take_in(())
        loop = asyncio.get_running_loop()

        def deliver(events: Sequence[RecordedEvent]) -> None:
            self._incoming.extend(events)
            loop.call_soon_threadsafe(self._drain)

        self._feed.follow(deliver)
        self._sweeper.begin()

    async def close(self) -> None:
        """Stop to follow the log; what waits, waits in the log."""
        await asyncio.to_thread(self._feed.stop)
        await self._sweeper.end()
        await asyncio.gather(*self._burying, return_exceptions=True)

    async def send(self, message: Message, subject: str | None = None) -> SentView:
        """Send a message; see `send_many`."""
        [sent] = await self.send_many([message], subject)
        return sent

    async def send_many(
        self, messages: Sequence[Message], subject: str | None = None, *, by_id: bool = False
    ) -> tuple[SentView, ...]:
        """Send messages in one append, all or none; what was sent before is not sent again.

        One that can never be delivered is recorded as dead at once.

        Args:
            subject: the person whose words they hold, who can be forgotten.
            by_id: whether one whose id was sent before is the same whatever it said.

        Raises:
            ConflictError: an id was sent before with another content, or the subject was forgotten.
            UnavailableError: the database cannot be used. They may have been sent all the same; to
                send them again is safe.
        """
        deliveries = [await self.sending(each) for each in messages]
        try:
            with self._handover.of(deliveries, self.clock.now()):
                return await self.record_sent(deliveries, subject)
        except ConflictError:
            return tuple(
                [await self._send_unless_known(each, subject, by_id=by_id) for each in messages]
            )

    async def record_sent(
        self, deliveries: Sequence[Delivery], subject: str | None = None, *before: Entry
    ) -> tuple[SentView, ...]:
        """Append what was sent, see `record_all`, and tell of each."""
        recorded = await self.record_all(deliveries, subject, before)
        positions = {
            each.event.originator_id: each.position
            for each in recorded
            if isinstance(each.event, Delivery.Created)
        }
        return tuple(
            SentView(
                message_id=delivery.message.message_id,
                position=positions[delivery.message.message_id],
                dead=delivery.dead_reason,
            )
            for delivery in deliveries
        )

    async def record_all(
        self, deliveries: Sequence[Delivery], subject: str | None, before: Sequence[Entry]
    ) -> Sequence[RecordedEvent]:
        """Append what was sent, behind other entries, all or none.

        Raises:
            ConflictError: something of it was recorded before.
            UnavailableError: the database cannot be used.
        """
        entries = [*before]
        for delivery in deliveries:
            entries += self._entries(delivery, delivery.message.from_agent, subject=subject)
        return await self.append(entries)

    async def sending(self, message: Message) -> Delivery:
        """Make the delivery of a message, which `record_sent` takes; it may be dead at once."""
        delivery = Delivery.send(message.pack(self._pack_over))
        refusal, detail = await self._recipients.refusal(message.to_agent), ""
        if refusal is None and self.board.is_late(message):
            refusal, detail = DeadReason.LATE, LATE
        if refusal is not None:
            delivery.die(refusal, detail, max(self.clock.now(), message.sent_at))
        return delivery

    async def send_late(self, message: Message, subject: str | None = None) -> SentView:
        """Record a reply for which nobody waits any more; it is dead.

        Raises:
            UnavailableError: the database cannot be used.
        """
        delivery = await self.sending(message)
        if delivery.status is MessageStatus.WAITING:
            delivery.die(DeadReason.LATE, LATE, max(self.clock.now(), message.sent_at))
        [sent] = await self.record_sent([delivery], subject)
        return sent

    async def receive(self, agent: str, *, timeout_s: float | None = None) -> Message | None:
        """Take the most urgent message for an agent; once it is given, nobody else gets it.

        That it was delivered is recorded before it is given.

        Args:
            timeout_s: seconds to wait for one; None for as long as it takes.

        Returns:
            The message with its content as it was written; None when none came in time.

        Raises:
            UnavailableError: the database cannot be used; the message goes on waiting.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout_s is None else loop.time() + timeout_s
        while True:
            kept = self._kept.get(agent)
            if kept:
                return kept.popleft()
            while (waiting := self.board.take(agent)) is not None:
                message = await self.deliver(waiting)
                if message is not None:
                    return message
            arrival = await self.arrivals.wait(agent, deadline, claimable=True)
            if arrival.message is not None or not arrival.came:
                return arrival.message

    def _keep(self, message: Message) -> None:
        """Keep a message that was delivered here for whoever asks next."""
        self._kept.setdefault(message.to_agent, deque()).append(message)
        self.arrivals.wake(message.to_agent)

    async def deliver(self, waiting: Waiting) -> Message | None:
        """Record that a message which was taken is delivered; None when it was not.

        Raises:
            UnavailableError: the database cannot be used; the message goes on waiting.
        """
        message, at = waiting.message, self.clock.now()
        if waiting.delivery.is_expired(at):
            await self.settle([waiting], lambda delivery: delivery.expire(at))
            return None
        refusal = await self._recipients.refusal(message.to_agent)
        if refusal is not None:
            await self.settle([waiting], lambda delivery: delivery.die(refusal, "", at))
            return None
        try:
            delivered = await self.settle(
                [waiting], lambda delivery: delivery.deliver(message.to_agent, self.who, at)
            )
        except asyncio.CancelledError:
            if waiting.delivery.status is MessageStatus.DELIVERED:
                self._keep(message.unpack())
            raise
        return message.unpack() if delivered else None

    async def settle(
        self, waiting: Sequence[Waiting], command: Callable[[Delivery], None]
    ) -> list[Waiting]:
        """Record what becomes of messages that were taken; tell of which it could be recorded.

        What another process has brought further meanwhile is taken in as it is in the log.

        Raises:
            ConflictError: what is said of one cannot be recorded, since its subject was forgotten.
            UnavailableError: the database cannot be used; the messages go on waiting.
        """
        versions = [each.delivery.version for each in waiting]
        try:
            entries = [entry for each in waiting for entry in self._settling(each, command)]
            await self.append(entries)
        except ConflictError:
            if len(waiting) > 1:
                return [each for one in waiting for each in await self.settle([one], command)]
            [one], [known] = waiting, versions
            now = await asyncio.to_thread(self.log.load, Delivery, one.message.message_id)
            if now.version == known:
                raise
            self.board.correct(one, now)
            self.tell_arrived()
            return []
        except BaseException:
            for each in waiting:
                self.put_back(each)
            raise
        return list(waiting)

    def put_back(self, waiting: Waiting) -> None:
        """Let others here take a message that was taken, unless it has come to its end."""
        self.board.put_back(waiting)
        self.tell_arrived()

    async def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        """Append, and take in what was recorded, also when the caller is cancelled meanwhile."""
        if not entries:
            return ()
        append = asyncio.ensure_future(self.log.append_async(entries))
        try:
            recorded = await asyncio.shield(append)
        except asyncio.CancelledError:
            [outcome] = await asyncio.gather(append, return_exceptions=True)
            if not isinstance(outcome, BaseException):
                self._appended(outcome)
            raise
        self._appended(recorded)
        return recorded

    async def sweep(self) -> int:
        """End the messages whose time to live is over; tell how many.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return await self._sweeper.sweep()

    async def requeue(self, message_id: UUID) -> SentView:
        """Send a message that expired or is dead once more, as a new one; only the first time.

        Raises:
            NotFoundError: there is no such message.
            ConflictError: it waits, or was delivered.
        """
        found = await asyncio.to_thread(self._find_sent, message_id)
        if found is None:
            raise NotFoundError(
                "message", message_id, "`hansard messages dead` lists dead letters."
            )
        first, delivery = found
        if delivery.status not in {MessageStatus.EXPIRED, MessageStatus.DEAD}:
            raise ConflictError(
                f"Message {str(message_id)!r} is {delivery.status.value}: only one that expired or"
                " is dead can be requeued."
            )
        again = delivery.message.unpack().requeued(self.clock.now())
        return await self.send(again, first.envelope.subject)

    async def _send_unless_known(
        self, message: Message, subject: str | None, *, by_id: bool
    ) -> SentView:
        try:
            [sent] = await self.record_sent([await self.sending(message)], subject)
        except ConflictError as error:
            known = await asyncio.to_thread(self._find_sent, message.message_id)
            if known is None:
                raise
            first, delivery = known
            same = {"sent_at": delivery.message.sent_at}
            told = message.unpack().model_copy(update=same)
            if not by_id and delivery.message.unpack() != told:
                raise ConflictError(
                    f"Message {str(message.message_id)!r} was sent before with another content:"
                    " give each message an id of its own."
                ) from error
            return SentView(
                message_id=message.message_id,
                position=first.position,
                duplicate=True,
                dead=delivery.dead_reason,
            )
        return sent

    def _find_sent(self, message_id: UUID) -> tuple[RecordedEvent, Delivery] | None:
        first = next(iter(self.log.read(stream=message_id, limit=1)), None)
        if first is None or not isinstance(first.event, Delivery.Created):
            return None
        return first, self.log.load(Delivery, message_id)

    def _settling(self, waiting: Waiting, command: Callable[[Delivery], None]) -> list[Entry]:
        """Give the events of a command; what is known here changes once they are recorded."""
        ahead = copy(waiting.delivery)
        vars(ahead).update(_pending_events=[], attempts=[*ahead.attempts])
        command(ahead)
        return self._entries(ahead, SYSTEM, cause=waiting.latest, subject=waiting.subject)

    def _entries(
        self,
        delivery: Delivery,
        actor: str,
        *,
        cause: UUID | None = None,
        subject: str | None = None,
    ) -> list[Entry]:
        entries = []
        for event in delivery.collect_events():
            event_id = self.ids.new()
            envelope = Envelope(
                event_id=event_id,
                actor=actor if isinstance(event, Delivery.Created) else SYSTEM,
                correlation_id=delivery.message.conversation_id,
                causation_id=cause,
                subject=subject if _has_words(event) else None,
            )
            entries.append(Entry(event, envelope))
            cause = event_id
        return entries

    def _load(self) -> None:
        for recorded in self._feed.read():
            self.board.take_in(recorded)

    def _drain(self) -> None:
        incoming, self._incoming = self._incoming, deque()
        self._take_in(incoming)

    def _appended(self, recorded: Sequence[RecordedEvent]) -> None:
        self._feed.pass_over([each.position for each in recorded])
        self._handover.note(recorded)
        self._take_in(recorded)

    def _take_in(self, events: Iterable[RecordedEvent]) -> None:
        due = self.board.next_due
        for recorded in events:
            self.board.take_in(recorded)
        self.tell_arrived()
        if self.board.next_due != due:
            self._sweeper.look()
        if self.board.late:
            task = asyncio.get_running_loop().create_task(self._bury_late())
            self._burying.add(task)
            task.add_done_callback(self._burying.discard)

    def tell_arrived(self) -> None:
        """Wake those for whom something has come."""
        arrived, self.board.arrived = self.board.arrived, []
        for key in arrived:
            if not isinstance(key, str) or self.board.has_for(key):
                self.arrivals.wake(key)

    async def _bury_late(self) -> None:
        late = [*self.board.late]
        self.board.late.clear()
        at = self.clock.now()
        try:
            await self.settle(late, lambda delivery: delivery.die(DeadReason.LATE, LATE, at))
        except ApplicationError as error:
            logger.warning("Replies that came too late cannot be recorded as dead now: %s", error)


def _has_words(event: object) -> bool:
    """Tell whether an event says something that has to be sealed."""
    match event:
        case Delivery.Created():
            return True
        case Delivery.Dead(detail=words) | Delivery.Attempted(failure=words):
            return bool(words) and words != LATE
    return False
