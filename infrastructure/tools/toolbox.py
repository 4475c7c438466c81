"""Toolbox: finds a tool, checks its arguments, runs it within its time and reports what it did."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from application.briefs import ToolBrief
from application.errors import EffectError, NotFoundError
from application.ports import PastTurns, ToolRequest
from domain.effect import ToolAnswer
from domain.value import Value
from infrastructure.tools import schemas
from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.chart import draw_chart
from infrastructure.tools.code import run_tests, write_file
from infrastructure.tools.describing import describe, explain
from infrastructure.tools.document import write_document
from infrastructure.tools.expression import evaluate_expression
from infrastructure.tools.failures import bad_input, internal, not_found, timed_out
from infrastructure.tools.file_tools import list_files, read_file
from infrastructure.tools.files import FileHashes, OutputFolder, SessionFiles
from infrastructure.tools.interruption import Interruption, run_interruptibly
from infrastructure.tools.past_conversations import search_past_conversations
from infrastructure.tools.profile import profile_table
from infrastructure.tools.query import query_table
from infrastructure.tools.sandbox import Sandbox
from infrastructure.tools.tables.catalogue import TableCatalogue
from infrastructure.tools.tables.store import TableStore


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool of the house; `use` is synchronous and runs in a thread."""

    name: str
    arguments: type[Value]
    answer: type[Value]
    use: Callable[[Call, Any], Outcome]


_TOOLS = {
    use.__name__: Tool(use.__name__, arguments, answer, use)
    for use, arguments, answer in (
        (draw_chart, schemas.DrawChartArguments, schemas.DrawChartAnswer),
        (
            evaluate_expression,
            schemas.EvaluateExpressionArguments,
            schemas.EvaluateExpressionAnswer,
        ),
        (list_files, schemas.ListFilesArguments, schemas.ListFilesAnswer),
        (profile_table, schemas.ProfileTableArguments, schemas.TableProfile),
        (query_table, schemas.QueryTableArguments, schemas.QueryTableAnswer),
        (read_file, schemas.ReadFileArguments, schemas.ReadFileAnswer),
        (run_tests, schemas.RunTestsArguments, schemas.RunTestsAnswer),
        (
            search_past_conversations,
            schemas.SearchPastConversationsArguments,
            schemas.SearchPastConversationsAnswer,
        ),
        (write_document, schemas.WriteDocumentArguments, schemas.WriteDocumentAnswer),
        (write_file, schemas.WriteFileArguments, schemas.WriteFileAnswer),
    )
}


class LocalToolbox:
    """The tools that work on the files of this machine.

    Args:
        past_turns: where to search earlier sessions; None finds nothing.
        max_input_bytes: size a file may have to be read.
    """

    def __init__(self, past_turns: PastTurns | None, max_input_bytes: int) -> None:
        self._past_turns = past_turns
        self._max_input_bytes = max_input_bytes
        self._hashes = FileHashes()
        self._store = TableStore()
        self._sandbox = Sandbox()

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        return frozenset(_TOOLS)

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools to a model, in order of name.

        Raises:
            NotFoundError: there is no such tool.
        """
        for name in sorted(names):
            if name not in _TOOLS:
                raise NotFoundError("tool", name, f"The tools are {', '.join(sorted(_TOOLS))}.")
        return tuple(
            describe(tool.name, tool.arguments, tool.answer)
            for tool in (_TOOLS[name] for name in sorted(set(names)))
        )

    def close(self) -> None:
        """End the process that runs queries."""
        self._sandbox.close()

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; its arguments are validated against its schema first.

        Raises:
            EffectError: unknown tool, bad arguments, refused path, time-out, or the tool's own
                failure.
        """
        started = time.perf_counter()
        tool = _TOOLS.get(request.call.tool)
        if tool is None:
            known = ", ".join(sorted(_TOOLS))
            raise not_found(f"There is no tool {request.call.tool!r}; the tools are {known}.")
        try:
            arguments = tool.arguments.model_validate(request.call.arguments)
        except ValidationError as error:
            raise bad_input(explain(tool.name, error)) from error
        outcome = await self._run(tool, arguments, request)
        return ToolAnswer(
            content=outcome.answer.model_dump(mode="json"),
            artefacts=outcome.artefacts,
            duration_ms=(time.perf_counter() - started) * 1000,
        )

    async def _run(self, tool: Tool, arguments: Value, request: ToolRequest) -> Outcome:
        interruption = Interruption()
        call = self._call(request, interruption)
        try:
            return await run_interruptibly(
                partial(tool.use, call, arguments), interruption, request.timeout_s
            )
        except EffectError:
            raise
        except TimeoutError as error:
            raise timed_out(
                f"{tool.name} took longer than {request.timeout_s:g} seconds and was stopped; ask"
                " for less."
            ) from error
        except Exception as error:
            reason = " ".join(str(error).split())
            raise internal(
                f"{tool.name} failed by itself ({type(error).__name__}: {reason}); try another way."
            ) from error

    def _call(self, request: ToolRequest, interruption: Interruption) -> Call:
        workspace = request.workspace
        files = SessionFiles(workspace, self._max_input_bytes, self._hashes, interruption)
        return Call(
            session_id=workspace.session_id,
            files=files,
            output=OutputFolder(workspace.output_folder, str(request.effect_id)),
            tables=TableCatalogue(files, self._store, interruption),
            past_turns=self._past_turns,
            sandbox=self._sandbox,
            interruption=interruption,
        )
