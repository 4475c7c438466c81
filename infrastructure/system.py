"""The system's clock, its source of ids, and its name for who runs the program."""

from __future__ import annotations

import os
import pwd
import re
import socket
from datetime import UTC, datetime
from uuid import UUID, SafeUUID

from uuid_utils import uuid7

SET_INT = UUID.__dict__["int"].__set__
SET_IS_SAFE = UUID.__dict__["is_safe"].__set__

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


def system_user() -> str:
    """Name the user whom the process runs as, by the user database and not by the environment.

    Returns:
        `uid:` and the number of the user where the name is unknown or would not be plain.
    """
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid:{number}"
    return name if _PLAIN_NAME.fullmatch(name) else f"uid:{number}"


def process_name() -> str:
    """Name this run of the process: host, process id, and what no other run has."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid7().hex[-8:]}"


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        return datetime.now(tz=UTC)


class Uuid7Factory:
    """Ids that sort by time (RFC 9562, version 7)."""

    def new(self) -> UUID:
        """Make a new id."""
        # Half the time that UUID's own constructor takes; every event has one.
        made = object.__new__(UUID)
        SET_INT(made, uuid7().int)
        SET_IS_SAFE(made, SafeUUID.unknown)
        return made
