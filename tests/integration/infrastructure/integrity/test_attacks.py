"""Attacks by whoever holds the database: every one is found, and named by its first position."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from application.errors import IntegrityError
from application.integrity import FindingKind
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity.service import LogIntegrity
from tests.support.event_log import a_stream
from tests.support.integrity import Attacker, fill, first, integrity_on

EVENTS = 700
"""Two full tiles and an unfinished one."""

CHECKPOINTS = (100, 300, 600)
"""Positions that are signed on the way, before the last one."""

PLACES = (1, 99, 100, 101, 256, 257, 555, 650, 700)


@pytest.fixture(autouse=True)
def signed_log(recorder: PostgresEventRecorder, integrity: LogIntegrity) -> None:
    """A log that was signed as it grew."""
    sign(recorder, integrity)


def sign(recorder: PostgresEventRecorder, integrity: LogIntegrity) -> None:
    done = 0
    for until in (*CHECKPOINTS, EVENTS):
        fill(recorder, until - done)
        checkpoint = integrity.checkpointer.catch_up()
        assert checkpoint is not None
        assert checkpoint.size == until
        done = until


def test_an_untouched_log_is_intact(integrity: LogIntegrity) -> None:
    found = integrity.verify()

    assert found.findings == ()
    assert (found.events, found.position, found.covered, found.uncovered) == (700, 700, 700, 0)
    assert (found.checkpoints, found.published, found.tiles) == (4, 4, 2)
    assert found.keys == (str(integrity.verifier_key()),)


@pytest.mark.parametrize("position", PLACES)
def test_a_changed_event_is_found_wherever_it_stands(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.run("UPDATE events SET payload = '{\"a\": 1}' WHERE position = :at", at=position)

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, position)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET recorded_at = recorded_at + interval '1 microsecond'",
        "UPDATE events SET occurred_at = 'infinity'",
        "UPDATE events SET actor = 'FIN_999'",
        "UPDATE events SET subject = coalesce(subject, '') || ' '",
        "UPDATE events SET session_id = gen_random_uuid()",
        "UPDATE events SET stream = gen_random_uuid()",
        "UPDATE events SET event_id = gen_random_uuid()",
        "UPDATE events SET correlation_id = gen_random_uuid()",
        "UPDATE events SET causation_id = gen_random_uuid()",
        "UPDATE events SET schema_version = 2",
        "UPDATE events SET type = type || 'd', tenant = substr(tenant, 2)",
        "ALTER TABLE events ALTER payload DROP NOT NULL; UPDATE events SET payload = NULL",
        "ALTER TABLE events ALTER recorded_at DROP NOT NULL; UPDATE events SET recorded_at = NULL",
    ],
)
def test_a_change_to_any_field_is_found(
    integrity: LogIntegrity, attacker: Attacker, change: str
) -> None:
    *before, update = change.split("; ")
    attacker.run(*before, f"{update} WHERE position = 9")

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, 9)


def test_a_column_of_another_type_is_refused(integrity: LogIntegrity, attacker: Attacker) -> None:
    attacker.run(
        "DROP VIEW event_log CASCADE", "ALTER TABLE events ALTER schema_version TYPE bigint"
    )

    with pytest.raises(IntegrityError, match="are not of their types"):
        integrity.verify()


@pytest.mark.parametrize(
    "change", ["DROP TABLE tiles", "ALTER TABLE checkpoints RENAME note TO remark"]
)
def test_a_table_or_column_that_is_gone_is_said_so(
    integrity: LogIntegrity, attacker: Attacker, change: str
) -> None:
    attacker.run(change)

    with pytest.raises(IntegrityError, match="are not as they were made"):
        integrity.verify()


@pytest.mark.parametrize("position", PLACES[:-1])
def test_a_removed_event_is_found(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.run("DELETE FROM events WHERE position = :at", at=position)

    assert first(integrity.verify().findings) == (FindingKind.REMOVED, position)


@pytest.mark.parametrize("position", PLACES[:-1])
def test_a_removed_event_whose_gap_was_closed_is_found(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.run(
        "DELETE FROM events WHERE position = :at",
        "DELETE FROM event_ids WHERE position = :at",
        at=position,
    )
    attacker.shift(position + 1, -1)

    assert first(integrity.verify().findings) == (FindingKind.REMOVED, position)


@pytest.mark.parametrize("position", PLACES)
def test_an_inserted_event_is_found(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.shift(position, 1)
    attacker.run(
        "INSERT INTO events SELECT log, :at, gen_random_uuid(), 1,"
        " gen_random_uuid(), type, schema_version, tenant, session_id, actor, correlation_id,"
        " causation_id, traceparent, subject, occurred_at, recorded_at, payload"
        " FROM events WHERE position = :other",
        at=position,
        other=position + 1,
    )

    assert first(integrity.verify().findings) == (FindingKind.INSERTED, position)


@pytest.mark.parametrize("position", [1, 300, 555, 700])
def test_a_position_that_is_there_twice_is_found(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.run(
        "ALTER TABLE events DROP CONSTRAINT events_pkey",
        "INSERT INTO events SELECT * FROM events WHERE position = :at",
        at=position,
    )

    assert first(integrity.verify().findings) == (FindingKind.INSERTED, position)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (99, 100), (10, 690), (256, 257), (699, 700)])
def test_two_events_that_changed_places_are_found(
    integrity: LogIntegrity, attacker: Attacker, one: int, other: int
) -> None:
    attacker.run(
        "UPDATE events SET position = 999999 WHERE position = :at",
        "UPDATE events SET position = :at WHERE position = :other",
        "UPDATE events SET position = :other WHERE position = 999999",
        "UPDATE event_ids SET position = :at + :other - position WHERE position IN (:at, :other)",
        at=one,
        other=other,
    )

    assert first(integrity.verify().findings) == (FindingKind.REORDERED, one)


@pytest.mark.parametrize("position", PLACES)
def test_a_tail_that_was_cut_off_is_found(
    integrity: LogIntegrity, attacker: Attacker, position: int
) -> None:
    attacker.run(
        "DELETE FROM events WHERE position >= :at",
        "DELETE FROM event_ids WHERE position >= :at",
        "DELETE FROM checkpoints WHERE position >= :at",
        at=position,
    )

    assert first(integrity.verify().findings) == (FindingKind.TRUNCATED, position)
    with pytest.raises(IntegrityError, match=f"ends before position {position}") as caught:
        integrity.checkpointer.catch_up()
    assert caught.value.position == position


def test_a_tail_that_was_written_anew_is_found(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    attacker.run(
        "DELETE FROM events WHERE position > 650",
        "DELETE FROM event_ids WHERE position > 650",
        "UPDATE stream_heads SET version = (SELECT coalesce(max(version), 0) FROM events AS e"
        " WHERE e.stream = stream_heads.stream)",
    )
    fill(recorder, 80)

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, 651)
    with pytest.raises(IntegrityError, match="position 651 was changed"):
        integrity.checkpointer.catch_up()


def test_a_history_that_was_rewritten_and_signed_anew_is_found_by_what_was_published(
    database_url: str, integrity: LogIntegrity, attacker: Attacker, home: Path, tmp_path: Path
) -> None:
    attacker.run(
        "UPDATE events SET actor = 'FIN_999' WHERE position = 260",
        "DELETE FROM tiles",
        "DELETE FROM checkpoints",
    )
    forgery = tmp_path / "forgery"
    shutil.copytree(home / "keys", forgery / "keys")  # even the key was stolen
    with integrity_on(database_url, forgery) as forged:
        forged.checkpointer.catch_up()
        assert forged.verify().is_intact

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, 260)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="position 260 was changed") as caught:
            integrity.checkpointer.catch_up()
    assert caught.value.position == 260


def test_a_forger_without_the_key_is_found_even_where_nothing_was_published(
    database_url: str, integrity: LogIntegrity, attacker: Attacker, home: Path, tmp_path: Path
) -> None:
    shutil.rmtree(home / "checkpoints")
    attacker.run(
        "UPDATE events SET actor = 'FIN_999' WHERE position = 260",
        "DELETE FROM tiles",
        "DELETE FROM checkpoints",
    )
    with integrity_on(database_url, tmp_path / "forgery") as forged:
        forged.checkpointer.catch_up()

    found = integrity.verify().findings

    assert first(found) == (FindingKind.CHECKPOINT, EVENTS)
    assert "signed by no trusted key" in found[0].message
    with pytest.raises(IntegrityError, match="signed by no trusted key"):
        integrity.checkpointer.catch_up()


def test_tiles_name_the_event_where_nothing_was_published(
    integrity: LogIntegrity, attacker: Attacker, home: Path
) -> None:
    shutil.rmtree(home / "checkpoints")
    attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 400")

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, 400)


def test_where_no_tile_tells_which_event_was_changed_the_checkpoints_bound_it(
    integrity: LogIntegrity, attacker: Attacker, home: Path
) -> None:
    shutil.rmtree(home / "checkpoints")
    attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 650")

    (found,) = integrity.verify().findings

    assert (found.kind, found.position, found.until) == (FindingKind.CHANGED, 601, 700)


def test_forged_tiles_lead_nobody_astray(integrity: LogIntegrity, attacker: Attacker) -> None:
    attacker.run(
        "UPDATE events SET actor = 'FIN_999' WHERE position = 200",
        "UPDATE tiles SET hashes = sha256('') || substr(hashes, 33) WHERE level = 0",
    )

    assert first(integrity.verify().findings) == (FindingKind.CHANGED, 200)


@pytest.mark.parametrize(
    ("change", "position"),
    [
        ("UPDATE tiles SET hashes = sha256('') || substr(hashes, 33) WHERE tile = 1", 257),
        ("DELETE FROM tiles WHERE tile = 0", 256),
    ],
)
def test_a_changed_or_missing_tile_is_found(
    integrity: LogIntegrity, attacker: Attacker, change: str, position: int
) -> None:
    attacker.run(change)

    assert first(integrity.verify().findings) == (FindingKind.TILE, position)


def test_a_tile_that_was_changed_outside_is_found(integrity: LogIntegrity) -> None:
    tile = integrity.publication.folder / "tile" / "0" / "001"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])

    (found,) = integrity.verify().findings

    assert (found.kind, found.position) == (FindingKind.TILE, 257)
    assert "outside of the database" in found.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("SET root = sha256('')", "does not say what its signed note says"),
        ("SET note = replace(note, e'\\n600\\n', e'\\n599\\n')", "does not say what its signed"),
        ("SET note = 'Trust me.'", "is no checkpoint"),
        ("SET note = overlay(note placing '+/A' from length(note) - 20)", "has a wrong signature"),
        ("SET note = replace(note, 'hansard/', 'handsaw/')", "is one of the log 'handsaw/"),
        ("SET note = left(note, strpos(note, '\u2014') - 1)", "is signed by no trusted key"),
    ],
)
def test_a_changed_checkpoint_is_found(
    integrity: LogIntegrity, attacker: Attacker, change: str, message: str
) -> None:
    attacker.run("UPDATE checkpoints " + change + " WHERE position = 600")

    findings = integrity.verify().findings

    assert first(findings) == (FindingKind.CHECKPOINT, 600)
    assert message in findings[0].message


def test_a_removed_checkpoint_is_found(integrity: LogIntegrity, attacker: Attacker) -> None:
    attacker.run("DELETE FROM checkpoints WHERE position = 300")

    (found,) = integrity.verify().findings

    assert (found.kind, found.position) == (FindingKind.CHECKPOINT, 300)
    assert "is gone from the database" in found.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM event_ids WHERE position = 20", "does not know the event at position 20"),
        ("UPDATE event_ids SET position = 0 WHERE position = 20", "position 20, or wrongly"),
        ("INSERT INTO event_ids VALUES (1, gen_random_uuid(), 3)", "has 701 ids for 700 events"),
        ("UPDATE stream_heads SET version = 7777", "at version 7777, but the log has version"),
        ("INSERT INTO stream_heads VALUES (1, gen_random_uuid(), 1)", "the log has no event of it"),
        ("DELETE FROM stream_heads", "hansard.stream_heads knows 0 of 16 streams"),
    ],
)
def test_companions_that_disagree_with_the_log_are_found(
    integrity: LogIntegrity, attacker: Attacker, change: str, message: str
) -> None:
    attacker.run(change)

    (found,) = integrity.verify().findings

    assert found.kind is FindingKind.INDEX
    assert message in found.message


class TestWhatNoCheckpointCoversYet:
    @pytest.fixture(autouse=True)
    def newest(self, recorder: PostgresEventRecorder) -> None:
        recorder.append(a_stream(9))

    def test_it_is_counted(self, integrity: LogIntegrity) -> None:
        found = integrity.verify()

        assert found.is_intact
        assert (found.position, found.covered, found.uncovered) == (709, 700, 9)

    @pytest.mark.parametrize(
        ("change", "kind", "position"),
        [
            ("DELETE FROM events WHERE position = 705", FindingKind.REMOVED, 705),
            ("UPDATE events SET version = 8 WHERE position = 705", FindingKind.REMOVED, 705),
            ("UPDATE events SET version = 4 WHERE position = 705", FindingKind.INSERTED, 705),
            (
                "UPDATE events SET recorded_at = '2020-01-01Z' WHERE position = 705",
                FindingKind.REORDERED,
                705,
            ),
            ("DELETE FROM events WHERE position = 709", FindingKind.INDEX, 708),
        ],
    )
    def test_what_breaks_its_order_is_found(
        self,
        integrity: LogIntegrity,
        attacker: Attacker,
        change: str,
        kind: FindingKind,
        position: int,
    ) -> None:
        attacker.run(change)

        assert first(integrity.verify().findings) == (kind, position)
