"""Gate: lets a session begin effects until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from uuid import UUID

from application.briefs import ToolBrief
from application.orchestration.means import Means, NobodyAskedError
from application.ports import ModelRequest, ToolRequest
from domain.effect import ModelAnswer, ToolAnswer

CLOSED = "This worker gives the session up: another one goes on."


class Gate:
    """Stands before the model and the tools of one session.

    Once it is closed, what is under way ends and is recorded, and nothing new begins, so that the
    session comes to rest where another worker can go on without repeating anything that it began.
    """

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._means: Means | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing new begins."""
        return self._closed.is_set()

    def close(self) -> None:
        """Let nothing new begin."""
        self._closed.set()

    def before(self, means: Means) -> Means:
        """Stand before some means."""
        self._means = means
        return Means(self, self, self.wait)

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools; see the port."""
        return self._open.toolbox.names

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools to a model; see the port."""
        return self._open.toolbox.briefs(names)

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask the model; see the port."""
        self._pass()
        return await self._open.model.answer(request)

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; see the port."""
        self._pass()
        return await self._open.toolbox.use(request)

    async def wait(self, effect_id: UUID, seconds: float) -> None:
        """Let time pass before an effect is tried again, or less when the gate closes."""
        waiting = asyncio.ensure_future(self._open.wait(effect_id, seconds))
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            await asyncio.wait((waiting, closing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            closing.cancel()
        self._pass()

    @property
    def _open(self) -> Means:
        if self._means is None:
            raise LookupError("a gate stands before something")
        return self._means

    def _pass(self) -> None:
        if self.is_closed:
            raise NobodyAskedError(CLOSED)
