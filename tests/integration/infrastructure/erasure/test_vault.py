"""SubjectVault: one key a subject for all processes, gone for all of them when it is destroyed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from psycopg import errors

from application.errors import ConflictError, NotFoundError, UnavailableError
from infrastructure.database import Connection, connect, prepare_writer
from infrastructure.erasure.errors import KeyFileError, SubjectForgottenError, SubjectKeyError
from infrastructure.erasure.key_file import KeyFile, MasterKey
from infrastructure.erasure.vault import SubjectVault
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import an_event
from tests.support.processes import guided

SUBJECT = "customer-42"
MESSAGE, PLACE = b"words", b"place"

Open = Callable[..., SubjectVault]


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "subjects.key")


@pytest.fixture
def open_vault(database_url: str, key_file: KeyFile) -> Iterator[Open]:
    with ExitStack() as closing:

        def open_vault(file: KeyFile = key_file) -> SubjectVault:
            dial = partial(connect, database_url, autocommit=True, prepare=prepare_writer)
            vault = SubjectVault(dial, file)
            closing.callback(vault.close)
            return vault

        yield open_vault


@pytest.fixture
def vault(open_vault: Open) -> SubjectVault:
    return open_vault()


def test_what_one_process_seals_another_one_opens(open_vault: Open) -> None:
    sealed = open_vault().key_to_seal(SUBJECT).encrypt(MESSAGE, PLACE)

    key = open_vault().key_to_open(SUBJECT)

    assert key is not None
    assert key.decrypt(sealed, PLACE) == MESSAGE


def test_each_subject_has_a_key_of_its_own(vault: SubjectVault) -> None:
    one, other = (vault.key_to_seal(name).encrypt(MESSAGE, PLACE) for name in ("one", "other"))

    assert one != other


def test_many_who_come_first_at_once_get_one_key(open_vault: Open, connection: Connection) -> None:
    vaults = [open_vault() for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        sealed = list(
            threads.map(lambda it: it.key_to_seal(SUBJECT).encrypt(MESSAGE, PLACE), vaults)
        )

    assert len(set(sealed)) == 1
    assert connection.execute("SELECT count(*) FROM hansard.subject_keys").fetchall() == [(1,)]


FIRST_USE = """
import sys
from functools import partial
from pathlib import Path
from infrastructure.database import connect, prepare_writer
from infrastructure.erasure.key_file import KeyFile
from infrastructure.erasure.vault import SubjectVault

