"""EmbeddedServer: shared, counted, kept, killed, in awkward places and in bad shape."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database import DatabaseUnavailableError, EmbeddedServer, ServerStatus
from infrastructure.database.embedded import AUDITOR
from infrastructure.database.system_user import _make
from tests.support.own_server import copied_programs
from tests.support.processes import eventually, guided

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")

USE = """
import sys
from pathlib import Path
from infrastructure.database import EmbeddedServer, connect
with EmbeddedServer(Path(sys.argv[1])).joined() as conninfo:
    print(Path(sys.argv[1], "data", "postmaster.pid").read_text().split()[0], flush=True)
    sys.stdin.readline()
    connect(conninfo).close()
"""


def server_pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def remember(conninfo: str) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE memory AS SELECT 42 AS answer")


def recall(conninfo: str) -> int:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT answer FROM memory").fetchone()
    assert row is not None
    answer: int = row[0]
    return answer


def is_shown_to_auditors(status: ServerStatus, conninfo: str) -> bool:
    shown = conninfo_to_dict(status.conninfo or "")
    return shown == conninfo_to_dict(conninfo) | {"user": AUDITOR}


def test_it_runs_while_it_is_used_and_stops_after_that(new_home: Path) -> None:
    server = EmbeddedServer(new_home / "postgres")

    with server.joined() as conninfo:
        remember(conninfo)
        used = server.status()
    left = server.status()

    assert (used.running, used.in_use, used.kept) == (True, True, False)
    assert is_shown_to_auditors(used, conninfo)
    assert (left.running, left.in_use, left.kept, left.conninfo) == (False, False, False, None)
    with server.joined() as conninfo:
        assert recall(conninfo) == 42


def test_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    folder = home / "postgres"
    with guided(USE, str(folder)) as first, guided(USE, str(folder)) as second:
        pids = {first.heard(), second.heard()}
        assert len(pids) == 1

        assert first.finish() == 0
        assert EmbeddedServer(folder).status().running

        assert second.finish() == 0
        assert not EmbeddedServer(folder).status().running


def test_processes_that_begin_at_once_in_a_new_folder_get_one_server(new_home: Path) -> None:
    folder = new_home / "postgres"
    with ExitStack() as stack:
        processes = [stack.enter_context(guided(USE, str(folder))) for _ in range(4)]

        pids = [process.heard() for process in processes]

        assert len(set(pids)) == 1
        assert pids[0] != ""
        assert [process.finish() for process in processes] == [0, 0, 0, 0]
    assert not EmbeddedServer(folder).status().running


def test_a_killed_user_neither_stops_the_server_nor_keeps_it(home: Path) -> None:
    folder = home / "postgres"
    server = EmbeddedServer(folder)
    with guided(USE, str(folder)) as user:
        pid = user.heard()
        user.kill()

    orphaned = server.status()
    with server.joined():
        found = server_pid(folder)

    assert (orphaned.running, orphaned.in_use) == (True, False)
    assert found == int(pid)
    assert not server.status().running


def test_a_user_killed_while_it_makes_a_new_server_leaves_nothing_in_the_way(
    new_home: Path,
) -> None:
    folder = new_home / "postgres"
    with guided(USE, str(folder)) as user:
        eventually(lambda: any(folder.glob("new-*/PG_VERSION")))
        user.kill()

    with EmbeddedServer(folder).joined() as conninfo:
        remember(conninfo)
        assert recall(conninfo) == 42
    assert not list(folder.glob("new-*"))


def test_a_user_killed_while_the_server_starts_leaves_it_to_the_next(home: Path) -> None:
    folder = home / "postgres"
    server = EmbeddedServer(folder)
    with server.joined() as conninfo:
        remember(conninfo)
    with guided(USE, str(folder)) as user:
        eventually((folder / "data" / "postmaster.pid").exists)
        user.kill()

    with server.joined() as conninfo:
        assert recall(conninfo) == 42
    assert not server.status().running


def test_a_killed_server_is_started_again_with_everything_that_was_committed(home: Path) -> None:
    folder = home / "postgres"
    server = EmbeddedServer(folder)
    with server.joined() as conninfo:
        remember(conninfo)
        os.kill(server_pid(folder), signal.SIGKILL)

        with server.joined() as again:
            assert recall(again) == 42
    assert not server.status().running


def test_a_process_id_that_belongs_to_another_program_now_deceives_nobody(home: Path) -> None:
    folder = home / "postgres"
    server = EmbeddedServer(folder)
    with server.joined() as conninfo:
        remember(conninfo)
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getpid())
    (folder / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")

    with server.joined() as conninfo:
        assert recall(conninfo) == 42


def test_a_kept_server_outlives_its_users_until_it_is_told_to_stop(home: Path) -> None:
    folder = home / "postgres"
    server = EmbeddedServer(folder)

    started = server.start()
    with guided(USE, str(folder)) as user:
        user.heard()
        assert user.finish() == 0
    left = server.status()
    stopped = server.stop()

    assert (started.running, started.kept, started.in_use) == (True, True, False)
    assert (left.running, left.kept) == (True, True)
    assert (stopped.running, stopped.kept) == (False, False)


def test_a_user_may_leave_the_server_running(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")

    with server.joined(keep=True):
        pass

    assert server.status().running
    assert not server.stop().running


def test_stopping_a_server_in_use_waits_for_its_last_user(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    server.start()

    with server.joined() as conninfo:
        told = server.stop()
        remember(conninfo)

    assert (told.running, told.kept, told.in_use) == (True, False, True)
    assert not server.status().running


def test_stopping_now_stops_it_under_its_users(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")

    with server.joined():
        assert not server.stop(now=True).running


def test_asking_for_the_status_of_a_server_that_never_was_makes_nothing(new_home: Path) -> None:
    server = EmbeddedServer(new_home / "postgres")

    assert not server.status().running
    assert not server.stop().running
    assert not (new_home / "postgres").exists()


def test_a_removed_folder_does_not_trouble_those_who_leave(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    with server.joined():
        server.stop(now=True)
        (home / "postgres" / "changing").unlink()

    assert not server.status().running


@pytest.mark.parametrize(
    "name",
    ["with blanks", "$HOME `id` \"q\" 'p' \\b", "a,b", "ünï-日本", "x" * 150],
    ids=["blanks", "shell", "comma", "letters", "long"],
)
def test_awkward_paths_work(new_home: Path, name: str) -> None:
    server = EmbeddedServer(new_home / name / "postgres")
    with server.joined() as conninfo:
        remember(conninfo)
        assert recall(conninfo) == 42
        assert is_shown_to_auditors(server.status(), conninfo)
    assert not server.status().running


def test_the_socket_of_a_long_path_leaves_nothing_behind(new_home: Path) -> None:
    server = EmbeddedServer(new_home / ("x" * 150) / "postgres")

    with server.joined() as conninfo:
        socket_folder = Path(str(conninfo_to_dict(conninfo)["host"]))
        mode = stat.S_IMODE(socket_folder.stat().st_mode)

    assert mode == 0o700
    assert not socket_folder.exists()


def test_its_settings_keep_every_commit_safe_and_its_text_the_same_everywhere(home: Path) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "TimeZone")
    with (
        EmbeddedServer(home / "postgres").joined() as conninfo,
        psycopg.connect(conninfo) as connection,
    ):
        found = [
            connection.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in names
        ]
        order = connection.execute(
            "SELECT datcollate, datlocale, pg_encoding_to_char(encoding) FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()

    assert found == [("on",), ("on",), ("on",), ("on",), ("UTC",)]
    assert order == ("C", "C.UTF-8", "UTF8")


def test_alter_system_has_the_last_word(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    with server.joined() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET jit = on")

    with server.joined() as conninfo, psycopg.connect(conninfo) as connection:
        assert connection.execute("SHOW jit").fetchone() == ("on",)


def test_a_long_log_is_set_aside(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    os.truncate(home / "postgres" / "server.log", 6_000_000)

    with server.joined():
        pass

    assert (home / "postgres" / "server.log.1").stat().st_size == 6_000_000
    assert (home / "postgres" / "server.log").stat().st_size < 100_000


def test_nobody_else_can_come_near_it(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    with (
        server.joined() as conninfo,
        psycopg.connect(conninfo) as connection,
    ):
        listening = connection.execute("SHOW listen_addresses").fetchone()

    assert listening == ("",)
    assert stat.S_IMODE((home / "postgres").stat().st_mode) == 0o700


@as_root
def test_for_root_it_runs_as_another_user_with_no_group_of_root(home: Path) -> None:
    with EmbeddedServer(home / "postgres").joined():
        status = Path(f"/proc/{server_pid(home / 'postgres')}/status").read_text()

    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert "0" not in fields["Uid"].split() + fields["Gid"].split() + fields["Groups"].split()


@as_root
def test_for_root_a_closed_folder_above_is_opened_for_passing_through_only(new_home: Path) -> None:
    closed, open_already = new_home / "closed", new_home / "closed" / "open"
    open_already.mkdir(parents=True)
    closed.chmod(0o700)
    open_already.chmod(0o751)

    with EmbeddedServer(open_already / "postgres").joined() as conninfo:
        remember(conninfo)

    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert stat.S_IMODE(open_already.stat().st_mode) == 0o751


@as_root
def test_for_root_programs_installed_for_nobody_else_are_made_to_run(new_home: Path) -> None:
    programs = copied_programs(new_home / "installed")
    for path in (programs.folder, *programs.folder.rglob("*")):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o077)

    with EmbeddedServer(new_home / "postgres", programs).joined() as conninfo:
        remember(conninfo)
        assert recall(conninfo) == 42


def test_a_system_user_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(DatabaseUnavailableError) as caught:
        _make("hansard-nobody")

    assert "PostgreSQL does not run as root, and the system user 'hansard-nobody' cannot be" in str(
        caught.value
    )
    assert "run Hansard as an ordinary user, or set HANSARD_DATABASE_URL" in str(caught.value)


def test_data_of_another_version_are_refused_in_one_sentence(home: Path) -> None:
    server = EmbeddedServer(home / "postgres")
    (home / "postgres" / "data" / "PG_VERSION").write_text("16\n")

    with pytest.raises(DatabaseUnavailableError) as caught, server.joined():
        pass

    assert "were written by PostgreSQL 16, but this Hansard brings PostgreSQL 18" in str(
        caught.value
    )
    assert not server.status().in_use


@pytest.mark.parametrize("lost", ["global/pg_control", "PG_VERSION", "postgresql.conf"])
def test_damaged_data_are_named_in_one_sentence(home: Path, lost: str) -> None:
    server = EmbeddedServer(home / "postgres")
    (home / "postgres" / "data" / lost).unlink()

    with pytest.raises(DatabaseUnavailableError) as caught, server.joined():
        pass

    assert "its data may be damaged" in str(caught.value)
    assert str(home) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_home_that_is_no_folder_is_named(new_home: Path) -> None:
    (new_home / "file").touch()

    with pytest.raises(DatabaseUnavailableError, match=r"cannot be used \(Not a directory\)"):
        EmbeddedServer(new_home / "file" / "postgres").start()
