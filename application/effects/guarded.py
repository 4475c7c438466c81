"""Guarded ports: models and tools behind breakers."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from application.briefs import ToolBrief
from application.effects.breakers import Breakers
from application.ports import Model, ModelRequest, Toolbox, ToolRequest
from domain.breaker import Guarded
from domain.effect import EffectKind, ModelAnswer, ToolAnswer


class GuardedModel:
    """All models, each behind a breaker of its own."""

    def __init__(self, model: Model, breakers: Breakers) -> None:
        self._model = model
        self._breakers = breakers

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port.

        Raises:
            EffectError: the call failed, or the model keeps failing and is left alone.
        """
        guarded = Guarded(kind=EffectKind.MODEL, name=request.model)
        return await self._breakers.call(guarded, partial(self._model.answer, request))


class GuardedToolbox:
    """All tools, each behind a breaker of its own."""

    def __init__(self, toolbox: Toolbox, breakers: Breakers) -> None:
        self._toolbox = toolbox
        self._breakers = breakers

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        return self._toolbox.names

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools to a model; see the port."""
        return self._toolbox.briefs(names)

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; see the port.

        Raises:
            EffectError: the tool failed, or it keeps failing and is left alone.
        """
        if request.call.tool not in self._toolbox.names:
            return await self._toolbox.use(request)  # says so; a name made up gets no breaker
        guarded = Guarded(kind=EffectKind.TOOL, name=request.call.tool)
        return await self._breakers.call(guarded, partial(self._toolbox.use, request))
