"""Snapshots: they save work, and whatever happens to them, only events say what is."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from application.errors import NotFoundError
from application.ports import Entry
from domain.conversation import USER, Conversation, Turn
from domain.event import Envelope
from domain.session import Session
from infrastructure.database import Connection
from infrastructure.erasure.marking import Fields
from infrastructure.erasure.sealing import Place
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.snapshots import PostgresSnapshots, SnapshotPolicy, StoredSnapshot
from tests.contracts.event_log import EventLogContract
from tests.support.event_log import IDS
from tests.support.given_when_then import AT

EVERY = 10


class OpenSeals:
    """Leaves the words of subjects readable."""

    def seal(self, payload: bytes, *_: Fields | Place) -> bytes:
        return payload

    def open(self, payload: bytes, *_: Place) -> bytes:
        return payload


class CountingMapper(EventMapper):
    """Counts the events it decodes."""

    decoded = 0

    def to_domain_event(self, stored_event: Any) -> Any:
        self.decoded += 1
        return super().to_domain_event(stored_event)


@dataclass
class Bench:
    """A log with snapshots after every tenth event, and the same log without."""

    log: PostgresEventLog
    plain: PostgresEventLog
    mapper: CountingMapper
    connection: Connection

    def talk(self, turns: int, held: Conversation | None = None, **choices: Any) -> Conversation:
        """Let the user speak, in a new conversation or in one that goes on."""
        held = held or Conversation.start(IDS.new(), IDS.new(), (USER, "NOVA_001"), AT)
        for number in range(turns):
            text = f"Turn {number} of {held.id}"
            held.take_turn(Turn(turn_id=IDS.new(), speaker=USER, text=text), AT)
        self.log.append(
            [
                Entry(event, Envelope(IDS.new(), USER, held.id, **choices))
                for event in held.collect_events()
            ]
        )
        return held

    def decoded_by_loading(self, stream: UUID) -> int:
        """Count the events that a load decodes, and hold that it gives what a replay gives."""
        expected = self.plain.load(Conversation, stream)
        before = self.mapper.decoded
        loaded = self.log.load(Conversation, stream)
        assert vars(loaded) == vars(expected)
        assert repr(loaded) == repr(expected)
        return self.mapper.decoded - before

    def versions(self) -> dict[UUID, int]:
        """Tell the versions of all snapshots, by stream."""
        rows = self.connection.execute("SELECT stream, version FROM hansard.snapshots")
        return dict(rows.fetchall())

    def snapshot_of(self, stream: UUID) -> StoredSnapshot:
        """Read the snapshot of a stream."""
        row = self.connection.execute(
            "SELECT stream, version, event_id, fingerprint, state FROM hansard.snapshots"
            " WHERE stream = %s",
            (stream,),
        ).fetchone()
        assert row is not None
        return StoredSnapshot(*row)

    def forge(self, snapshot: StoredSnapshot) -> None:
        """Put a snapshot into the place of the one there is, with a digest that fits."""
        self.connection.execute(
            "UPDATE hansard.snapshots SET version = %s, event_id = %s, fingerprint = %s,"
            " state = %s, digest = %s WHERE stream = %s",
            (*snapshot[1:], snapshot.digest, snapshot.stream),
        )


@pytest.fixture
def bench(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Connection], connection: Connection
) -> Bench:
    mapper = CountingMapper(OpenSeals())
    snapshots = PostgresSnapshots(pool, SnapshotPolicy(every=EVERY))
    plain = PostgresEventLog(recorder, EventMapper(OpenSeals()))
    return Bench(PostgresEventLog(recorder, mapper, snapshots), plain, mapper, connection)


def test_a_short_stream_leaves_no_snapshot(bench: Bench) -> None:
    held = bench.talk(EVERY - 1)

    assert bench.decoded_by_loading(held.id) == held.version == EVERY
    assert bench.versions() == {}


def test_a_long_stream_is_replayed_once_and_goes_on_from_its_snapshot(bench: Bench) -> None:
    held = bench.talk(EVERY + 3)

    assert bench.decoded_by_loading(held.id) == held.version
    assert bench.versions() == {held.id: held.version}
    assert bench.decoded_by_loading(held.id) == 0
    bench.talk(4, held)
    assert bench.decoded_by_loading(held.id) == 4
    assert bench.versions() == {held.id: held.version - 4}


def test_a_snapshot_is_taken_anew_when_more_events_than_the_policy_says_came_after_it(
    bench: Bench,
) -> None:
    held = bench.talk(EVERY)
    bench.decoded_by_loading(held.id)

    bench.talk(EVERY, held)
    assert bench.decoded_by_loading(held.id) == EVERY
    assert bench.versions() == {held.id: held.version - EVERY}
    bench.talk(1, held)
    assert bench.decoded_by_loading(held.id) == EVERY + 1
    assert bench.versions() == {held.id: held.version}


def test_appending_takes_no_snapshot(bench: Bench) -> None:
    bench.talk(5 * EVERY)

    assert bench.versions() == {}


def test_an_aggregate_from_a_snapshot_can_be_appended_to(bench: Bench) -> None:
    held = bench.talk(EVERY)
    bench.decoded_by_loading(held.id)

    bench.talk(1, bench.log.load(Conversation, held.id))

    assert bench.plain.load(Conversation, held.id).version == held.version + 1


def test_a_snapshot_is_not_of_another_aggregate(bench: Bench) -> None:
    held = bench.talk(EVERY)
    bench.decoded_by_loading(held.id)

    with pytest.raises(NotFoundError, match="No session"):
        bench.log.load(Session, held.id)
    assert bench.decoded_by_loading(held.id) == 0


def test_a_long_stream_of_another_kind_leaves_no_snapshot(bench: Bench) -> None:
    held = bench.talk(EVERY)

    with pytest.raises(NotFoundError, match="No session"):
        bench.log.load(Session, held.id)
    assert bench.versions() == {}


def test_words_of_a_subject_are_in_no_snapshot(bench: Bench) -> None:
    held = bench.talk(3 * EVERY, subject="customer-42")

    for _ in range(2):
        assert bench.decoded_by_loading(held.id) == held.version
    assert bench.versions() == {}


def test_words_of_a_subject_do_not_get_into_a_snapshot_later(bench: Bench) -> None:
    held = bench.talk(EVERY)
    bench.decoded_by_loading(held.id)
    version = held.version

    bench.talk(3 * EVERY, held, subject="customer-42")

    for _ in range(2):
        assert bench.decoded_by_loading(held.id) == 3 * EVERY
    assert bench.versions() == {held.id: version}


DAMAGES = {
    "deleted": "DELETE FROM hansard.snapshots",
    "truncated": "TRUNCATE hansard.snapshots",
    "of a lower version": "UPDATE hansard.snapshots SET version = version - 1",
    "of a future version": "UPDATE hansard.snapshots SET version = 1000000",
    "of version 0": "UPDATE hansard.snapshots SET version = 0",
    "of the lowest version": "UPDATE hansard.snapshots SET version = -2147483648",
    "after another event": "UPDATE hansard.snapshots SET event_id = gen_random_uuid()",
    "of other code": "UPDATE hansard.snapshots SET fingerprint = sha256('other')",
    "of no code": "UPDATE hansard.snapshots SET fingerprint = ''",
    "with another digest": "UPDATE hansard.snapshots SET digest = sha256('other')",
    "without a state": "UPDATE hansard.snapshots SET state = ''",
    "with one bit changed": "UPDATE hansard.snapshots"
    " SET state = set_bit(state, 4000, 1 - get_bit(state, 4000))",
    "with another word": "UPDATE hansard.snapshots SET state ="
    " convert_to(replace(convert_from(state, 'UTF8'), 'Turn 1 ', 'Turn 9 '), 'UTF8')",
    "of another log": "UPDATE hansard.snapshots SET log = 2",
    "of another stream": "UPDATE hansard.snapshots SET stream = gen_random_uuid()",
    "with its table gone": "DROP TABLE hansard.snapshots",
    "of another shape": "ALTER TABLE hansard.snapshots DROP COLUMN digest",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_snapshot_that_was_meddled_with_is_not_used(bench: Bench, damage: str) -> None:
    held = bench.talk(EVERY + 3)
    bench.decoded_by_loading(held.id)

    bench.connection.execute(damage)

    assert bench.decoded_by_loading(held.id) == held.version


@pytest.mark.parametrize("damage", list(DAMAGES.values())[:13], ids=list(DAMAGES)[:13])
def test_a_snapshot_that_was_meddled_with_is_made_anew(bench: Bench, damage: str) -> None:
    held = bench.talk(EVERY + 3)
    bench.decoded_by_loading(held.id)
    good = bench.snapshot_of(held.id)

    bench.connection.execute(damage)
    bench.decoded_by_loading(held.id)

    assert bench.snapshot_of(held.id) == good
    assert bench.decoded_by_loading(held.id) == 0


def other_stream(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    other = bench.talk(EVERY + 3)
    bench.decoded_by_loading(other.id)
    return bench.snapshot_of(other.id)._replace(stream=good.stream)


def other_event(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    return good._replace(event_id=IDS.new())


def future(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    return good._replace(version=good.version + 1)


def other_version(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    row = bench.connection.execute(
        "SELECT event_id FROM hansard.events WHERE stream = %s AND version = %s",
        (good.stream, good.version - 1),
    ).fetchone()
    assert row is not None
    return good._replace(version=good.version - 1, event_id=row[0])


def other_code(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    return good._replace(fingerprint=hashlib.sha256(b"other").digest())


def no_state(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    return good._replace(state=b"{}")


def unreadable(bench: Bench, good: StoredSnapshot) -> StoredSnapshot:
    return good._replace(state=b"\xff" + good.state)


@pytest.mark.parametrize(
    "forged",
    [other_stream, other_event, future, other_version, other_code, no_state, unreadable],
    ids=lambda forged: forged.__name__,
)
def test_a_digest_that_fits_makes_a_wrong_snapshot_no_better(
    bench: Bench, forged: Callable[[Bench, StoredSnapshot], StoredSnapshot]
) -> None:
    held = bench.talk(EVERY + 3)
    bench.decoded_by_loading(held.id)
    good = bench.snapshot_of(held.id)

    bench.forge(forged(bench, good))

    assert bench.decoded_by_loading(held.id) == held.version
    assert bench.snapshot_of(held.id) == good


def test_a_snapshot_that_cannot_be_kept_stops_nobody_and_is_reported(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    held = bench.talk(EVERY)
    bench.connection.execute("REVOKE INSERT ON hansard.snapshots FROM hansard_writer")

    with caplog.at_level(logging.WARNING):
        assert bench.decoded_by_loading(held.id) == held.version

    assert f"No snapshot of stream {held.id} is kept: permission denied" in caplog.text
    assert bench.versions() == {}


def test_damage_is_reported_and_other_code_is_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    held = bench.talk(EVERY)
    bench.decoded_by_loading(held.id)

    with caplog.at_level(logging.WARNING):
        bench.connection.execute(DAMAGES["of other code"])
        bench.decoded_by_loading(held.id)
        assert caplog.text == ""
        bench.connection.execute(DAMAGES["with another word"])
        bench.decoded_by_loading(held.id)

    assert f"The snapshot of stream {held.id} is not used: it is damaged." in caplog.text


def test_a_snapshot_of_another_stream_is_not_used(bench: Bench) -> None:
    held = bench.talk(EVERY + 3)
    bench.decoded_by_loading(held.id)
    snapshot = bench.snapshot_of(held.id)
    other = bench.talk(EVERY + 3)

    bench.connection.execute(
        "INSERT INTO hansard.snapshots (log, stream, version, event_id, fingerprint, state, digest)"
        " VALUES (1, %s, %s, %s, %s, %s, %s)",
        (*(moved := snapshot._replace(stream=other.id)), moved.digest),
    )

    assert bench.decoded_by_loading(other.id) == other.version


class TestEventLogThatIsAlwaysLoadedFromSnapshots(EventLogContract):
    @pytest.fixture
    def log(
        self, recorder: PostgresEventRecorder, pool: ConnectionPool[Connection]
    ) -> PostgresEventLog:
        snapshots = PostgresSnapshots(pool, SnapshotPolicy(every=1))
        return PostgresEventLog(recorder, EventMapper(), snapshots)
