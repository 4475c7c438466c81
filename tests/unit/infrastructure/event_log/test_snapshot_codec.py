"""Snapshot codec: a state comes back exactly as it was, or is not written at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import domain
from domain.agent import Agent
from domain.conversation import USER, Conversation, Turn
from domain.shard import Shard
from domain.task import Task
from infrastructure.event_log import snapshot_codec
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.snapshot_codec import (
    STATES,
    UnfitStateError,
    decode_state,
    domain_digest,
    encode_state,
    fingerprint_of,
)
from tests.support.careers import LONG_LIVED, careers, fold
from tests.support.office import office

MAPPER = EventMapper()
AT = datetime(2026, 10, 3, 12, tzinfo=UTC)


def conversation() -> Conversation:
    held = Conversation.start(UUID(int=1), UUID(int=2), (USER, "NOVA_001"), AT)
    held.take_turn(Turn(turn_id=UUID(int=3), speaker=USER, text="Hello"), AT)
    held.collect_events()
    return held


@pytest.mark.parametrize("kind", LONG_LIVED, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_snapshot_at_any_version_and_the_events_after_it_equal_the_plain_replay(
    kind: type[Aggregate], data: st.DataObject
) -> None:
    events = [MAPPER.to_domain_event(MAPPER.to_stored_event(it)) for it in data.draw(careers(kind))]
    version = data.draw(st.integers(1, len(events)))

    restored = decode_state(kind, encode_state(fold(events[:version])))
    caught_up, replayed = fold(events[version:], restored), fold(events)

    assert vars(caught_up) == vars(replayed)
    assert repr(caught_up) == repr(replayed)


def test_every_state_of_a_whole_session_and_its_organisation_comes_back() -> None:
    desk = office()
    desk.run()
    streams: dict[UUID, list[Any]] = {}
    for recorded in desk.log.events:
        streams.setdefault(recorded.event.originator_id, []).append(recorded.event)

    kinds = set()
    for events in streams.values():
        for version in range(1, len(events) + 1):
            aggregate = fold(events[:version])
            assert decode_state(type(aggregate), encode_state(aggregate)) == aggregate
            kinds.add(type(aggregate))
    assert kinds == set(LONG_LIVED) - {Shard}  # only workers use shards


@pytest.mark.parametrize("kind", LONG_LIVED, ids=lambda kind: kind.__name__)
def test_every_aggregate_that_lives_long_has_a_state(kind: type[Aggregate]) -> None:
    assert kind in STATES


def test_a_restored_aggregate_goes_on_as_the_other_one() -> None:
    held = conversation()
    restored = decode_state(Conversation, encode_state(held))
    turn = Turn(turn_id=UUID(int=4), speaker="NOVA_001", text="Good day")

    held.take_turn(turn, AT)
    restored.take_turn(turn, AT)

    assert restored == held
    assert restored.collect_events() == held.collect_events()


def test_a_state_is_plain_json_without_names_of_classes_or_modules() -> None:
    assert encode_state(conversation()) == (
        b'{"id":"00000000-0000-0000-0000-000000000001","version":2,'
        b'"created_on":"2026-10-03T12:00:00Z","modified_on":"2026-10-03T12:00:00Z",'
        b'"session_id":"00000000-0000-0000-0000-000000000002","participants":["USER","NOVA_001"],'
        b'"turns":[{"turn_id":"00000000-0000-0000-0000-000000000003","speaker":"USER",'
        b'"text":"Hello","model":null}]}'
    )


def test_an_attribute_that_no_state_knows_is_not_lost_silently() -> None:
    held: Any = conversation()
    held.mood = "cheerful"

    with pytest.raises(UnfitStateError, match="would not come back as it was"):
        encode_state(held)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("turns", ["Hello"], id="not of its type"),
        pytest.param("participants", ["USER", "NOVA_001"], id="a list for a tuple"),
        pytest.param("participants", ("\ud800",), id="no Unicode text"),
    ],
)
def test_a_value_that_would_come_back_changed_is_not_written(name: str, value: object) -> None:
    held: Any = conversation()
    setattr(held, name, value)

    with pytest.raises(UnfitStateError):
        encode_state(held)


@pytest.mark.parametrize(
    "state",
    [b"", b"not json", b"{}", b"[]", b"\xff", encode_state(conversation())[:-1], b"[" * 100_000],
)
def test_what_is_no_state_is_said_to_be_none(state: bytes) -> None:
    with pytest.raises(UnfitStateError, match="no state of Conversation"):
        decode_state(Conversation, state)


def test_a_state_of_another_aggregate_is_not_taken() -> None:
    with pytest.raises(UnfitStateError, match="no state of Task"):
        decode_state(Task, encode_state(conversation()))


@pytest.fixture
def forgetful() -> Any:
    """Forget what was hashed, before and after."""
    caches = (fingerprint_of, domain_digest, snapshot_codec._codec)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


def test_a_fingerprint_is_of_one_aggregate_and_stays_while_the_code_does(forgetful: None) -> None:
    before = {kind: fingerprint_of(kind) for kind in STATES}
    fingerprint_of.cache_clear()

    assert {kind: fingerprint_of(kind) for kind in STATES} == before
    assert len(set(before.values())) == len(STATES)


def test_a_changed_line_of_the_domain_changes_the_fingerprint(
    forgetful: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = fingerprint_of(Agent)
    for path in Path(str(domain.__file__)).parent.rglob("*.py"):
        copy = tmp_path / path.relative_to(Path(str(domain.__file__)).parent)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    monkeypatch.setattr(domain, "__file__", str(tmp_path / "__init__.py"))
    fingerprint_of.cache_clear()
    domain_digest.cache_clear()
    assert fingerprint_of(Agent) == before

    source = tmp_path / "agent.py"
    source.write_text(source.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    fingerprint_of.cache_clear()
    domain_digest.cache_clear()
    assert fingerprint_of(Agent) != before


def test_a_changed_state_or_format_changes_the_fingerprint(
    forgetful: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint_of(Agent)

    monkeypatch.setattr(snapshot_codec, "FORMAT", snapshot_codec.FORMAT + 1)
    fingerprint_of.cache_clear()
    other_format = fingerprint_of(Agent)
    monkeypatch.undo()
    monkeypatch.setattr(snapshot_codec, "STATES", STATES | {Agent: STATES[Conversation]})
    fingerprint_of.cache_clear()
    snapshot_codec._codec.cache_clear()

    assert len({before, other_format, fingerprint_of(Agent)}) == 3
