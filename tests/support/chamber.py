"""Chamber: sessions follow a workflow, and a test says what each agent says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from application.briefs import ExecuteBrief
from application.errors import EffectError
from application.fold import SessionFold
from application.ports import ModelRequest
from application.routing.gathering import EvidenceSources
from application.sessions import Sessions
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.policy import Policy
from domain.session import Charter
from domain.workflow import Workflow
from infrastructure.assignment import HungarianAssigner
from tests.support.office import staffed_log
from tests.support.scripted import CountingIds, InMemoryLease, ScriptedToolbox, SteadyClock

SILENT = Failure(kind=FailureKind.UNABLE, message="says nothing")
POLICY = Policy(retry_wait_s=0.0)

Speech = Callable[[ExecuteBrief], ModelAnswer | Failure]
"""What an agent says when it is asked to do a task."""


class Speakers:
    """A model that speaks for each agent as a test says.

    Attributes:
        speech: by handle.
        asked: keys of the tasks that were asked for, in order.
    """

    def __init__(self, speech: Mapping[str, Speech]) -> None:
        self.speech = speech
        self.asked: list[str] = []

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port."""
        brief = request.brief
        assert isinstance(brief, ExecuteBrief)
        self.asked.append(brief.task.key)
        said = self.speech[brief.agent.handle](brief)
        if isinstance(said, Failure):
            raise EffectError(said)
        return said


def silent(_: ExecuteBrief) -> Failure:
    """Say nothing."""
    return SILENT


@dataclass
class Chamber:
    """Where sessions follow a workflow on scripted ports."""

    model: Any
    log: Any = field(default_factory=staffed_log)
    ids: CountingIds = field(default_factory=CountingIds)
    clock: SteadyClock = field(default_factory=SteadyClock)

    @property
    def sessions(self) -> Sessions:
        """The use cases, as a fresh process has them."""
        made = Sessions(
            self.log, self.clock, self.ids, InMemoryLease(), self.model, ScriptedToolbox()
        )
        return replace(made, evidence=EvidenceSources(assigner=HungarianAssigner()))

    def run(self, followed: Workflow) -> SessionFold:
        """Run a session to its end."""
        charter = Charter(
            request="Decide.",
            input_files=(),
            output_folder="/out",
            models={"personal": "s", "orchestrator": "l", "specialist": "m"},
            policy=POLICY,
            workflow=followed,
        )
        return asyncio.run(self.sessions.run(charter, lambda _: None))
