"""Sealing: what a subject said is in no stored byte, and comes back as it was or not at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from application.errors import UnavailableError
from domain.value import PERSONAL, Value, Words
from infrastructure.erasure.errors import SubjectForgottenError
from infrastructure.erasure.key_file import MasterKey
from infrastructure.erasure.marking import ERASED, HIDDEN, MarkError, find_parts, hide
from infrastructure.erasure.sealing import MEMBER
from infrastructure.event_log.errors import TamperedEventError
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper, personal_parts
from tests.support.event_values import attribute_types, event_classes, events_of
from tests.support.sealing import (
    SUBJECT,
    MemorySeals,
    envelope_of,
    key_of,
    open_texts,
    personal_values,
    without_words,
)

EXAMPLES = Path(__file__).parents[3] / "data" / "events"
AT = datetime(2026, 10, 3, 12, tzinfo=UTC)
PLAIN = EventMapper()
MARKER = "Anna-Schmidt"

ALL: list[Any] = sorted(event_classes(), key=lambda event_class: event_class.TOPIC)
EVENT_CLASSES = [event_class for event_class in ALL if personal_parts(event_class)]


def named(event_class: Any) -> str:
    return str(event_class.TOPIC)


def newest_example(event_class: Any) -> Any:
    version = getattr(event_class, "class_version", 1)
    state = (EXAMPLES / f"{event_class.TOPIC}.v{version}.json").read_bytes()
    stored = EnvelopedEvent(
        originator_id=UUID(int=1),
        originator_version=7,
        topic=event_class.TOPIC,
        state=state,
        occurred_at=AT,
        schema_version=version,
    )
    return PLAIN.to_domain_event(stored)


@pytest.fixture
def seals() -> MemorySeals:
    return MemorySeals()


@pytest.fixture
def mapper(seals: MemorySeals) -> EventMapper:
    return EventMapper(seals)


def a_turn(text: str = MARKER) -> Any:
    [turn_taken] = [it for it in EVENT_CLASSES if it.TOPIC == "conversation.turn_taken"]
    event = newest_example(turn_taken)
    event.__dict__["turn"] = event.turn.model_copy(update={"speaker": "USER", "text": text})
    return event


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_event_of_a_subject_comes_back_equal(event_class: Any, data: st.DataObject) -> None:
    event = data.draw(events_of(event_class))
    mapper = EventMapper(MemorySeals())

    stored = mapper.to_stored_event(event, envelope_of())

    assert mapper.to_domain_event(stored) == event
    assert mapper.to_stored_event(event, envelope_of()) == stored


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_personal_stands_in_the_open_part(event_class: Any, data: st.DataObject) -> None:
    event = data.draw(events_of(event_class))
    parts = personal_parts(event_class)
    assert parts is not None

    stored = EventMapper(MemorySeals()).to_stored_event(event, envelope_of())

    shown = from_json(stored.state)
    del shown[MEMBER]
    assert set(map(repr, personal_values(shown, parts))) <= {repr(HIDDEN)}
    plain = from_json(PLAIN.to_stored_event(event).state)
    assert without_words(shown, parts) == without_words(plain, parts)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_event_of_a_forgotten_subject_can_be_read_without_its_words(
    event_class: Any, data: st.DataObject
) -> None:
    event = data.draw(events_of(event_class))
    parts = personal_parts(event_class)
    assert parts is not None
    seals = MemorySeals()
    mapper = EventMapper(seals)
    stored = mapper.to_stored_event(event, envelope_of())
    seals.forgotten.add(SUBJECT)

    left = mapper.to_domain_event(stored)

    said = from_json(PLAIN.to_stored_event(left).state)
    assert set(map(repr, personal_values(said, parts))) <= {repr(ERASED)}
    plain = from_json(PLAIN.to_stored_event(event).state)
    assert without_words(said, parts) == without_words(plain, parts)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
def test_every_word_of_every_example_is_sealed(event_class: Any, mapper: EventMapper) -> None:
    event = newest_example(event_class)
    parts = personal_parts(event_class)
    assert parts is not None
    plain = PLAIN.to_stored_event(event).state
    said = [to_json(value) for value in personal_values(from_json(plain), parts)]
    assert said

    stored = mapper.to_stored_event(event, envelope_of())

    assert [words for words in said if words in stored.state] == []
    assert json.loads(stored.state)[MEMBER]


def test_an_event_without_a_subject_is_stored_as_it_is(mapper: EventMapper) -> None:
    stored = mapper.to_stored_event(a_turn(), envelope_of(None))

    assert stored.state == PLAIN.to_stored_event(a_turn()).state


def test_an_event_that_says_nothing_personal_is_stored_as_it_is(mapper: EventMapper) -> None:
    [started] = [it for it in event_classes() if named(it) == "task.started"]
    event = newest_example(started)

    stored = mapper.to_stored_event(event, envelope_of())

    assert stored.state == PLAIN.to_stored_event(event).state
    assert mapper.to_domain_event(stored) == event


def test_nothing_new_is_sealed_for_a_forgotten_subject(
    mapper: EventMapper, seals: MemorySeals
) -> None:
    seals.forgotten.add(SUBJECT)

    with pytest.raises(SubjectForgottenError, match=SUBJECT):
        mapper.to_stored_event(a_turn(), envelope_of())


def test_without_keys_events_of_subjects_are_neither_written_nor_read(mapper: EventMapper) -> None:
    with pytest.raises(UnavailableError, match="no keys are at hand"):
        PLAIN.to_stored_event(a_turn(), envelope_of())
    with pytest.raises(UnavailableError, match="no keys are at hand"):
        PLAIN.to_domain_event(mapper.to_stored_event(a_turn(), envelope_of()))


@pytest.mark.parametrize("text", [HIDDEN, f'"{HIDDEN}"', f',"{MEMBER}":"', '"}', "\\", "\x00"])
def test_words_that_look_like_a_seal_come_back_as_they_were(text: str, mapper: EventMapper) -> None:
    event = a_turn(text)

    assert mapper.to_domain_event(mapper.to_stored_event(event, envelope_of())) == event


def changes(stored: EnvelopedEvent) -> Iterator[Any]:
    """Change a stored event in every way that its seal must notice."""
    head, _, encoded = stored.state.rpartition(b'"sealed":"')
    sealed = bytearray(base64.b64decode(encoded[:-2]))
    for place in (0, 12, len(sealed) // 2, -1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        yield "a bit", with_state(stored, head, changed)
    yield "cut", with_state(stored, head, sealed[:-1])
    yield "empty", with_state(stored, head, b"")
    yield "no Base64", replace(stored, state=stored.state.replace(b'"sealed":"', b'"sealed":"*'))
    yield "the open part", replace(stored, state=stored.state.replace(b"USER", b"NOVA"))
    yield "its version", replace(stored, originator_version=8)
    yield "its stream", replace(stored, originator_id=UUID(int=9))
    yield "its event id", replace(stored, envelope=envelope_of(event_id=UUID(int=9)))
    yield "its subject", replace(stored, envelope=envelope_of("customer-43"))


def with_state(stored: EnvelopedEvent, head: bytes, sealed: bytes | bytearray) -> EnvelopedEvent:
    return replace(stored, state=head + b'"sealed":"' + base64.b64encode(sealed) + b'"}')


TURN = EventMapper(MemorySeals()).to_stored_event(a_turn(), envelope_of())


@pytest.mark.parametrize("changed", [pytest.param(it, id=how) for how, it in changes(TURN)])
def test_a_sealed_event_that_was_changed_is_named(changed: EnvelopedEvent) -> None:
    assert changed != TURN

    with pytest.raises(TamperedEventError, match=r"'conversation\.turn_taken'"):
        EventMapper(MemorySeals()).to_domain_event(changed)


def test_a_sealed_part_opens_in_no_other_event(mapper: EventMapper) -> None:
    other = mapper.to_stored_event(a_turn("other"), envelope_of(event_id=UUID(int=5)))
    _, _, encoded = other.state.rpartition(b'"sealed":"')
    head, _, _ = TURN.state.rpartition(b'"sealed":"')

    with pytest.raises(TamperedEventError):
        mapper.to_domain_event(replace(TURN, state=head + b'"sealed":"' + encoded))


def test_a_key_does_not_show_itself() -> None:
    assert SUBJECT not in repr(key_of(SUBJECT))
    assert "mmmm" not in repr(MasterKey(b"m" * 32))


OPEN_TEXTS = {
    "charter.workflow.name",
    "charter.workflow.procedures{key}",
    "charter.workflow.version",
    "handoff.from_agent",
    "handoff.to_agent",
    "judgement.chosen",
    "judgement.judge",
    "judgement.scores{key}",
    "tally.equivocators[]",
    "tally.rule",
    "tally.unconfirmed[]",
    "tally.votes{key}",
    "transition.metrics{key}",
    "trip.call_id",
    "trip.guardrail",
    *(
        f"{path}{name}"
        for path in ("charter.workflow.procedure.", "charter.workflow.procedures{}.")
        for name in (
            "assembly.by",
            "assembly.of[]",
            "auction.bidders[]",
            "coordinator",
            "negotiation.issues[].name",
            "negotiation.issues[].unit",
            "negotiation.parties[].agent",
            "negotiation.parties[].wants_low[]",
            "negotiation.parties[].weights{key}",
            "pattern",
            "supervision.monitor",
            "supervision.recovery",
            "tasks[].department",
            "tasks[].depends_on[]",
            "tasks[].key",
            "tasks[].skills[]",
            "team[]",
            "terms{key}",
            "terms{}.agent",
            "terms{}.context_from[]",
            "terms{}.guardrails[].kind",
            "terms{}.guardrails[].name",
            "terms{}.guardrails[].parameters{key}",
            "terms{}.guardrails[].parameters{}",
            "terms{}.handoffs[]",
            "terms{}.input_schema{key}",
            "terms{}.input_schema{}",
            "terms{}.model",
            "terms{}.output_schema{key}",
            "terms{}.output_schema{}",
            "terms{}.outputs[]",
            "terms{}.procedure",
            "terms{}.tool",
            "terms{}.tools[]",
            "validator",
        )
    ),
    "charter.models{}",
    "charter.models{key}",
    "charter.policy.version",
    "charter.subject",
    "charter.input_files[].sha256",
    "capabilities{key}",
    "capabilities{}.description",
    "capabilities{}.skills[]",
    "capabilities{}.tools[]",
    "intent.language",
    "artefacts[].media_type",
    "artefacts[].sha256",
    "answer.artefacts[].media_type",
    "answer.artefacts[].sha256",
    "result.artefacts[].media_type",
    "result.artefacts[].sha256",
    "participants[]",
    "turn.speaker",
    "turn.model",
    "assignment.key",
    "assignment.department",
    "assignment.skills[]",
    "holder",
    "delegation.from_agent",
    "delegation.to_agent",
    *(
        f"{path}decision.{name}"
        for path in ("", "delegation.")
        for name in (
            "strategy",
            "policy_version",
            "chosen",
            "candidates[].handle",
            "candidates[].parts{key}",
            "candidates[].facts{key}",
            "sources.embedder",
        )
    ),
    "capabilities{}.patterns[]",
    *(
        f"charter.{path}routing{key}"
        for path in ("policy.", "workflow.procedure.", "workflow.procedures{}.")
        for key in ("", "{key}")
    ),
    "charter.policy.recovery.other_models{key}",
    "charter.policy.recovery.other_models{}[]",
    "failure.artefacts[].media_type",
    "failure.artefacts[].sha256",
    "overrun.agent",
    "overrun.scope",
    "recovery.agent",
    "recovery.model",
    "plan.tasks[].key",
    "plan.tasks[].department",
    "plan.tasks[].skills[]",
    "plan.tasks[].depends_on[]",
    "task_ids{key}",
    "purpose",
    "model",
    "agent",
    "answer.model",
    "answer.tool_calls[].call_id",
    "answer.tool_calls[].tool",
    "answer.stop_reason",
    "call.call_id",
    "call.tool",
    "amendment.agent",
    "by",
    "system_user",
    *(
        f"request.{name}"
        for name in (
            *("agent", "rule", "approvers[]", "escalate_to[]", "call.call_id", "call.tool"),
            *("trip.guardrail", "trip.call_id", "decision.strategy", "decision.policy_version"),
            *("decision.chosen", "decision.candidates[].handle"),
            *("decision.candidates[].parts{key}", "decision.candidates[].facts{key}"),
            "decision.sources.embedder",
        )
    ),
    *(
        f"charter.policy.approvals[].{name}"
        for name in ("name", "tools[]", "departments[]", "approvers[]", "escalate_to[]")
    ),
    *(
        f"charter.policy.guardrails[].{name}"
        for name in ("name", "kind", "parameters{key}", "parameters{}")
    ),
}
"""Every text that stays readable for ever in the events of a session: names, and nothing said.

