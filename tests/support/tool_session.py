"""A session's files with the real tools on them, as the engine would use them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from application.errors import EffectError
from application.ports import ToolRequest, Workspace
from domain.artefact import InputFile
from domain.effect import Failure, ToolAnswer, ToolCall
from infrastructure.tools.toolbox import LocalToolbox


class ToolSession:
    """Uses tools on the input files that were added and on an output folder.

    Args:
        folder: gets the folders `in` and `out`.
    """

    def __init__(self, toolbox: LocalToolbox, folder: Path) -> None:
        self.toolbox = toolbox
        self.inputs = folder / "in"
        self.output = folder / "out"
        self.inputs.mkdir()
        self._files: list[InputFile] = []
        self._session_id = uuid4()

    def add(self, name: str, content: str | bytes) -> Path:
        """Hand in a file."""
        path = self.inputs / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.hand_in(path)
        return path

    def hand_in(self, path: Path, size: int | None = None, sha256: str | None = None) -> None:
        """Hand in a file as it is now."""
        self._files.append(
            InputFile(
                name=path.name,
                path=str(path),
                sha256=sha256 or hashlib.sha256(path.read_bytes()).hexdigest(),
                size=path.stat().st_size if size is None else size,
            )
        )

    async def call(
        self, tool: str, *, timeout_s: float = 60, effect_id: UUID | None = None, **arguments: Any
    ) -> ToolAnswer:
        """Use a tool."""
        return await self.toolbox.use(
            ToolRequest(
                effect_id=effect_id or uuid4(),
                agent="TST_001",
                call=ToolCall(call_id="1", tool=tool, arguments=arguments),
                workspace=Workspace(self._session_id, tuple(self._files), self.output),
                timeout_s=timeout_s,
            )
        )

    def use(self, tool: str, **arguments: Any) -> dict[str, JsonValue]:
        """Use a tool and give what it answers."""
        content = asyncio.run(self.call(tool, **arguments)).content
        assert isinstance(content, dict)
        return content

    def answer(self, tool: str, **arguments: Any) -> ToolAnswer:
        """Use a tool and give the whole answer."""
        return asyncio.run(self.call(tool, **arguments))

    def rows(self, sql: str, **arguments: Any) -> list[list[Any]]:
        """Run a query and give its rows."""
        rows: Any = self.use("query_table", sql=sql, **arguments)["rows"]
        return [list(row) for row in rows]

    def failure(self, tool: str, **arguments: Any) -> Failure:
        """Use a tool in vain and give its failure, which is one readable sentence."""
        with pytest.raises(EffectError) as raised:
            asyncio.run(self.call(tool, **arguments))
        failure = raised.value.failure
        assert "Traceback" not in failure.message
        assert "\n" not in failure.message
        assert failure.message.endswith((".", "?"))
        return failure
