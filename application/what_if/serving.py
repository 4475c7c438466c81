"""Serving: recorded answers in place of models and tools, until something else is asked."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from application.briefs import ToolBrief
from application.errors import BadRequestError, EffectError
from application.fold import SessionFold
from application.orchestration.means import NobodyAskedError
from application.ports import Model, ModelRequest, OutputFiles, Toolbox, ToolRequest
from application.what_if.calls import Call, Outcome
from application.what_if.requests import digest, model_request, tool_request
from domain.effect import Failure, ModelAnswer, ToolAnswer


class Tape:
    """Recorded calls by what was asked; each serves once, in the order of the record."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls: defaultdict[str, deque[Call]] = defaultdict(deque)
        for call in calls:
            if call.allowed and call.outcome is not None:
                self._calls[call.key].append(call)

    def take(self, key: str) -> Call | None:
        """Take the next call that was asked the same; None when there is none left."""
        calls = self._calls.get(key)
        return calls.popleft() if calls else None

    def serve(self, key: str, timeout_s: float) -> Outcome | None:
        """Take the outcome that serves a request; None when there is none.

        An answer that would have come too late now, or a time-out for which there is more time now,
        serves nobody; it is used up all the same.
        """
        call = self.take(key)
        return call.outcome if call is not None and call.fits(timeout_s) else None


class RecordedModel:
    """Answers from the record, and asks a model what the record does not know.

    Args:
        model: who answers the rest; None leaves it open.
        stand_in: name under which the model is asked instead of the one that is wanted, by that
            one's name.

    Attributes:
        served: effects whose latest attempt was answered from the record.
    """

    def __init__(
        self,
        tape: Tape,
        model: Model | None,
        stand_in: Callable[[str], str],
    ) -> None:
        self.served: set[UUID] = set()
        self._tape = tape
        self._model = model
        self._stand_in = stand_in

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port.

        Raises:
            NobodyAskedError: there is no recorded answer, and no model.
        """
        key = digest(model_request(request.model, request.brief, request.compression))
        outcome = self._tape.serve(key, request.timeout_s)
        if outcome is not None:
            self.served.add(request.effect_id)
            answer = _told(outcome)
            assert isinstance(answer, ModelAnswer)  # noqa: S101 - for type checkers
            return answer
        self.served.discard(request.effect_id)
        if self._model is None:
            raise NobodyAskedError
        return await self._model.answer(replace(request, model=self._stand_in(request.model)))


class RecordedToolbox:
    """Answers from the record with the files that belong to it, and uses tools for the rest.

    A tool is used again, too, where a file that it had written is not there any more as it was.

    Args:
        fold: the session, as it goes on.
        folders: where the files of recorded answers lie.
        files: None leaves the files where they are.
        stops: whether to use no tool, and to leave open what the record does not know.
    """

    def __init__(  # noqa: PLR0913 - all parts, by keyword
        self,
        tape: Tape,
        toolbox: Toolbox,
        *,
        fold: SessionFold,
        folders: tuple[Path, ...],
        files: OutputFiles | None,
        stops: bool,
    ) -> None:
        self._tape = tape
        self._toolbox = toolbox
        self._fold = fold
        self._folders = folders
        self._files = files
        self._stops = stops

    @property
    def names(self) -> frozenset[str]:
        """Names of all tools."""
        return self._toolbox.names

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe tools; see the port."""
        return self._toolbox.briefs(names)

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use a tool; see the port.

        Raises:
            NobodyAskedError: there is no recorded answer, and no tool may be used.
        """
        outcome = self._tape.serve(self._key(request), request.timeout_s)
        if outcome is not None:
            answer = _told(outcome)
            assert isinstance(answer, ToolAnswer)  # noqa: S101 - for type checkers
            if await self._bring(answer, request.workspace.output_folder):
                return answer
        if self._stops:
            raise NobodyAskedError
        return await self._toolbox.use(request)

    def _key(self, request: ToolRequest) -> str:
        task = next(task for task in self._fold.tasks if request.effect_id in task.pending)
        return digest(tool_request(request.agent, request.call, task, self._fold))

    async def _bring(self, answer: ToolAnswer, target: Path) -> bool:
        """Copy the files of an answer; tell whether all are there as they were."""
        if self._files is None or not answer.artefacts:
            return True
        for folder in self._folders:
            # What cannot be copied is left to the tool, which says itself what it cannot write.
            with suppress(BadRequestError):
                if not await asyncio.to_thread(self._files.copy, answer.artefacts, folder, target):
                    return True
        return False


def _told(outcome: Outcome) -> ModelAnswer | ToolAnswer:
    if isinstance(outcome, Failure):
        raise EffectError(outcome)
    return outcome
