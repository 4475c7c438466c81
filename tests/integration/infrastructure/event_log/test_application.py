"""The library's `Application` on our persistence module, with an aggregate of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    InfrastructureFactoryError,
    IntegrityError,
    StoredEvent,
)

from infrastructure.database import Connection

MODULE = "infrastructure.event_log.factory"


class Motion(Aggregate):
    """A motion before the house."""

    TOPIC = "motion"

    class Event(Aggregate.Event):
        pass

    class Created(Aggregate.Created):
        TOPIC = "motion.tabled"
        title: str

    class Voted(Aggregate.Event):
        TOPIC = "motion.voted"
        member: str
        aye: bool

    @event(Created)
    def __init__(self, title: str) -> None:
        self.title = title
        self.votes: dict[str, bool] = {}

    @event(Voted)
    def vote(self, member: str, aye: bool) -> None:  # noqa: FBT001 - an event's payload
        self.votes[member] = aye


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": MODULE, "HANSARD_DATABASE_URL": database_url}


@pytest.fixture
def house(environment: dict[str, str]) -> Iterator[Application[UUID]]:
    with Application[UUID](env=environment) as house:
        yield house


def test_an_aggregate_is_saved_and_loaded(house: Application[UUID]) -> None:
    motion = Motion("Adjourn")
    motion.vote("Ada", aye=True)
    motion.vote("Bob", aye=False)
    recordings = house.save(motion)
    assert [recording.notification.id for recording in recordings] == [1, 2, 3]
    loaded: Any = house.repository.get(motion.id)
    assert loaded == motion
    assert house.repository.get(motion.id, version=2).votes == {"Ada": True}


def test_an_unknown_aggregate_is_not_found(house: Application[UUID]) -> None:
    with pytest.raises(AggregateNotFoundError):
        house.repository.get(UUID(int=1))


def test_of_two_savers_the_second_conflicts(house: Application[UUID]) -> None:
    motion = Motion("Adjourn")
    house.save(motion)
    one: Any = house.repository.get(motion.id)
    other: Any = house.repository.get(motion.id)
    one.vote("Ada", aye=True)
    other.vote("Ada", aye=False)
    house.save(one)
    with pytest.raises(IntegrityError, match="at version 2, not 1"):
        house.save(other)


def test_notifications_are_decoded_as_they_were(house: Application[UUID]) -> None:
    motion = Motion("Adjourn")
    pending = list(motion.pending_events)
    house.save(motion)
    notifications = house.recorder.select_notifications(start=1, limit=10)
    assert [house.mapper.to_domain_event(one) for one in notifications] == pending


def test_names_not_module_paths_enter_the_log(
    house: Application[UUID], connection: Connection
) -> None:
    house.save(Motion("Adjourn"))
    rows = connection.execute("SELECT type, payload::text FROM hansard.event_log").fetchall()
    assert rows == [("motion.tabled", '{"title": "Adjourn"}')]


def test_what_the_log_does_not_offer_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(InfrastructureFactoryError, match="IS_SNAPSHOTTING_ENABLED"):
        Application[UUID](env=environment | {"IS_SNAPSHOTTING_ENABLED": "y"})
    compressing = environment | {"COMPRESSOR_TOPIC": "zlib"}
    with pytest.raises(InfrastructureFactoryError, match="plain JSON"):
        Application[UUID](env=compressing)
    foreign = environment | {"TRACKING_RECORDER_TOPIC": "eventsourcing.popo:POPOTrackingRecorder"}
    with (
        Application[UUID](env=foreign) as house,
        pytest.raises(InfrastructureFactoryError, match="subclass of PostgresTracking"),
    ):
        house.factory.tracking_recorder()


def test_streams_alone_are_read_as_they_were_written(house: Application[UUID]) -> None:
    motion = Motion("Adjourn")
    pending = list(motion.pending_events)
    streams = house.factory.aggregate_recorder()
    stored = [house.mapper.to_stored_event(event) for event in pending]
    streams.insert_events(stored)
    read = streams.select_events(motion.id)
    plain = [StoredEvent(e.originator_id, e.originator_version, e.topic, e.state) for e in stored]
    assert read == plain
    assert {*read} == {*plain}
    assert read == streams.select_events(motion.id)
    assert read != [replace(event, state=b"{}") for event in plain]
    assert read[0] != "something else"
    assert [house.mapper.to_domain_event(event) for event in read] == pending