dial = partial(connect, sys.argv[1], autocommit=True, prepare=prepare_writer)
vault = SubjectVault(dial, KeyFile(Path(sys.argv[2])))
print("ready", flush=True)
input()
print(vault.key_to_seal("customer-42").encrypt(b"words", b"place").hex(), flush=True)
vault.close()
"""


def test_two_processes_that_first_use_a_subject_at_once_get_one_key(
    database_url: str, key_file: KeyFile
) -> None:
    arguments = (FIRST_USE, database_url, str(key_file.path))
    with guided(*arguments) as one, guided(*arguments) as other:
        assert (one.heard(), other.heard()) == ("ready", "ready")
        one.go_on()
        other.go_on()
        sealed = one.heard()

        assert sealed
        assert other.heard() == sealed


def test_a_destroyed_key_seals_and_opens_nothing_in_any_process(open_vault: Open) -> None:
    one, other = open_vault(), open_vault()
    one.key_to_seal(SUBJECT)
    one.destroy(SUBJECT, until=0)

    assert one.destroyed_at(SUBJECT) == other.destroyed_at(SUBJECT) is not None
    for vault in (one, other):
        assert vault.key_to_open(SUBJECT) is None
        with pytest.raises(SubjectForgottenError, match=SUBJECT):
            vault.key_to_seal(SUBJECT)


def test_a_key_is_forgotten_in_memory_soon_after_it_was_destroyed(
    open_vault: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("infrastructure.erasure.vault.monotonic", lambda: now[0])
    one, other = open_vault(), open_vault()
    assert other.key_to_seal(SUBJECT)
    one.destroy(SUBJECT, until=0)

    now[0] += 1.0

    assert other.key_to_open(SUBJECT) is None


def test_keys_that_were_not_used_for_a_second_are_dropped(
    vault: SubjectVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("infrastructure.erasure.vault.monotonic", lambda: now[0])
    for number in range(20):
        vault.key_to_seal(f"customer-{number}")
    assert len(vault._keys) == 20

    now[0] += 1.0
    vault.key_to_open("customer-7")

    assert list(vault._keys) == ["customer-7"]


def test_nothing_is_destroyed_when_something_was_recorded_meanwhile(
    vault: SubjectVault, recorder: PostgresEventRecorder
) -> None:
    vault.key_to_seal(SUBJECT)
    [recorded] = recorder.append([an_event(subject=SUBJECT)])

    with pytest.raises(ConflictError, match="just now"):
        vault.destroy(SUBJECT, until=recorded.position - 1)
    assert vault.destroyed_at(SUBJECT) is None

    vault.destroy(SUBJECT, until=recorded.position)
    assert vault.destroyed_at(SUBJECT) is not None


def test_an_append_for_a_forgotten_subject_is_refused_and_others_beside_it_are_not(
    vault: SubjectVault, recorder: PostgresEventRecorder
) -> None:
    vault.key_to_seal(SUBJECT)
    [known] = recorder.append([an_event(subject=SUBJECT)])
    vault.destroy(SUBJECT, until=known.position)

    with pytest.raises(SubjectForgottenError, match=SUBJECT):
        recorder.append([an_event(), an_event(subject=SUBJECT)])
    recorder.append([an_event(subject="customer-43"), an_event()])

    assert recorder.max_notification_id() == 3
    assert recorder.append([known]) == [known]


def test_an_unknown_subject_has_no_key(vault: SubjectVault) -> None:
    with pytest.raises(NotFoundError, match="No subject 'nobody'"):
        vault.destroyed_at("nobody")
    with pytest.raises(SubjectKeyError, match="is missing from hansard"):
        vault.key_to_open("nobody")


@pytest.mark.parametrize("name", ["'; DROP TABLE hansard.subject_keys; --", "%s", "\\", "ä€"])
def test_a_name_is_only_a_name(vault: SubjectVault, name: str) -> None:
    vault.key_to_seal(name)
    vault.destroy(name, until=0)

    assert vault.key_to_open(name) is None


def test_with_a_key_file_of_another_database_nothing_is_read_or_written(
    open_vault: Open, connection: Connection, tmp_path: Path
) -> None:
    open_vault().key_to_seal(SUBJECT)
    rows = connection.execute("SELECT * FROM hansard.subject_keys").fetchall()
    other = KeyFile(tmp_path / "other.key")
    other.create()
    for file, said in ((other, "does not hold the master key"), (absent(tmp_path), "is missing")):
        vault = open_vault(file)

        with pytest.raises(KeyFileError, match=said) as caught:
            vault.key_to_open(SUBJECT)
        with pytest.raises(KeyFileError, match=said):
            vault.key_to_seal("customer-43")
        with pytest.raises(KeyFileError, match=said):
            vault.rotate()
        assert "HANSARD_SUBJECT_KEY_FILE" in str(caught.value)

    assert connection.execute("SELECT * FROM hansard.subject_keys").fetchall() == rows
    assert not absent(tmp_path).path.exists()


def absent(folder: Path) -> KeyFile:
    return KeyFile(folder / "absent" / "subjects.key")


def test_the_key_file_is_made_anew_only_where_no_key_needs_the_old_one(
    open_vault: Open, key_file: KeyFile
) -> None:
    vault = open_vault()
    vault.key_to_seal(SUBJECT)
    key_file.path.unlink()
    with pytest.raises(KeyFileError, match="is missing"):
        vault.key_to_seal("customer-43")

    vault.destroy(SUBJECT, until=0)

    vault.key_to_seal("customer-43")
    assert key_file.path.exists()


def test_a_key_that_was_exchanged_in_the_table_is_noticed(
    open_vault: Open, connection: Connection
) -> None:
    vault = open_vault()
    for name in ("one", "other"):
        vault.key_to_seal(name)
    connection.execute(
        "UPDATE hansard.subject_keys SET wrapped_key = (SELECT wrapped_key FROM"
        " hansard.subject_keys WHERE subject = 'other') WHERE subject = 'one'"
    )

    with pytest.raises(SubjectKeyError, match="'one' was changed"):
        open_vault().key_to_open("one")


def test_a_wrapped_key_is_worth_nothing_in_another_database(
    open_vault: Open, connection: Connection
) -> None:
    open_vault().key_to_seal(SUBJECT)
    connection.execute("UPDATE hansard.logs SET log_id = gen_random_uuid()")

    with pytest.raises(SubjectKeyError, match="was changed"):
        open_vault().key_to_open(SUBJECT)


def test_after_a_rotation_only_the_new_master_key_opens_what_was_sealed(
    open_vault: Open, key_file: KeyFile
) -> None:
    vault = open_vault()
    sealed = {name: vault.key_to_seal(name).encrypt(MESSAGE, PLACE) for name in ("one", "other")}
    vault.key_to_seal("gone")
    vault.destroy("gone", until=0)
    [old] = key_file.read()

    assert vault.rotate() == 2

    [new] = key_file.read()
    assert new.key_id != old.key_id
    again = open_vault()
    for name, words in sealed.items():
        key = again.key_to_open(name)
        assert key is not None
        assert key.decrypt(words, PLACE) == MESSAGE
    assert again.key_to_open("gone") is None


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_rotation_loses_nothing_and_can_be_repeated(
    open_vault: Open, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    vault = open_vault()
    sealed = vault.key_to_seal(SUBJECT).encrypt(MESSAGE, PLACE)
    replacing = KeyFile.replace
    calls = []

    def failing(file: KeyFile, keys: list[MasterKey]) -> None:
        calls.append(len(keys))
        if len(calls) == stop:
            raise KeyFileError("disk full")
        replacing(file, keys)

    monkeypatch.setattr(KeyFile, "replace", failing)
    with pytest.raises(KeyFileError, match="disk full"):
        vault.rotate()
    key = open_vault().key_to_open(SUBJECT)
    assert key is not None
    assert key.decrypt(sealed, PLACE) == MESSAGE

    monkeypatch.setattr(KeyFile, "replace", replacing)
    assert vault.rotate() == 1
    assert len(key_file.read()) == 1
    key = open_vault().key_to_open(SUBJECT)
    assert key is not None
    assert key.decrypt(sealed, PLACE) == MESSAGE


def test_who_meets_a_rotation_halfway_looks_again(
    open_vault: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, rotating = open_vault(), open_vault()
    vault.key_to_seal(SUBJECT)
    vault._keys.clear()
    reading = KeyFile.read
    pending = [rotating.rotate]

    def read(file: KeyFile) -> list[MasterKey]:
        while pending:
            pending.pop()()
        return reading(file)

    monkeypatch.setattr(KeyFile, "read", read)

    assert vault.key_to_open(SUBJECT) is not None


def test_a_broken_connection_is_replaced(vault: SubjectVault, connection: Connection) -> None:
    vault.key_to_seal(SUBJECT)
    vault._keys.clear()
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    assert vault.key_to_open(SUBJECT) is not None


def test_a_lost_database_is_said_to_be_lost(key_file: KeyFile) -> None:
    vault = SubjectVault(partial(connect, "host=127.0.0.1 port=1"), key_file)

    with pytest.raises(UnavailableError):
        vault.key_to_open(SUBJECT)


def test_the_reader_sees_who_was_forgotten_and_no_key(
    vault: SubjectVault, connection: Connection
) -> None:
    vault.key_to_seal(SUBJECT)
    connection.execute("SET ROLE hansard_reader")

    assert connection.execute("SELECT subject FROM hansard.subject_keys").fetchall() == [(SUBJECT,)]
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT wrapped_key FROM hansard.subject_keys")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM hansard.subject_keys",
        "TRUNCATE hansard.subject_keys",
        "UPDATE hansard.subject_keys SET subject = 'other'",
        "UPDATE hansard.subject_keys SET created_at = now()",
    ],
)
def test_the_writer_cannot_take_a_subject_away(
    vault: SubjectVault, connection: Connection, statement: str
) -> None:
    vault.key_to_seal(SUBJECT)
    connection.execute("SET ROLE hansard_writer")

    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement)


def test_no_key_is_logged(
    open_vault: Open, key_file: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        vault = open_vault()
        vault.key_to_seal(SUBJECT)
        vault.rotate()
        vault.destroy(SUBJECT, until=0)

    secret = key_file.path.read_text(encoding="ascii").split()[-1]
    assert secret not in caplog.text
    assert secret not in repr(vars(vault))
