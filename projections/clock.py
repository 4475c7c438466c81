"""Clock: what time the database says it is, and stretches of the log in time and in positions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa


class Stretch(NamedTuple):
    """A stretch of the log: `after < position <= until`, recorded between two moments."""

    after: int
    until: int
    starts_at: datetime
    ends_at: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends_at - self.starts_at


def database_time(connection: sa.Connection) -> datetime:
    """Tell when the connection's transaction began, by the clock of `recorded_at`."""
    now: datetime = connection.execute(sa.select(sa.func.now())).scalar_one()
    return now
