"""Conversation: turns between participants, in order."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.errors import TransitionError
from domain.value import NonEmptyText, Value, Words

USER = "USER"
"""The participant's name of the human who speaks to Nova."""


class Turn(Value):
    """One utterance.

    Attributes:
        speaker: handle of the agent, or `USER`.
        text: untrusted when a model wrote it.
        model: the model that wrote it, if one did.
    """

    turn_id: UUID
    speaker: NonEmptyText
    text: Words
    model: str | None = None


class Conversation(Aggregate):
    """Aggregate of one conversation within a session."""

    TOPIC = "conversation"

    class Event(Aggregate.Event):
        """An event of a conversation."""

    class Created(Aggregate.Created):
        """The participants met."""

        TOPIC = "conversation.started"
        session_id: UUID
        participants: tuple[str, ...]

    class Continued(Aggregate.Event):
        """A fork goes on with a conversation of its parent, `origin`, in a stream of its own."""

        TOPIC = "conversation.continued"
        origin: UUID

    class TurnTaken(Aggregate.Event):
        """A participant said something."""

        TOPIC = "conversation.turn_taken"
        turn: Turn

    @event(Created)
    def __init__(self, session_id: UUID, participants: tuple[str, ...]) -> None:
        self.session_id = session_id
        self.participants = participants
        self.turns: list[Turn] = []

    @classmethod
    def start(
        cls, conversation_id: UUID, session_id: UUID, participants: tuple[str, ...], at: datetime
    ) -> Conversation:
        """Start a conversation between participants."""
        return cls._create(
            cls.Created,
            id=conversation_id,
            timestamp=at,
            session_id=session_id,
            participants=participants,
        )

    def take_turn(self, turn: Turn, at: datetime) -> None:
        """Add a turn of one of the participants."""
        if turn.speaker not in self.participants:
            raise TransitionError(
                f"Conversation {str(self.id)!r}",
                f"between {', '.join(self.participants)}",
                f"take a turn of {turn.speaker!r}",
            )
        self._turn_taken(turn=turn, timestamp=at)

    @event(TurnTaken)
    def _turn_taken(self, turn: Turn, timestamp: datetime) -> None:
        self.turns.append(turn)
