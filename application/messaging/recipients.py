"""Recipients: who belongs to the organisation and may be sent messages."""

from __future__ import annotations

import asyncio
from time import monotonic

from application.directory import EVENT_TYPES, load_directory
from application.errors import UnavailableError
from application.ports import EventLog
from domain.conversation import USER
from domain.message import DeadReason

LOOK_AGAIN_S = 1.0
"""Seconds after which the log is asked whether the organisation has changed."""


class DirectoryRecipients:
    """The port `Recipients` on the members of the organisation, and the user.

    Who may receive is refused only on fresh knowledge; who may not any more is noticed within a
    second, in the background, so that no message waits for it.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._active: dict[str, bool] | None = None
        self._position = 0
        self._looked = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def refusal(self, handle: str) -> DeadReason | None:
        """Say why a message to this agent can never be delivered; None when it can.

        Raises:
            UnavailableError: the database cannot be used.
        """
        if handle == USER:
            return None
        if self._active is None or not self._active.get(handle, False):
            await asyncio.to_thread(self._look)
        elif monotonic() - self._looked > LOOK_AGAIN_S and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_again())
        active = (self._active or {}).get(handle)
        if active is None:
            return DeadReason.UNKNOWN_RECIPIENT
        return None if active else DeadReason.INACTIVE_RECIPIENT

    async def _look_again(self) -> None:
        try:
            await asyncio.to_thread(self._look)
        except UnavailableError:
            self._looked = monotonic()  # what is known holds until the log can be asked again
        finally:
            self._looking = None

    def _look(self) -> None:
        changed = self._log.read(after=self._position, types=EVENT_TYPES, limit=1)
        if self._active is None or next(iter(changed), None) is not None:
            directory = load_directory(self._log)
            self._position = directory.position
            self._active = {handle: agent.active for handle, agent in directory.agents.items()}
        self._looked = monotonic()
