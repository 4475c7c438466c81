"""Archiving: old partitions become files, whatever comes in between, and nothing else changes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from application.errors import ConflictError, IntegrityError, UnavailableError
from infrastructure.archive.manifest import check
from infrastructure.archive.moving import DETACHED, DROPPED, EXPORTED, MADE, RECORDED
from infrastructure.database import Connection, DatabaseUnavailableError
from infrastructure.integrity.note import SignatureError
from infrastructure.integrity.tiles import whole_tiles
from tests.support.archive import ArchivableLog, as_owner, fill_log
from tests.support.event_log import an_event
from tests.support.integrity import Attacker
from tests.support.processes import eventually, guided

END = 10**9

STEPS = (EXPORTED, MADE, RECORDED, DETACHED, DROPPED)


def names(log: ArchivableLog) -> list[str]:
    return sorted(path.name for path in log.folder.rglob("*") if path.is_file())


def tables(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'hansard'::regnamespace"
        " AND relkind = 'r' AND relname ^@ 'events_from_' ORDER BY oid"
    )
    return [name for (name,) in rows]


def test_partitions_up_to_a_position_become_files(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 600)
    before = list(log.recorder.select_log())

    done = log.archiver.run(299)

    assert [(one.first, one.last) for one in done.archived] == [(1, 100), (101, 200)]
    assert names(log) == [
        *("events-1-100.json", "events-1-100.parquet"),
        *("events-101-200.json", "events-101-200.parquet"),
    ]
    assert "events_from_101" not in tables(connection)
    assert connection.execute("SELECT min(position) FROM hansard.events").fetchone() == (201,)
    assert list(log.recorder.select_log()) == before


def test_the_partition_of_the_newest_event_stays(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 1100)

    log.archiver.run(END)

    assert connection.execute("SELECT min(position) FROM hansard.events").fetchone() == (1001,)
    [event] = log.recorder.append([an_event()])
    assert event.position == 1101


def test_positions_that_are_in_no_full_tile_yet_stay(log: ArchivableLog) -> None:
    fill_log(log.recorder, 510)

    done = log.archiver.run(END)

    assert whole_tiles(510) == 256
    assert [one.last for one in done.archived] == [100, 200]
    assert done.uncovered == 3
    log.recorder.append([an_event(), an_event()])
    assert [one.last for one in log.archiver.run(END).archived] == [300, 400, 500]


def test_a_dry_run_tells_the_same_and_changes_nothing(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 600)
    partitions = tables(connection)

    planned = log.archiver.plan(350)

    assert (tables(connection), names(log)) == (partitions, [])
    assert connection.execute("SELECT count(*) FROM hansard.checkpoints").fetchone() == (0,)
    done = log.archiver.run(350)
    assert [(one.first, one.last, one.file, one.table_bytes) for one in planned.archived] == [
        (one.first, one.last, one.file, one.table_bytes) for one in done.archived
    ]
    assert (planned.dry_run, done.dry_run) == (True, False)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_a_log_of_one_partition_has_nothing_to_archive(log: ArchivableLog, count: int) -> None:
    fill_log(log.recorder, count)

    assert log.archiver.run(END).archived == ()


def test_the_row_and_the_manifest_say_what_the_file_is(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 600)

    [done] = log.archiver.run(100).archived

    file = Path(done.file)
    row = connection.execute(
        "SELECT first, last, file, encode(sha256, 'hex'), bytes, recorded_until"
        " FROM hansard.archives"
    ).fetchone()
    manifest = json.loads(file.with_suffix(".json").read_text())
    digest = sha256(file.read_bytes()).hexdigest()
    [last] = log.recorder.select_log(after=99, until=100)
    name = str(file.relative_to(log.folder))
    assert row == (1, 100, name, digest, file.stat().st_size, last.recorded_at)
    assert (manifest["first"], manifest["last"], manifest["sha256"]) == (1, 100, digest)
    assert manifest["log_id"] == str(log.integrity.log_id)
    assert done.file_bytes == file.stat().st_size


def test_a_file_and_its_manifest_prove_themselves_without_a_database(
    log: ArchivableLog, tmp_path: Path
) -> None:
    fill_log(log.recorder, 900)
    log.archiver.run(END)
    log.recorder.append([an_event() for _ in range(300)])
    log.archiver.run(END)
    trusted = log.integrity.keys.trusted()

    for path in log.folder.rglob("*.json"):
        moved = tmp_path / path.name
        moved.write_bytes(path.read_bytes())
        moved.with_suffix(".parquet").write_bytes(path.with_suffix(".parquet").read_bytes())
        manifest = check(moved, trusted)
        assert f"events-{manifest.first}-{manifest.last}.json" == path.name
        with pytest.raises(SignatureError):
            check(moved, [])


def test_a_file_that_was_replaced_with_its_manifest_is_not_what_was_signed(
    log: ArchivableLog,
) -> None:
    fill_log(log.recorder, 600)
    log.archiver.run(200)
    [one, other] = sorted(log.folder.rglob("*.json"))
    forged = json.loads(one.read_text()) | {"first": 101, "last": 200}

    other.write_text(json.dumps(forged))

    with pytest.raises(IntegrityError, match="are not what the checkpoint"):
        check(other, log.integrity.keys.trusted())


def test_a_partition_that_was_changed_stays_where_it_is(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 600)
    log.integrity.checkpointer.catch_up()
    Attacker(connection).run("UPDATE events SET actor = 'nobody' WHERE position = 150")

    with pytest.raises(IntegrityError, match="101 to 200 are not what the checkpoint"):
        log.archiver.run(END)

    assert tables(connection)[0] == "events_from_101"
    assert log.archived.catalogue.archives()[-1].last == 100


def test_a_partition_that_lost_an_event_stays_where_it_is(
    log: ArchivableLog, connection: Connection
) -> None:
    fill_log(log.recorder, 600)
    log.integrity.checkpointer.catch_up()
    Attacker(connection).run("DELETE FROM events WHERE position = 50")

    with pytest.raises(IntegrityError, match="99 events for positions 1 to 100"):
        log.archiver.run(END)

    assert log.archived.catalogue.archives() == ()


def test_a_folder_that_cannot_be_used_is_named(log: ArchivableLog, connection: Connection) -> None:
    fill_log(log.recorder, 600)
    log.folder.parent.mkdir()
    log.folder.write_text("a file")

    with pytest.raises(UnavailableError, match=r"archive/.*\.parquet' cannot be written \("):
        log.archiver.run(END)

    assert tables(connection)[0] == "events_from_1"


@pytest.mark.parametrize("manifest", [None, "{", '{"format": "hansard-archive/9"}'])
def test_a_file_of_somebody_else_is_never_replaced(
    log: ArchivableLog, connection: Connection, manifest: str | None
) -> None:
    fill_log(log.recorder, 600)
    file = log.folder / str(log.integrity.log_id) / "events-1-100.parquet"
    file.parent.mkdir(parents=True)
    file.write_text("precious")
    if manifest is not None:
        file.with_suffix(".json").write_text(manifest)

    with pytest.raises(IntegrityError, match=r"events-1-100\.json' cannot be read"):
        log.archiver.run(END)

    assert file.read_text() == "precious"
    assert tables(connection)[0] == "events_from_1"


def test_one_process_archives_at_a_time(log: ArchivableLog, database_url: str) -> None:
    fill_log(log.recorder, 600)
    with as_owner(database_url) as other:
        other.execute("SELECT pg_advisory_lock(x'48414E5341524348'::bigint)")

        with pytest.raises(ConflictError, match="Another process archives"):
            log.archiver.run(END)


def test_a_login_that_may_not_act_as_the_owner_is_told_whom_to_name(
    database_url: str, connection: Connection
) -> None:
    name = f"reader_{connection.info.backend_pid}"
    connection.execute(f"CREATE ROLE {name} LOGIN IN ROLE hansard_reader".encode())
    try:
        with pytest.raises(DatabaseUnavailableError, match="HANSARD_MIGRATION_URL"):
            as_owner(f"{database_url} user={name}")
    finally:
        connection.execute(f"DROP ROLE {name}".encode())


def test_events_are_appended_and_read_while_a_long_transaction_holds_up_the_removal(
    log: ArchivableLog, connection: Connection, database_url: str
) -> None:
    fill_log(log.recorder, 600)
    before = list(log.recorder.select_log())
    with as_owner(database_url) as reader, ThreadPoolExecutor(1) as pool:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM hansard.events")
        running = pool.submit(log.archiver.run, 100)
        pending = "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)"
        eventually(lambda: connection.execute(pending).fetchone() == (True,))

        appended = log.recorder.append([an_event() for _ in range(150)])
        assert [*log.recorder.select_log()] == [*before, *appended]
        assert reader.execute("SELECT count(*) FROM hansard.events").fetchone() == (600,)
        assert not running.done()

        reader.execute("COMMIT")
        assert [one.last for one in running.result().archived] == [100]
    assert [*log.recorder.select_log()] == [*before, *appended]


ARCHIVE = """
import sys
from pathlib import Path
from tests.support.archive import archivable_log

