"""Dump and restore: in a new cluster the log goes on where it was, as guarded and as proven."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from psycopg import errors, sql

from infrastructure.database import Connection, connect, ensure_schema
from infrastructure.database.roles import ensure_roles
from infrastructure.event_log.errors import VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from migrations import head
from tests.conftest import RUN_FOLDER
from tests.support.dumps import dump, restore
from tests.support.event_log import a_stream, an_event, plant, recorder_on, shrink_partitions
from tests.support.integrity import integrity_on
from tests.support.own_server import PASSWORD, OwnServer, own_server
from tests.support.postgres import TestServer

SIZE = 100
"""Positions in a partition."""

AHEAD = timedelta(hours=1)
"""How far the clock of the old machine was ahead."""

GUARDS = """
SELECT relname, tgname, tgenabled, relowner::regrole::text, relacl::text
FROM pg_class AS c LEFT JOIN pg_trigger ON tgrelid = c.oid
WHERE relnamespace = 'hansard'::regnamespace AND relkind IN ('r', 'p', 'v') ORDER BY 1, 2
"""

FUNCTIONS = """
SELECT proname, prosecdef, proconfig, proowner::regrole::text, proacl::text, prosrc
FROM pg_proc WHERE pronamespace = 'hansard'::regnamespace ORDER BY 1
"""


COMPANIONS = """
INSERT INTO hansard.event_ids SELECT log, event_id, position FROM hansard.events
ON CONFLICT DO NOTHING;
INSERT INTO hansard.stream_heads SELECT log, stream, max(version) FROM hansard.events GROUP BY 1, 2
ON CONFLICT DO NOTHING
"""


class Restored(NamedTuple):
    """A log in a new cluster.

    Attributes:
        service: connection string of a login that may write and nothing else.
        home: holds the keys and the published checkpoints, as the old machine had them.
    """

    server: OwnServer
    service: str
    home: Path
    events: list[LoggedEvent]

    def connect_as_admin(self) -> Connection:
        """Connect as the superuser of the new cluster."""
        return self.server.connect_as_admin("restored")


@pytest.fixture(scope="module")
def restored(
    postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restored]:
    """A log of four partitions and a checkpoint, whose last event is of the future."""
    folder = tmp_path_factory.mktemp("dump")
    with ExitStack() as stack:
        url = stack.enter_context(postgres_server.fresh_database())
        with connect(url, autocommit=True) as connection, recorder_on(url) as recorder:
            shrink_partitions(connection, SIZE)
            recorder.append(a_stream(3 * SIZE + 10))
            plant(connection, 3 * SIZE + 11, datetime.now(tz=UTC) + AHEAD)
            connection.execute(COMPANIONS)
            recorder.append(a_stream(3))
            with integrity_on(url, folder / "home") as integrity:
                integrity.checkpointer.catch_up()
            events = list(recorder.select_log())
            guards = [connection.execute(query).fetchall() for query in (GUARDS, FUNCTIONS)]
            dump(url, folder / "log.dump")
        server = stack.enter_context(own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]))
        server.administer("CREATE DATABASE restored")
        with server.connect_as_admin("restored") as connection:
            ensure_roles(connection)
        restore(folder / "log.dump", server.admin_conninfo("restored"))
        server.administer(f"CREATE ROLE clerk LOGIN PASSWORD '{PASSWORD}' IN ROLE hansard_writer")
        with server.connect_as_admin("restored") as connection:
            assert [connection.execute(query).fetchall() for query in (GUARDS, FUNCTIONS)] == guards
        yield Restored(server, server.conninfo("clerk", "restored"), folder / "home", events)


def test_a_restored_log_is_complete_and_needs_no_migration(restored: Restored) -> None:
    assert ensure_schema(restored.service) == head()
    with recorder_on(restored.service) as recorder:
        assert list(recorder.select_log(until=len(restored.events))) == restored.events


def test_a_restored_log_goes_on_in_order_and_in_time(restored: Restored) -> None:
    last = restored.events[-1]
    with recorder_on(restored.service) as recorder:
        before = recorder.max_notification_id() or 0
        following = an_event(UUID(str(last.originator_id)), last.originator_version + 1)
        logged = recorder.append([following, *a_stream(SIZE)])
        assert [event.position for event in logged] == [*range(before + 1, before + SIZE + 2)]
        assert all(event.recorded_at >= last.recorded_at for event in logged)
        assert last.recorded_at > datetime.now(tz=UTC)
        with pytest.raises(VersionConflictError):
            recorder.append([an_event(UUID(str(last.originator_id)), 2)])
        assert recorder.append(restored.events[:5]) == restored.events[:5]
        for event in (restored.events[0], last):
            assert recorder.position_of(event.enveloped.event_id) == event.position
        assert recorder.position_at(restored.events[20].recorded_at) == 3 * SIZE + 10


def test_a_restored_log_is_as_well_guarded_as_before(restored: Restored) -> None:
    changes = ("UPDATE {} SET actor = 'X'", "DELETE FROM {}", "TRUNCATE {}")
    tables = ("hansard.events", "hansard.events_from_1", "hansard.events_from_301")
    with (
        connect(restored.service, autocommit=True) as clerk,
        restored.connect_as_admin() as admin,
    ):
        admin.execute("SET session_replication_role = replica")
        for table in tables:
            for change in changes:
                for connection in (clerk, admin):
                    with pytest.raises(errors.InsufficientPrivilege):
                        connection.execute(sql.SQL(change.format(table)))
        for refused in ("SELECT hansard.record('{}')", "SET ROLE hansard_owner"):
            with pytest.raises(errors.InsufficientPrivilege):
                clerk.execute(sql.SQL(refused))


def test_proofs_of_before_hold_in_the_restored_log_and_new_ones_follow_them(
    restored: Restored,
) -> None:
    with (
        recorder_on(restored.service) as recorder,
        integrity_on(restored.service, restored.home) as integrity,
    ):
        before = integrity.verify()
        assert before.is_intact, before.findings
        assert before.covered >= len(restored.events)
        assert before.published > 0
        recorder.append(a_stream(300))
        integrity.checkpointer.catch_up()
        after = integrity.verify(since=len(restored.events))
        assert after.is_intact, after.findings
        assert after.uncovered == 0
        assert after.covered == recorder.max_notification_id()