A new text is either marked as personal in the domain, or added here on purpose.
"""


def test_every_text_of_a_session_is_either_personal_or_stays_open_on_purpose() -> None:
    kinds = ("session.", "conversation.", "task.", "approval.")
    found = {
        path
        for event_class in event_classes()
        if event_class.TOPIC.startswith(kinds)
        for name, hint in attribute_types(event_class).items()
        for path in open_texts(hint, name)
    }

    assert found == OPEN_TEXTS


def test_no_attribute_is_named_as_the_sealed_part() -> None:
    names = {name for event_class in event_classes() for name in attribute_types(event_class)}

    assert MEMBER not in names


@pytest.mark.parametrize(
    "hint",
    [
        Annotated[int, PERSONAL],
        dict[Words, int],
        tuple[Words, int],
        Words | Annotated[dict[str, int], PERSONAL],
    ],
    ids=str,
)
def test_a_mark_that_cannot_be_obeyed_is_an_error(hint: Any) -> None:
    with pytest.raises(MarkError):
        find_parts({"attribute": hint})


def test_free_keys_and_members_of_unions_are_followed() -> None:
    class One(Value):
        said: Words
        number: int

    class Other(Value):
        told: Words

    parts = find_parts({"it": One | Other | None, "by_name": dict[str, Other], "plain": list[int]})

    assert parts is not None
    shown = hide(
        {"it": {"said": "x", "number": 1}, "by_name": {"a": {"told": "y"}}, "plain": [1]}, parts
    )
    assert shown == {
        "it": {"said": HIDDEN, "number": 1},
        "by_name": {"a": {"told": HIDDEN}},
        "plain": [1],
    }
