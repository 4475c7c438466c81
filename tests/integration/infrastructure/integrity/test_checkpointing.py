"""Checkpoints: signed as the log grows, published, and never over a changed history."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg_pool import ConnectionPool

from application.errors import IntegrityError, UnavailableError
from infrastructure.database import Connection, DatabaseUnavailableError, open_pool
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity import checkpointing, handover, sql
from infrastructure.integrity.checkpointing import CheckpointThread
from infrastructure.integrity.handover import Handover
from infrastructure.integrity.leaf import leaf_hashes, leaf_of, raw_event
from infrastructure.integrity.merkle import is_consistent, leaf_hash, root_of
from infrastructure.integrity.note import Checkpoint
from infrastructure.integrity.reader import PAGE_BYTES, PostgresRawReader, read_leaf_hashes
from infrastructure.integrity.service import LogIntegrity
from infrastructure.integrity.tiles import TiledTree, Tree, whole_tiles
from tests.support.event_log import a_stream, an_event
from tests.support.integrity import Attacker, fill, integrity_on
from tests.support.processes import eventually, guided


def leaves(recorder: PostgresEventRecorder, until: int) -> list[bytes]:
    """Hash the events as they are read for their meaning."""
    return [leaf_hash(leaf_of(raw_event(event))) for event in recorder.select_log(until=until)]


def checkpoints(connection: Connection) -> list[Checkpoint]:
    rows = connection.execute("SELECT note FROM hansard.checkpoints ORDER BY position")
    return [Checkpoint.parse(note) for (note,) in rows]


def files(folder: Path) -> set[str]:
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return found - {".lock"}


def test_an_empty_log_has_no_checkpoint(integrity: LogIntegrity) -> None:
    assert integrity.checkpointer.catch_up() is None
    found = integrity.verify()
    assert found.is_intact
    assert (found.events, found.position, found.covered, found.keys) == (0, 0, 0, ())


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_a_checkpoint_covers_every_field_of_every_event(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, connection: Connection, size: int
) -> None:
    fill(recorder, size, session_id=integrity.log_id)

    checkpoint = integrity.checkpointer.catch_up()

    assert checkpoint is not None
    assert checkpoint.size == size
    assert checkpoint.root == root_of(leaves(recorder, size))
    assert checkpoint.origin == f"hansard/{integrity.log_id}"
    assert checkpoint.verify([integrity.verifier_key()]) == integrity.verifier_key()
    assert checkpoints(connection) == [checkpoint] == list(integrity.publication.checkpoints())
    assert integrity.checkpointer.catch_up() == checkpoint
    assert checkpoints(connection) == [checkpoint]


@pytest.mark.parametrize(
    "choices",
    [
        {"payload": "ä\u2014\U0001f600".encode(), "type": "täst.happened", "actor": "Ünal"},
        {"payload": b"", "subject": "", "traceparent": "", "tenant": ""},
        {"payload": b"\x00\xff" * 500_000, "causation_id": UUID(int=0), "session_id": UUID(int=1)},
    ],
)
def test_the_database_hashes_leaves_as_we_do(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Connection], choices: dict[str, Any]
) -> None:
    events = a_stream(3, **choices)
    early = replace(events[0], occurred_at=datetime(1, 1, 1, tzinfo=UTC))
    late = replace(events[1], occurred_at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    recorder.append([early, late, events[2]])

    with pool.connection() as connection:
        found, broken = read_leaf_hashes(connection, 0, 3)
    (page,) = PostgresRawReader(pool).pages(0, 3)

    assert broken is None
    assert found == leaf_hashes(page) == leaves(recorder, 3)


def test_another_encoding_of_the_client_changes_no_leaf(
    database_url: str, recorder: PostgresEventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.append([an_event(actor="Ünal")])
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with open_pool(database_url) as pool:
        (page,) = PostgresRawReader(pool).pages(0, 1)

    assert leaf_hashes(page) == leaves(recorder, 1)


def test_checkpoints_are_consistent_and_tiles_lie_where_tools_look_for_them(
    recorder: PostgresEventRecorder, integrity: LogIntegrity
) -> None:
    signed = []
    for count in (100, 156, 1, 343):
        fill(recorder, count)
        signed.append(integrity.checkpointer.catch_up())
    publication = integrity.publication

    def tile(level: int, number: int) -> bytes:
        found = publication.tile(level, number)
        assert found is not None
        return found

    tree = TiledTree(600, tile, leaves(recorder, 600)[whole_tiles(600) :])
    for one in signed:
        assert one is not None
        proof = tree.consistency_proof(one.size)
        assert is_consistent(one.size, one.root, 600, tree.root(), proof)
    assert files(publication.folder) == {
        "checkpoint",
        "checkpoints.txt",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/1",
        "tile/1/000.p/2",
    }


def test_large_events_are_hashed_a_few_at_a_time(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Connection]
) -> None:
    for _ in range(9):
        recorder.append([an_event(payload=b"x" * (PAGE_BYTES // 4)), an_event()])
    tree, sizes = Tree(), []
    for page in PostgresRawReader(pool).pages(0, 18):
        tree.extend(leaf_hashes(page))
        sizes.append(sum(len(event[-1] or b"") for event in page))

    assert tree.root() == root_of(leaves(recorder, 18))
    assert max(sizes) < 1.5 * PAGE_BYTES


def test_a_long_way_is_taken_in_steps(
    recorder: PostgresEventRecorder,
    integrity: LogIntegrity,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpointing, "BATCH_EVENTS", 300)
    fill(recorder, 1000)

    integrity.checkpointer.catch_up()

    assert [one.size for one in checkpoints(connection)] == [300, 600, 900, 1000]
    assert integrity.verify().is_intact


def test_processes_take_turns_and_go_on_from_each_other(
    database_url: str, recorder: PostgresEventRecorder, home: Path, connection: Connection
) -> None:
    with integrity_on(database_url, home) as one, integrity_on(database_url, home) as other:
        for count in (300, 50, 300):
            for turn in (one, other):
                fill(recorder, count)
                turn.checkpointer.catch_up()
        assert [c.size for c in checkpoints(connection)] == [300, 600, 650, 700, 1000, 1300]
        assert one.verify().is_intact
        assert not other.checkpointer.is_behind()
        assert one.checkpointer.is_behind()


def test_many_at_once_sign_every_position_once(
    database_url: str, recorder: PostgresEventRecorder, home: Path
) -> None:
    with ThreadPoolExecutor(5) as threads, integrity_on(database_url, home) as whole:

        def sign(_: int) -> None:
            with integrity_on(database_url, home) as opened:
                for wait in (True, False) * 5:
                    opened.checkpointer.catch_up(wait=wait)

        work = [threads.submit(sign, number) for number in range(4)]
        for _ in range(20):
            fill(recorder, 40)
        for future in work:
            future.result()
        whole.checkpointer.catch_up()

        found = whole.verify()
        assert found.is_intact
        assert (found.position, found.covered) == (800, 800)
        assert found.checkpoints == found.published


def test_it_is_left_to_another_process_that_is_at_it(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, connection: Connection
) -> None:
    fill(recorder, 5)
    with integrity.publication.held(wait=False):
        assert integrity.checkpointer.catch_up() is None
    with connection.transaction():
        connection.execute(sql.LOCK)
        assert integrity.checkpointer.catch_up() is None
    assert checkpoints(connection) == []


def test_what_was_signed_but_not_published_is_published_by_whoever_comes_next(
    database_url: str, recorder: PostgresEventRecorder, integrity: LogIntegrity, home: Path
) -> None:
    for _ in range(3):
        fill(recorder, 200)
        integrity.checkpointer.catch_up()
    lost = integrity.publication.list_path
    whole, tree = lost.read_bytes(), files(integrity.publication.folder)
    first = len(next(integrity.publication.checkpoints()).note.encode()) + 1
    lost.write_bytes(whole[: first + 30])
    integrity.publication.newest_path.unlink()
    (integrity.publication.folder / "tile" / "0" / "001").unlink()

    with integrity_on(database_url, home) as successor:
        successor.checkpointer.catch_up()
        assert successor.verify().is_intact

    assert lost.read_bytes() == whole
    assert files(integrity.publication.folder) == tree


KILLED = """
import os, signal, sys
from pathlib import Path
from infrastructure.integrity import {module}
from tests.support.integrity import integrity_on

