"""Message: all fields and types of the mission, and a life that ends once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import TransitionError
from domain.gossip import Gossip, enough_rounds, spread
from domain.message import DeadReason, Delivery, Message, MessageStatus, MessageType
from domain.priority import Priority
from domain.topic import matches
from tests.support.event_values import JSON, TEXT
from tests.support.given_when_then import AT

MESSAGE = Message(
    message_id=UUID(int=1),
    conversation_id=UUID(int=2),
    parent_id=UUID(int=3),
    from_agent="MASTERMIND",
    to_agent="FIN_DIR",
    route=("NOVA",),
    type=MessageType.TASK_REQUEST,
    content={"goal": "Q4"},
    priority=Priority.URGENT,
    sent_at=AT,
    time_to_live_s=60.0,
    shared_context={"quarter": "Q4"},
    user_context={"language": "en"},
    token_budget=4000,
    tokens_used=120,
)


def test_a_message_says_everything_that_the_mission_asks_for() -> None:
    """B6: every field of an inter-agent message survives the log's JSON."""
    assert Message.model_validate_json(MESSAGE.model_dump_json()) == MESSAGE
    assert {
        *("message_id", "conversation_id", "parent_id", "from_agent", "to_agent", "route"),
        *("type", "content", "priority", "sent_at", "time_to_live_s", "shared_context"),
        *("user_context", "token_budget", "tokens_used"),
    } <= Message.model_fields.keys()
    assert [each.value for each in Priority] == ["low", "normal", "high", "urgent"]


def test_there_is_a_type_for_every_purpose() -> None:
    """B7: message types."""
    assert {each.value for each in MessageType} == {
        *("text", "query", "response", "delegate", "escalate", "heartbeat", "status", "error"),
        *(f"task_{what}" for what in ("request", "accept", "reject", "progress", "complete")),
        *("task_failed", "data_request", "data_response"),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_to_live_s": 0},
        {"token_budget": -1},
        {"tokens_used": -1},
        {"to_agent": " "},
        {"sent_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - a time without a zone is the point
        {"type": "gossip"},
        {"attempt": 0},
    ],
)
def test_what_makes_no_sense_is_no_message(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Message.model_validate(MESSAGE.model_dump() | wrong)


@given(st.dictionaries(TEXT, JSON, max_size=4), st.integers(0, 400))
@settings(max_examples=60)
def test_a_content_that_was_packed_is_unpacked_as_it_was(
    content: dict[str, Any], limit: int
) -> None:
    message = MESSAGE.model_copy(update={"content": content})
    packed = message.pack(limit)

    assert packed.unpack() == message
    assert packed.pack(0).unpack() == message


@pytest.mark.parametrize("packed", ["[erased]", "zlib:*", "zlib:QUJD", "zlib:"])
def test_what_cannot_be_unpacked_stays_as_it_is(packed: str) -> None:
    message = MESSAGE.model_copy(update={"content": {}, "packed": packed})

    assert message.unpack() == message


def test_a_message_ends_once() -> None:
    delivery = Delivery.send(MESSAGE)
    delivery.deliver("FIN_DIR", "worker-1", AT)

    assert (delivery.status, delivery.delivered_by) == (MessageStatus.DELIVERED, "worker-1")
    again: list[Callable[[], None]] = [
        lambda: delivery.deliver("FIN_DIR", "worker-2", AT),
        lambda: delivery.expire(AT + timedelta(days=1)),
        lambda: delivery.die(DeadReason.REFUSED, "", AT),
        lambda: delivery.fail("worker-1", "no", AT),
    ]
    for command in again:
        with pytest.raises(TransitionError, match="'delivered'"):
            command()


def test_a_message_goes_to_nobody_else_and_not_after_its_time() -> None:
    delivery = Delivery.send(MESSAGE)

    with pytest.raises(TransitionError, match="FIN_DIR"):
        delivery.deliver("ANA_DIR", "here", AT)
    with pytest.raises(TransitionError, match="past its time"):
        delivery.deliver("FIN_DIR", "here", AT + timedelta(seconds=60))
    with pytest.raises(TransitionError, match="within its time"):
        delivery.expire(AT + timedelta(seconds=59))
    delivery.expire(AT + timedelta(seconds=60))
    assert delivery.status is MessageStatus.EXPIRED


def test_only_a_request_is_given_up_and_only_once() -> None:
    delivery = Delivery.send(MESSAGE)
    with pytest.raises(TransitionError, match="no request"):
        delivery.give_up(5.0, AT)
    asked = Delivery.send(MESSAGE.model_copy(update={"reply_within_s": 5.0}))
    asked.give_up(5.0, AT)
    with pytest.raises(TransitionError, match="given up"):
        asked.give_up(5.0, AT)
    assert asked.status is MessageStatus.WAITING


def test_a_life_longer_than_time_itself_never_ends() -> None:
    message = MESSAGE.model_copy(
        update={"time_to_live_s": 1e12, "sent_at": datetime(9999, 1, 1, tzinfo=UTC)}
    )

    assert message.expires_at is None


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("finance", "finance", True),
        ("finance", "finance.q4", False),
        ("finance.*", "finance.q4", True),
        ("finance.*", "finance", False),
        ("finance.*", "finance.q4.draft", False),
        ("finance.#", "finance", True),
        ("finance.#", "finance.q4.draft", True),
        ("#", "anything.at.all", True),
        ("#.draft", "finance.q4.draft", True),
        ("#.draft", "finance.q4", False),
        ("a.#.b.*", "a.b.b.c", True),
        ("a.#.b.*", "a.c.c", False),
    ],
)
def test_a_pattern_stands_for_one_word_or_any_words(
    *, pattern: str, topic: str, fits: bool
) -> None:
    assert matches(pattern, topic) is fits


@given(st.integers(2, 120), st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=40)
def test_a_gossip_can_be_told_again_from_its_seed(agents: int, fanout: int, seed: int) -> None:
    gossip = Gossip(
        gossip_id=UUID(int=9),
        seed=seed,
        agents=tuple(map(str, range(agents))),
        fanout=fanout,
        rounds=enough_rounds(agents, fanout),
    )
    told = spread(gossip, "0")

    assert told == spread(gossip, "0")
    assert len(told) <= gossip.rounds
    for teller, hearer in (pair for pairs in told for pair in pairs):
        assert hearer != teller
        assert hearer in gossip.targets(teller)
