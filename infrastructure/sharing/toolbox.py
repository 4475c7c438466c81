"""SharingToolbox: the tools by which agents share values in their session, beside all others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from pydantic import JsonValue, ValidationError

from application.briefs import ToolBrief
from application.errors import ApplicationError, BadRequestError
from application.ports import Toolbox, ToolRequest
from application.sharing.sharing import Sharing
from domain.effect import ToolAnswer
from domain.value import NonEmptyText, Value
from infrastructure.tools.describing import describe, explain
from infrastructure.tools.failures import bad_input, internal

SHARE, READ = "share_value", "read_shared_values"


class ShareValueArguments(Value):
    """Share a value under a name with everybody who works in this session.

    It replaces what you shared under that name before; null takes it back. Nobody else can change
    what you share.
    """

    key: NonEmptyText
    value: JsonValue


class ShareValueAnswer(Value):
    """The name, and the position of the record at which it was shared."""

    key: str
    position: int


class ReadSharedValuesArguments(Value):
    """Read what is shared in this session, by one agent (its handle) or by all."""

    agent: NonEmptyText | None = None


class ReadSharedValuesAnswer(Value):
    """The values by agent and name."""

    values: dict[str, dict[str, JsonValue]]


class SharingToolbox:
    """The port `Toolbox`: those of another toolbox, and the two that share.

    Args:
        toolbox: all other tools.
    """

    def __init__(self, toolbox: Toolbox, sharing: Sharing) -> None:
        self._toolbox = toolbox
        self._sharing = sharing
        self._briefs = {
            SHARE: describe(SHARE, ShareValueArguments, ShareValueAnswer),
            READ: describe(READ, ReadSharedValuesArguments, ReadSharedValuesAnswer),
        }

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        return self._toolbox.names | self._briefs.keys()

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools to a model, in order of name; see the port."""
        ours = [self._briefs[name] for name in set(names) & self._briefs.keys()]
        others = self._toolbox.briefs(set(names) - self._briefs.keys())
        return tuple(sorted((*ours, *others), key=lambda brief: brief.name))

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; see the port.

        Raises:
            EffectError: the tool failed.
        """
        if request.call.tool not in self._briefs:
            return await self._toolbox.use(request)
        started = time.perf_counter()
        use = self._share if request.call.tool == SHARE else self._read
        try:
            answer = await asyncio.to_thread(use, request)
        except ValidationError as error:
            raise bad_input(explain(request.call.tool, error)) from error
        except BadRequestError as error:
            raise bad_input(str(error)) from error
        except ApplicationError as error:
            raise internal(f"{request.call.tool} failed: {error}") from error
        return ToolAnswer(
            content=answer.model_dump(mode="json"),
            artefacts=(),
            duration_ms=(time.perf_counter() - started) * 1000,
        )

    def _share(self, request: ToolRequest) -> Value:
        wish = ShareValueArguments.model_validate(request.call.arguments)
        written = self._sharing.write(
            request.workspace.session_id,
            request.agent,
            wish.key,
            wish.value,
            effect_id=request.effect_id,
        )
        return ShareValueAnswer(key=written.key, position=written.position)

    def _read(self, request: ToolRequest) -> Value:
        wish = ReadSharedValuesArguments.model_validate(request.call.arguments)
        view = self._sharing.read(request.workspace.session_id)
        if wish.agent is None:
            return ReadSharedValuesAnswer(values=view.merged)
        return ReadSharedValuesAnswer(values={wish.agent: view.of(wish.agent)})
