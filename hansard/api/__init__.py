"""The Python API: one asynchronous implementation, and a thin synchronous face on it."""

from __future__ import annotations

from hansard.api.asynchronous import AsyncHansard, open_async
from hansard.api.moments import LAST, Moment
from hansard.api.synchronous import Hansard, open  # noqa: A004 - read as hansard.open()

__all__ = ["LAST", "AsyncHansard", "Hansard", "Moment", "open", "open_async"]
