"""Reading across the boundary: archives give what the table gave, in every way of asking."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.errors import IntegrityError, UnavailableError
from application.integrity import FindingKind
from infrastructure.archive.errors import ArchiveDamagedError, ArchiveUnavailableError
from infrastructure.archive.manifest import digest_of
from infrastructure.database import Connection
from infrastructure.event_log.errors import DuplicateEventError, VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.archive import ArchivableLog, archivable_log, fill_log, odd_events
from tests.support.event_log import IDS, an_event, recorder_on
from tests.support.integrity import Attacker, first
from tests.support.processes import guided

END = 10**9
EVENTS = 1_050


@pytest.fixture
def before(log: ArchivableLog) -> list[LoggedEvent]:
    """All events of the log, as they were read before some of them were archived."""
    fill_log(log.recorder, EVENTS)
    read = list(log.recorder.select_log())
    log.archiver.run(600)
    assert log.archived.catalogue.archives()[-1].last == 600
    return read


def position(event: LoggedEvent) -> int:
    return event.position


def matching(events: list[LoggedEvent], **wanted: Any) -> list[LoggedEvent]:
    """Filter a list as the log should."""
    after, until = wanted.get("after", 0), wanted.get("until")
    found = [
        event
        for event in events
        if event.position > after
        and (until is None or event.position <= until)
        and wanted.get("stream") in {None, event.originator_id}
        and wanted.get("session_id") in {None, event.enveloped.session_id}
        and (not wanted.get("types") or event.topic in wanted["types"])
    ]
    if wanted.get("backwards"):
        found.reverse()
    return found[: wanted.get("limit")]


def test_every_selection_of_the_log_is_what_it_was(
    log: ArchivableLog, before: list[LoggedEvent]
) -> None:
    positions = st.integers(0, EVENTS + 5)
    sessions = sorted({event.enveloped.session_id for event in before} - {None}, key=str)
    streams = sorted({event.originator_id for event in before}, key=str)
    types = sorted({event.topic for event in before})

    @settings(max_examples=150, deadline=None)
    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "after": positions,
                "until": positions,
                "stream": st.sampled_from([*streams, IDS.new()]),
                "session_id": st.sampled_from([*sessions, IDS.new()]),
                "types": st.lists(st.sampled_from([*types, "test.never"]), max_size=3),
                "limit": st.integers(0, EVENTS),
                "backwards": st.booleans(),
            },
        )
    )
    def selected(wanted: dict[str, Any]) -> None:
        assert list(log.recorder.select_log(**wanted)) == matching(before, **wanted)

    selected()


def test_every_part_of_a_stream_is_what_it_was(
    log: ArchivableLog, before: list[LoggedEvent]
) -> None:
    streams: dict[Any, list[LoggedEvent]] = {}
    for event in before:
        streams.setdefault(event.originator_id, []).append(event)

    @settings(max_examples=100, deadline=None)
    @given(
        stream=st.sampled_from(sorted(streams, key=str)),
        gt=st.none() | st.integers(-1, 200),
        lte=st.none() | st.integers(-1, 200),
        desc=st.booleans(),
        limit=st.none() | st.integers(0, 50),
    )
    def selected(
        *, stream: UUID, gt: int | None, lte: int | None, desc: bool, limit: int | None
    ) -> None:
        expected = [
            event
            for event in streams[stream][:: -1 if desc else 1]
            if (gt is None or event.originator_version > gt)
            and (lte is None or event.originator_version <= lte)
        ][:limit]
        found = log.recorder.select_events(stream, gt=gt, lte=lte, desc=desc, limit=limit)
        assert list(found) == expected

    selected()


def test_moments_and_ids_lead_to_the_same_positions(
    log: ArchivableLog, before: list[LoggedEvent]
) -> None:
    tick = timedelta(microseconds=1)
    newest: dict[datetime, int] = {event.recorded_at: event.position for event in before}
    previous = 0
    for moment, last in newest.items():
        assert log.recorder.position_at(moment) == last
        assert log.recorder.position_at(moment - tick) == previous
        previous = last
    assert log.recorder.position_at(datetime.fromisoformat("0001-01-02T00:00:00Z")) == 0
    for event in before[::50]:
        assert log.recorder.position_of(event.enveloped.event_id) == event.position


def test_an_archived_append_that_is_repeated_is_answered_with_its_places(
    log: ArchivableLog,
) -> None:
    events = list(odd_events(EVENTS))
    appended = [log.recorder.append(events[at : at + 70]) for at in range(0, EVENTS, 70)]
    log.archiver.run(600)

    for number, places in enumerate(appended):
        assert log.recorder.append(events[number * 70 : number * 70 + 70]) == places
    with pytest.raises(DuplicateEventError):
        log.recorder.append([an_event(event_id=events[3].enveloped.event_id)])


def test_an_archived_stream_goes_on_where_it_was(log: ArchivableLog) -> None:
    stream = IDS.new()
    events = [an_event(stream, version) for version in range(1, 6)]
    old = log.recorder.append(events[:3])
    fill_log(log.recorder, 600)
    log.archiver.run(300)

    with pytest.raises(VersionConflictError):
        log.recorder.append([an_event(stream, 3)])
    new = log.recorder.append(events[3:])

    assert log.recorder.select_events(stream) == [*old, *new]
    assert log.recorder.select_events(stream, gt=3) == new


def test_payloads_of_any_size_come_back(log: ArchivableLog) -> None:
    large = log.recorder.append([an_event(payload=bytes([n]) * 5_000_000) for n in (0, 200, 255)])
    fill_log(log.recorder, 600)
    log.archiver.run(300)

    assert list(log.recorder.select_log(until=3)) == large
    assert list(log.recorder.select_log(until=3, backwards=True)) == large[::-1]


def test_the_integrity_of_the_whole_log_is_verified_across_the_boundary(
    log: ArchivableLog, before: list[LoggedEvent]
) -> None:
    found = log.integrity.verify()

    assert found.findings == ()
    assert found.events == EVENTS
    assert found.covered == EVENTS
    for session_id in {event.enveloped.session_id for event in before} - {None}:
        assert session_id is not None
        verified = log.integrity.verify(session_id)
        assert verified.findings == ()
        assert verified.events == len(matching(before, session_id=session_id))


def test_a_proof_of_an_archived_session_is_exported(
    log: ArchivableLog, before: list[LoggedEvent], tmp_path: Path
) -> None:
    session_id = next(event.enveloped.session_id for event in before if event.enveloped.session_id)

    proof = log.integrity.export_proof(session_id, tmp_path / "proof.json")

    assert proof.events == len(matching(before, session_id=session_id))


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def replaced(path: Path) -> None:
    path.write_bytes(b"no Parquet".ljust(path.stat().st_size))


@pytest.mark.parametrize("spoil", [damaged, cut, replaced])
def test_a_damaged_archive_is_named_when_its_range_is_read_and_never_else(
    log: ArchivableLog, before: list[LoggedEvent], spoil: Any
) -> None:
    [path] = log.folder.rglob("events-201-300.parquet")
    assert len(list(log.recorder.select_log(until=300))) == 300
    spoil(path)

    with pytest.raises(ArchiveDamagedError) as caught:
        list(log.recorder.select_log(after=200, until=201))
    assert isinstance(caught.value, IntegrityError)
    assert caught.value.position == 201
    assert f"The archive '{path}' with positions 201 to 300" in str(caught.value)
    assert list(log.recorder.select_log(until=200)) == before[:200]
    assert list(log.recorder.select_log(after=300)) == before[300:]


def test_a_missing_archive_is_named_when_its_range_is_read_and_is_missed_no_more_when_it_is_back(
    log: ArchivableLog, before: list[LoggedEvent]
) -> None:
    [path] = log.folder.rglob("events-201-300.parquet")
    path.rename(path.with_suffix(".away"))

    with pytest.raises(ArchiveUnavailableError) as caught:
        list(log.recorder.select_log())
    assert isinstance(caught.value, UnavailableError)
    assert f"'{path}', which cannot be read (No such file or directory)" in str(caught.value)
    assert list(log.recorder.select_log(after=300)) == before[300:]
    path.with_suffix(".away").rename(path)
    assert list(log.recorder.select_log()) == before


def test_a_recorder_that_knows_no_folder_says_what_to_set(
    before: list[LoggedEvent], database_url: str
) -> None:
    with recorder_on(database_url) as recorder:
        assert list(recorder.select_log(after=600)) == before[600:]
        with pytest.raises(ArchiveUnavailableError, match="HANSARD_ARCHIVE_FOLDER"):
            list(recorder.select_log())


def test_an_archive_that_was_forged_with_its_row_is_noticed_by_verifying(
    log: ArchivableLog, before: list[LoggedEvent], connection: Connection, database_url: str
) -> None:
    [path] = log.folder.rglob("events-201-300.parquet")
    forged = path.with_suffix(".forged")
    import duckdb

    with duckdb.connect() as duck:
        duck.read_parquet(str(path)).project(
            "* REPLACE (if(position = 250, 'nobody', actor) AS actor)"
        ).write_parquet(str(forged))
    forged.replace(path)
    facts = f"bytes = {path.stat().st_size}, sha256 = decode('{digest_of(path)}', 'hex')"
    Attacker(connection).run(f"UPDATE archives SET {facts} WHERE first = 201")  # noqa: S608 - ours
    with archivable_log(database_url, log.folder.parent) as again:
        assert [*again.recorder.select_log(after=249, until=250)] != before[249:250]
        findings = again.integrity.verify().findings

    assert first(findings) == (FindingKind.CHANGED, 250)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_reader_in_the_middle_of_the_log_misses_nothing_when_that_is_archived(
    log: ArchivableLog, *, backwards: bool
) -> None:
    log.recorder.append([an_event(payload=b"%09d" % n * 100_000) for n in range(30)])
    fill_log(log.recorder, EVENTS)
    expected = list(log.recorder.select_log(backwards=backwards))
    reading = log.recorder.select_log(backwards=backwards)

    read = list(islice(reading, EVENTS + 5 if backwards else 10))
    log.archiver.run(END)

    assert [*read, *reading] == expected


def test_readers_miss_nothing_while_partitions_are_archived(
    log: ArchivableLog, database_url: str
) -> None:
    fill_log(log.recorder, EVENTS)
    everything = list(log.recorder.select_log())
    session_id = everything[-1].enveloped.session_id
    stream = everything[-1].originator_id
    done = Event()

    def read(recorder: PostgresEventRecorder, **wanted: Any) -> int:
        rounds = 0
        expected = matching(everything, **wanted)
        while not done.is_set() or not rounds:
            assert list(recorder.select_log(**wanted)) == expected
            rounds += 1
        return rounds

    with (
        recorder_on(database_url, archived=log.archived) as recorder,
        ThreadPoolExecutor(5) as pool,
    ):
        rounds = [
            pool.submit(read, recorder, **wanted)
            for wanted in (
                {},
                {"backwards": True},
                {"session_id": session_id},
                {"stream": stream, "backwards": True},
                {"stream": stream},
            )
        ]
        try:
            log.archiver.run(END)
        finally:
            done.set()
        assert all(one.result() for one in rounds)
    assert log.archived.catalogue.archives()[-1].last == 1000


LOOK = """
import sys
from tests.support.event_log import an_event, recorder_on
with recorder_on(sys.argv[1]) as recorder:
    [event] = recorder.append([an_event()])
    assert recorder.select_events(event.originator_id) == [event]
    assert list(recorder.select_log()) == list(recorder.select_log(backwards=True)) == [event]
    assert recorder.position_at(event.recorded_at) == 1
print("duckdb" in sys.modules)
"""


def test_a_log_without_archives_never_loads_what_reads_them(database_url: str) -> None:
    with guided(LOOK, database_url) as process:
        assert process.heard() == "False"
    assert "infrastructure.archive.events" in sys.modules