def tell(step, first, last):
    print(step, first, flush=True)
    sys.stdin.readline()

with archivable_log(sys.argv[1], Path(sys.argv[2]), tell) as log:
    log.archiver.run(200)
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_run_is_finished_by_the_next_one(
    log: ArchivableLog, connection: Connection, database_url: str, home: Path, step: str
) -> None:
    fill_log(log.recorder, 600)
    before = list(log.recorder.select_log())

    with guided(ARCHIVE, database_url, str(home)) as process:
        while not process.heard().startswith(f"{step} 101"):
            process.go_on()
        assert list(log.recorder.select_log()) == before
        process.kill()

    assert list(log.recorder.select_log()) == before
    eventually(lambda: not still_archiving(connection))
    log.archiver.run(200)
    assert list(log.recorder.select_log()) == before
    assert [one.last for one in log.archived.catalogue.archives()] == [100, 200]
    assert tables(connection)[0] == "events_from_201"
    assert names(log) == [
        *("events-1-100.json", "events-1-100.parquet"),
        *("events-101-200.json", "events-101-200.parquet"),
    ]


def test_a_partition_that_was_changed_after_its_file_was_made_stays(
    log: ArchivableLog, connection: Connection, database_url: str, home: Path
) -> None:
    fill_log(log.recorder, 600)
    with guided(ARCHIVE, database_url, str(home)) as process:
        while not process.heard().startswith(f"{MADE} 1"):
            process.go_on()
        process.kill()
    eventually(lambda: not still_archiving(connection))
    Attacker(connection).run("UPDATE events SET payload = '{}' WHERE position = 77")

    with pytest.raises(IntegrityError, match="Position 77 is not the same in the archive"):
        log.archiver.run(200)

    assert tables(connection)[0] == "events_from_1"


def test_a_removal_that_was_cut_off_in_the_middle_is_finished(
    log: ArchivableLog, connection: Connection, database_url: str, home: Path
) -> None:
    fill_log(log.recorder, 600)
    before = list(log.recorder.select_log())
    pending = "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)"
    with as_owner(database_url) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM hansard.events")
        with guided(ARCHIVE, database_url, str(home)) as process:
            for _ in (EXPORTED, MADE, RECORDED):
                process.heard()
                process.go_on()
            eventually(lambda: connection.execute(pending).fetchone() == (True,))
            process.kill()
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE query ^@ 'ALTER TABLE hansard.events DETACH'"
            )
        reader.execute("COMMIT")

    eventually(lambda: not still_archiving(connection))
    done = log.archiver.run(200)

    assert done.finished == (100,)
    assert [one.last for one in done.archived] == [200]
    assert list(log.recorder.select_log()) == before


def still_archiving(connection: Connection) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'"
        " AND objid = x'41524348'::bigint"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    ).fetchone()
    return row == (True,)
