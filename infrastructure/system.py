"""The system's clock and its source of ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


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
