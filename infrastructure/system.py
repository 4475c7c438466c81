"""The system's clock, its source of ids, and its name for who runs the program."""

from __future__ import annotations

import os
import pwd
import re
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

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


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        return datetime.now(tz=UTC)


class Uuid7Factory:
    """Ids that sort by time (RFC 9562, version 7)."""

    def new(self) -> UUID:
        """Make a new id."""
        return uuid7()