def die(*arguments, **choices):
    {before}
    os.kill(os.getpid(), signal.SIGKILL)

target = {target}
original = getattr(target, {name!r})
setattr(target, {name!r}, die)
with integrity_on(sys.argv[1], Path(sys.argv[2])) as integrity:
    integrity.checkpointer.catch_up()
"""

MOMENTS = {
    "before it signs": ("note", "note.Signer", "sign", "pass"),
    "between tiles and checkpoint": ("store", "store", "add_checkpoint", "pass"),
    "before it commits": ("store", "store", "add_checkpoint", "original(*arguments)"),
    "before it publishes": ("publication", "publication.Publication", "write_tiles", "pass"),
    "amid its tiles": (
        "publication",
        "publication.Publication",
        "write_tiles",
        "original(arguments[0], arguments[1][:1])",
    ),
    "before the note": ("publication", "publication.Publication", "write_checkpoints", "pass"),
    "amid the note": (
        "publication",
        "publication.Publication",
        "write_checkpoints",
        "note = list(arguments[1])[0].note; arguments[0].list_path.open('a').write(note[:90])",
    ),
    "before the single file": ("publication", "publication", "flush_folder", "pass"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_killed_on_the_way_leaves_what_the_next_one_finishes(
    database_url: str,
    recorder: PostgresEventRecorder,
    integrity: LogIntegrity,
    home: Path,
    moment: str,
) -> None:
    fill(recorder, 300)
    integrity.checkpointer.catch_up()
    fill(recorder, 500)
    module, target, name, before = MOMENTS[moment]
    code = KILLED.format(module=module, target=target, name=name, before=before)
    with guided(code, database_url, str(home)) as process:
        assert process.finish() == -9

    with integrity_on(database_url, home) as successor:
        fill(recorder, 10)
        checkpoint = successor.checkpointer.catch_up()
        found = successor.verify()

    assert checkpoint is not None
    assert checkpoint.root == root_of(leaves(recorder, 810))
    assert found.is_intact
    assert (found.covered, found.uncovered, found.published) == (810, 0, found.checkpoints)


def test_a_killed_server_is_waited_for(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, connection: Connection
) -> None:
    fill(recorder, 300)
    integrity.checkpointer.catch_up()
    fill(recorder, 10)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def caught_up() -> bool:
        try:
            return integrity.checkpointer.catch_up() is not None
        except DatabaseUnavailableError:
            return False

    eventually(caught_up)
    assert integrity.verify().covered == 310


def test_a_log_restored_from_too_old_a_backup_is_not_signed(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    for _ in range(2):
        fill(recorder, 200)
        integrity.checkpointer.catch_up()
    attacker.run(
        "DELETE FROM events WHERE position > 300",
        "DELETE FROM event_ids WHERE position > 300",
        "DELETE FROM checkpoints WHERE position > 200",
    )

    with pytest.raises(IntegrityError, match="The log ends before position 301") as caught:
        integrity.checkpointer.catch_up()

    assert caught.value.position == 301


def test_a_refusal_ends_when_the_log_is_what_it_was(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    fill(recorder, 20)
    integrity.checkpointer.catch_up()
    fill(recorder, 20)
    attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 7")
    with pytest.raises(IntegrityError, match=r"position 7 was changed\. Nothing is signed"):
        integrity.checkpointer.catch_up()
    attacker.run("UPDATE events SET actor = 'SYSTEM' WHERE position = 7")

    checkpoint = integrity.checkpointer.catch_up()

    assert checkpoint is not None
    assert checkpoint.size == 40
    assert integrity.verify().is_intact


def test_a_gap_in_the_log_is_not_signed(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    fill(recorder, 30)
    attacker.run("DELETE FROM events WHERE position = 17")

    with pytest.raises(IntegrityError, match="Position 17 of the log is missing") as caught:
        integrity.checkpointer.catch_up()

    assert caught.value.position == 17


def test_another_installation_does_not_sign_what_it_cannot_trust(
    database_url: str, recorder: PostgresEventRecorder, integrity: LogIntegrity, tmp_path: Path
) -> None:
    fill(recorder, 10)
    integrity.checkpointer.catch_up()
    fill(recorder, 10)
    with integrity_on(database_url, tmp_path / "other") as other:
        with pytest.raises(IntegrityError, match="HANSARD_CHECKPOINT_KEY"):
            other.checkpointer.catch_up()

        other.keys.signer()
        with other.keys.trusted_path.open("a") as file:
            file.write(f"# the first installation\n{integrity.verifier_key()}\n")
        other.checkpointer.catch_up()
        found = other.verify()

    assert found.is_intact
    assert (found.covered, len(found.keys)) == (20, 2)


APPENDING = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"


class TestKeys:
    def test_the_key_is_made_once_and_for_its_owner_alone(self, integrity: LogIntegrity) -> None:
        key = integrity.verifier_key()

        assert integrity.verifier_key() == key
        assert key.name == f"hansard/{integrity.log_id}"
        assert integrity.keys.path.stat().st_mode & 0o777 == 0o600
        assert integrity.keys.path.parent.stat().st_mode & 0o777 == 0o700
        assert integrity.keys.trusted_path.read_text() == f"{key}\n"

    def test_what_an_old_key_signed_stays_valid(
        self, recorder: PostgresEventRecorder, integrity: LogIntegrity
    ) -> None:
        keys = [integrity.verifier_key()]
        for _ in range(2):
            fill(recorder, 10)
            integrity.checkpointer.catch_up()
            keys.append(integrity.keys.rotate())
        integrity.keys.path.unlink()
        fill(recorder, 10)
        integrity.checkpointer.catch_up()

        found = integrity.verify()

        assert found.is_intact
        assert integrity.keys.trusted() == [*keys, integrity.verifier_key()]
        assert found.keys == tuple(map(str, [*keys[:2], integrity.verifier_key()]))

    def test_only_the_keys_that_are_given_count(
        self, recorder: PostgresEventRecorder, integrity: LogIntegrity, tmp_path: Path
    ) -> None:
        fill(recorder, 10)
        integrity.checkpointer.catch_up()
        theirs = tmp_path / "theirs"
        theirs.write_text(f"# kept by the auditor\n\n{integrity.verifier_key()}\n")
        assert integrity.verify(keys=theirs).is_intact

        integrity.keys.rotate()
        fill(recorder, 10)
        integrity.checkpointer.catch_up()
        (found,) = integrity.verify(keys=theirs).findings[:1]

        assert "signed by no trusted key" in found.message

    @pytest.mark.parametrize(
        ("content", "mode", "message"),
        [
            (None, 0o644, "Others can read the key file"),
            ("nonsense", 0o600, "cannot be read"),
            ("", 0o600, "cannot be read"),
        ],
    )
    def test_a_key_that_cannot_be_used_is_said_so(
        self, integrity: LogIntegrity, content: str | None, mode: int, message: str
    ) -> None:
        integrity.verifier_key()
        if content is not None:
            integrity.keys.path.write_text(content)
        integrity.keys.path.chmod(mode)

        with pytest.raises(UnavailableError, match=message):
            integrity.verifier_key()


class TestHandover:
    def test_every_checkpoint_is_handed_over_once_and_in_order(
        self, database_url: str, recorder: PostgresEventRecorder, home: Path, tmp_path: Path
    ) -> None:
        place = tmp_path / "second place.txt"
        command = [sys.executable, "-c", APPENDING, str(place)]
        for _ in range(3):
            with integrity_on(database_url, home, command=command) as integrity:
                fill(recorder, 5)
                integrity.checkpointer.catch_up()
                integrity.checkpointer.catch_up()
        assert place.read_bytes() == integrity.publication.list_path.read_bytes()
        assert place.read_text().count("\u2014 hansard/") == 3

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (["no-such-program"], "No such file or directory"),
            ([sys.executable, "-c", "import sys; sys.exit('full')"], "exit code 1: full"),
        ],
    )
    def test_what_fails_is_reported(
        self,
        integrity: LogIntegrity,
        signed: pytest.LogCaptureFixture,
        command: list[str],
        reason: str,
    ) -> None:
        Handover(command, integrity.publication).run()

        assert reason in signed.text
        assert "tried again at the next one" in signed.text

    def test_a_command_that_hangs_is_ended(
        self,
        integrity: LogIntegrity,
        signed: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(handover, "TIMEOUT_S", 0.1)
        command = [sys.executable, "-c", "import time; time.sleep(60)"]

        Handover(command, integrity.publication).run()

        assert "it took more than 0 seconds" in signed.text

    def test_what_was_not_taken_is_handed_over_with_the_next_checkpoint(
        self, integrity: LogIntegrity, recorder: PostgresEventRecorder, tmp_path: Path
    ) -> None:
        place = tmp_path / "place"
        Handover(["false"], integrity.publication).run()
        fill(recorder, 5)
        integrity.checkpointer.catch_up()

        Handover([sys.executable, "-c", APPENDING, str(place)], integrity.publication).run()

        assert place.read_bytes() == integrity.publication.list_path.read_bytes()

    @pytest.fixture
    def signed(
        self,
        integrity: LogIntegrity,
        recorder: PostgresEventRecorder,
        caplog: pytest.LogCaptureFixture,
    ) -> pytest.LogCaptureFixture:
        fill(recorder, 5)
        integrity.checkpointer.catch_up()
        return caplog


class TestThread:
    def test_it_covers_what_is_appended_and_the_rest_when_it_stops(
        self, recorder: PostgresEventRecorder, integrity: LogIntegrity
    ) -> None:
        thread = CheckpointThread(integrity.checkpointer, interval_s=0.01)
        thread.start()
        fill(recorder, 20)
        eventually(lambda: not integrity.checkpointer.is_behind())
        thread.stop()
        fill(recorder, 20)

        late = CheckpointThread(integrity.checkpointer, interval_s=1000)
        late.start()
        late.stop()

        assert integrity.verify().covered == 40

    def test_what_goes_wrong_is_logged_once(
        self,
        recorder: PostgresEventRecorder,
        integrity: LogIntegrity,
        attacker: Attacker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        fill(recorder, 20)
        integrity.checkpointer.catch_up()
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 7")
        fill(recorder, 1)
        thread = CheckpointThread(integrity.checkpointer, interval_s=0.01)
        with caplog.at_level(logging.ERROR):
            thread.start()
            eventually(lambda: bool(caplog.records))
            thread.stop()

        (record,) = caplog.records
        assert record.getMessage() == (
            "The log is not checkpointed: The event at position 7 was changed."
            " Nothing is signed after that."
        )
