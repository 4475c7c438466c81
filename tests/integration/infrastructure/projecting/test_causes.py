"""An event is blamed for what it causes, and for nothing that happens to the database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg import errors

from application.errors import UnavailableError
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.projecting import ProjectionThread
from projections.conversation_history import CONVERSATION_HISTORY
from projections.protocol import Batch, Projection, Statement
from tests.support.poison import texts
from tests.support.processes import eventually
from tests.support.read_side import ReadSide

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{}'; END $$"


def raising(code: str, position: int) -> Projection:
    """Let the database raise an error when an event is stored."""

    def roll_up(batch: Batch, after: int, until: int) -> list[Statement]:
        return [(RAISE.replace("{}", code), {})] if after < position <= until else []

    return replace(CONVERSATION_HISTORY, roll_up=roll_up)


@pytest.mark.parametrize(
    "cause",
    [
        errors.ProgramLimitExceeded,
        errors.NotNullViolation,
        errors.UniqueViolation,
        errors.NumericValueOutOfRange,
        errors.UntranslatableCharacter,
        errors.InvalidTextRepresentation,
        errors.InternalError_,
    ],
)
def test_what_a_value_causes_stops_the_read_model(
    read_side: ReadSide, cause: type[errors.Error]
) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()
    (status,) = read_side.runner([raising(str(cause.sqlstate), last)]).catch_up()
    assert (status.failed_position, status.position) == (last, last - 1)
    assert status.error == f"{cause.__name__}: as the test wants it"


@pytest.mark.parametrize(
    "cause",
    [
        errors.InsufficientPrivilege,
        errors.ReadOnlySqlTransaction,
        errors.DiskFull,
        errors.OutOfMemory,
        errors.QueryCanceled,
        errors.LockNotAvailable,
        errors.DeadlockDetected,
        errors.SerializationFailure,
        errors.AdminShutdown,
        errors.IdleInTransactionSessionTimeout,
        errors.TransactionTimeout,
        errors.IoError,
    ],
)
def test_what_happens_to_the_database_is_no_events_fault(
    read_side: ReadSide, cause: type[errors.Error]
) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()
    with pytest.raises(UnavailableError):
        read_side.runner([raising(str(cause.sqlstate), last)]).catch_up()
    (status,) = read_side.runner([CONVERSATION_HISTORY]).catch_up()
    assert (status.stopped, status.lag) == (False, 0)
    assert texts(read_side) == ["t0"]


def test_what_takes_too_long_at_once_is_taken_in_piece_by_piece(read_side: ReadSide) -> None:
    sizes: list[int] = []

    def roll_up(batch: Batch, after: int, until: int) -> list[Statement]:
        sizes.append(until - after)
        is_long = until - after > 2
        return [(RAISE.replace("{}", str(errors.TransactionTimeout.sqlstate)), {})] * is_long

    told = read_side.open_session("t0")
    for number in range(1, 20):
        told.say("NOVA_001", f"t{number}")
    wakeup = Wakeup()
    slow = read_side.runner([replace(CONVERSATION_HISTORY, roll_up=roll_up)], batch_size=16)
    thread = ProjectionThread(slow, wakeup)
    thread.start()
    try:
        eventually(lambda: len(texts(read_side)) == 20)
    finally:
        thread.stop()
        wakeup.close()
    assert texts(read_side) == [f"t{number}" for number in range(20)]
    assert sizes[:4] == [16, 8, 4, 2]
