"""SubjectVault: one key a subject, in the database, wrapped by a master key outside of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import psycopg

from application.errors import ConflictError, NotFoundError
from infrastructure.database.errors import translated
from infrastructure.erasure import sql
from infrastructure.erasure.errors import KeyFileError, SubjectForgottenError, SubjectKeyError
from infrastructure.erasure.key_file import KeyFile, MasterKey
from infrastructure.erasure.sealing import KEY_BYTES, DataKey

if TYPE_CHECKING:
    from infrastructure.database import Connection

T = TypeVar("T")

LIFETIME_S = 1.0
"""Seconds a key is kept in memory before the database is asked again whether it still exists."""


class Stored(NamedTuple):
    """A row of `hansard.subject_keys`; times have a zone."""

    wrapped_key: bytes | None
    master_key: str | None
    created_at: datetime
    destroyed_at: datetime | None


class SubjectVault:
    """Makes, finds and destroys the keys of subjects; threads share it.

    Its one connection is its own: whoever reads the log already holds one of the pool.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(self, connect: Callable[[], Connection], key_file: KeyFile) -> None:
        self._connect = connect
        self._key_file = key_file
        self._connection: Connection | None = None
        self._log_id = b""
        self._keys: dict[str, tuple[float, DataKey | None]] = {}
        self._lock = Lock()

    def key_to_seal(self, subject: str) -> DataKey:
        """Give the key of a subject, a new one the first time.

        Raises:
            SubjectForgottenError: it was destroyed.
            KeyFileError: the master key cannot be used.
            DatabaseUnavailableError: the database cannot be used.
        """
        key = self._remembered(subject, self._find_or_make)
        if key is None:
            raise SubjectForgottenError(subject)
        return key

    def key_to_open(self, subject: str) -> DataKey | None:
        """Give the key of a subject; None when it was destroyed.

        Raises:
            SubjectKeyError: there is none, though something was sealed with it.
            KeyFileError: the master key cannot be used.
            DatabaseUnavailableError: the database cannot be used.
        """
        return self._remembered(subject, self._find)

    def destroyed_at(self, subject: str) -> datetime | None:
        """Tell when the key of a subject was destroyed; None while it exists.

        Raises:
            NotFoundError: nothing was ever recorded for this subject.
        """
        with self._lock, translated():
            stored = self._run(lambda connection: _stored(connection, subject))
        if stored is None:
            raise NotFoundError("subject", subject, "Give the name that sessions were run for.")
        return stored.destroyed_at

    def destroy(self, subject: str, until: int) -> None:
        """Destroy the key of a subject, unless that is done already.

        No append can come between the look at the log and the destruction.

        Args:
            until: position up to which the log was looked through.

        Raises:
            ConflictError: something was recorded for the subject since.
        """

        def destroy(connection: Connection) -> bool:
            with connection.transaction():
                connection.execute(sql.LOCK)
                connection.execute(sql.LOCK_LOG)
                row = connection.execute(sql.SPOKE_AFTER, (subject, until)).fetchone()
                if row is not None and row[0]:
                    return False
                connection.execute(sql.DESTROY, (subject,))
                return True

        with self._lock, translated():
            destroyed = self._run(destroy)
            self._keys.pop(subject, None)
        if not destroyed:
            raise ConflictError(
                f"Something was recorded for the subject {subject!r} just now: look at its"
                " sessions, and forget it again."
            )

    def rotate(self) -> int:
        """Wrap all keys by a new master key and drop the old one; wherever it stops, repeat it.

        Returns:
            How many keys were wrapped.

        Raises:
            KeyFileError: the file cannot be read or written, or lacks a key that is in use.
        """

        def rotate(connection: Connection) -> int:
            with connection.transaction():
                connection.execute(sql.LOCK)
                masters = self._masters(connection)
                newest = MasterKey.new()
                self._key_file.replace([*masters, newest])
                rows = connection.execute(sql.SELECT_WRAPPED).fetchall()
                wrapped = [
                    newest.wrap(self._unwrapped(subject, key, master_key), self._owner(subject))
                    for subject, key, master_key in rows
                ]
                subjects = [row[0] for row in rows]
                connection.execute(sql.REWRAP, (newest.key_id, subjects, wrapped))
            self._key_file.replace([newest])
            return len(rows)

        with self._lock, translated():
            return self._run(rotate)

    def close(self) -> None:
        """Close the connection and drop all keys."""
        with self._lock:
            self._keys.clear()
            if self._connection is not None:
                self._connection.close()

    def _remembered(
        self, subject: str, find: Callable[[Connection, str], DataKey | None]
    ) -> DataKey | None:
        with self._lock:
            now = monotonic()
            for name in [name for name, (until, _) in self._keys.items() if until <= now]:
                del self._keys[name]
            if subject not in self._keys:
                with translated():
                    key = self._run(lambda connection: find(connection, subject))
                self._keys[subject] = (now + LIFETIME_S, key)
            return self._keys[subject][1]

    def _find(self, connection: Connection, subject: str) -> DataKey | None:
        stored = _stored(connection, subject)
        if stored is None:
            raise SubjectKeyError(subject, "is missing from hansard.subject_keys")
        return self._open(connection, subject, stored)

    def _find_or_make(self, connection: Connection, subject: str) -> DataKey | None:
        stored = _stored(connection, subject)
        if stored is not None:
            return self._open(connection, subject, stored)
        with connection.transaction():
            connection.execute(sql.LOCK)
            stored = _stored(connection, subject)
            if stored is not None:  # another process was faster
                return self._open(connection, subject, stored)
            master = (self._masters(connection) or self._key_file.create())[-1]
            key = secrets.token_bytes(KEY_BYTES)
            wrapped = master.wrap(key, self._owner(subject))
            connection.execute(sql.INSERT, (subject, wrapped, master.key_id))
        return DataKey(key)

    def _masters(self, connection: Connection) -> list[MasterKey]:
        """Read the key file and make sure that it belongs to this database; none for a new one."""
        masters = self._key_file.read()
        row = connection.execute(sql.SELECT_MASTER_KEY).fetchone()
        if row is not None:
            _chosen(masters, row[0], self._key_file)
        return masters

    def _open(self, connection: Connection, subject: str, stored: Stored) -> DataKey | None:
        try:
            return self._opened(subject, stored)
        except KeyFileError:
            again = _stored(connection, subject)
            if again is None or again == stored:
                raise
            return self._opened(subject, again)  # it was wrapped anew meanwhile

    def _opened(self, subject: str, stored: Stored) -> DataKey | None:
        if stored.wrapped_key is None or stored.master_key is None:
            return None
        return DataKey(self._unwrapped(subject, stored.wrapped_key, stored.master_key))

    def _unwrapped(self, subject: str, wrapped: bytes, master_key: str) -> bytes:
        master = _chosen(self._key_file.read(), master_key, self._key_file)
        key = master.unwrap(wrapped, self._owner(subject))
        if key is None:
            raise SubjectKeyError(subject, "was changed in hansard.subject_keys")
        return key

    def _owner(self, subject: str) -> bytes:
        return self._log_id + subject.encode()

    def _run(self, action: Callable[[Connection], T]) -> T:
        """Act on the connection; one that broke since it was last used is replaced."""
        try:
            return action(self._connected())
        except psycopg.OperationalError:
            if self._connection is None or not self._connection.closed:
                raise
            return action(self._connected())

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            row = self._connection.execute(sql.LOG_ID).fetchone()
            assert row is not None, "a migrated database has a log"  # noqa: S101 - for the type
            self._log_id = row[0].bytes
        return self._connection


def _stored(connection: Connection, subject: str) -> Stored | None:
    row = connection.execute(sql.SELECT, (subject,)).fetchone()
    return Stored(*row) if row else None


def _chosen(masters: Sequence[MasterKey], key_id: str, key_file: KeyFile) -> MasterKey:
    for master in masters:
        if master.key_id == key_id:
            return master
    lacks = f"does not hold the master key {key_id!r}" if masters else "is missing"
    raise KeyFileError(
        f"The key file {str(key_file.path)!r} {lacks}, which the subjects of this database need:"
        " restore it from your backup, or name the right file in HANSARD_SUBJECT_KEY_FILE."
    )
