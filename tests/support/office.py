"""Office: the use cases of sessions on scripted ports, with the packaged organisation."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from application.directory import Directory, load_directory
from application.fold import SessionFold
from application.orchestration.guarding import GuardrailFunction
from application.registration import Roster, adopt_roster
from application.sessions import Sessions
from domain.artefact import InputFile
from domain.effect import Failure, ToolAnswer
from domain.event import RecordedEvent
from domain.planning import Plan, PlannedTask
from domain.policy import Policy
from domain.session import Charter
from infrastructure.roster import load_roster
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.scripted import (
    TOOLS,
    CountingIds,
    InMemoryLease,
    Replies,
    ScriptedModel,
    ScriptedToolbox,
    SteadyClock,
    answer,
    intend,
    propose,
    submit,
    use,
)

REQUEST = "Generate a Q4 financial report with charts"
LEDGER = InputFile(name="ledger.csv", path="/in/ledger.csv", sha256="a" * 64, size=100)
IMPATIENT = Policy(retry_wait_s=0.0)
"""The usual policy, without waits before retries."""

Q4_PLAN = Plan(
    tasks=(
        PlannedTask(
            key="extract",
            title="Extract Q4 data",
            instruction="Extract the rows of Q4.",
            department="finance",
            skills=("statements", "reporting"),
        ),
        PlannedTask(
            key="metrics",
            title="Compute metrics",
            instruction="Compute totals and comparisons.",
            department="analytics",
            skills=("metrics",),
            depends_on=("extract",),
        ),
        PlannedTask(
            key="charts",
            title="Draw charts",
            instruction="Draw the development by month.",
            department="creative",
            skills=("charts", "graphs"),
            depends_on=("extract",),
        ),
        PlannedTask(
            key="report",
            title="Assemble the report",
            instruction="Write the report.",
            department="finance",
            skills=("reporting", "statements"),
            depends_on=("extract", "metrics", "charts"),
        ),
    ),
    complexity=0.7,
    reason="Four steps.",
)

Q4_SCRIPT: dict[str, Replies] = {
    "interpret": [intend("A financial report on Q4 with charts")],
    "decompose": [propose(Q4_PLAN)],
    "extract": [use("query_table", sql="SELECT 1"), submit("Extracted.", rows=3)],
    "metrics": [use("query_table", sql="SELECT 2"), submit("Revenue is 60.", revenue=60)],
    "charts": [use("draw_chart", title="By month"), submit("Drawn.", file="chart.svg")],
    "report": [use("write_document", title="Q4"), submit("# Q4\n\nRevenue is 60.")],
    "present": [answer(text="Here is your report: revenue is 60.")],
}


def charter(request: str = REQUEST, policy: Policy = IMPATIENT) -> Charter:
    """Charter a session with one input file."""
    return Charter(
        request=request,
        input_files=(LEDGER,),
        output_folder="/out",
        models={"personal": "small", "orchestrator": "large", "specialist": "medium"},
        policy=policy,
    )


@cache
def packaged_roster() -> Roster:
    """Read the packaged roster, once."""
    return load_roster(None, TOOLS)


@cache
def _staffing() -> tuple[RecordedEvent, ...]:
    log = InMemoryEventLog()
    adopt_roster(log, CountingIds(start=1_000_000), SteadyClock(), packaged_roster())
    return tuple(log.events)


def staffed_log() -> InMemoryEventLog:
    """Make a log in which the packaged organisation is registered."""
    log = InMemoryEventLog()
    log.events.extend(_staffing())
    return log


@cache
def packaged_directory() -> Directory:
    """Look at the packaged organisation."""
    return load_directory(staffed_log())


@dataclass
class Office:
    """Everything a session needs, and what was heard of it.

    Attributes:
        heard: what the listener was told, in order.
        functions: what guardrails may ask, by name.
    """

    model: ScriptedModel
    toolbox: ScriptedToolbox = field(default_factory=ScriptedToolbox)
    log: Any = field(default_factory=staffed_log)
    ids: CountingIds = field(default_factory=CountingIds)
    clock: SteadyClock = field(default_factory=SteadyClock)
    lease: InMemoryLease = field(default_factory=InMemoryLease)
    heard: list[RecordedEvent] = field(default_factory=list)
    functions: dict[str, GuardrailFunction] = field(default_factory=dict)

    @property
    def sessions(self) -> Sessions:
        """The use cases, as a fresh process has them."""
        return Sessions(
            self.log,
            self.clock,
            self.ids,
            self.lease,
            self.model,
            self.toolbox,
            guardrail_functions=self.functions,
        )

    def run(self, policy: Policy = IMPATIENT) -> SessionFold:
        """Run a session to its end."""
        return asyncio.run(self.sessions.run(charter(policy=policy), self.heard.append))

    def interrupt(self, key: str) -> UUID:
        """Stop the process of a new session while its model is asked; tell the session's id."""
        session_id = self.ids.new()

        async def run() -> None:
            running = asyncio.ensure_future(
                self.sessions.run(charter(), self.heard.append, session_id=session_id)
            )
            self.model.when_asked[key] = running.cancel
            await asyncio.gather(running, return_exceptions=True)

        asyncio.run(run())
        self.model.when_asked.clear()
        return session_id

    def resume(self, session_id: UUID) -> SessionFold:
        """Take a session up and run it to its end."""
        return asyncio.run(self.sessions.resume(session_id, self.heard.append))

    def events(self, *types: str) -> list[RecordedEvent]:
        """List the recorded events of sessions, all or of some types."""
        return [
            recorded
            for recorded in self.log.read(types=types)
            if recorded.envelope.session_id is not None
        ]


def office(
    script: Mapping[str, Replies] | None = None,
    tools: Mapping[str, ToolAnswer | Failure] | None = None,
    together: Collection[str] = (),
) -> Office:
    """Open an office whose model follows the script of the Q4 report, but for what is given."""
    return Office(
        model=ScriptedModel(Q4_SCRIPT | dict(script or {}), together=together),
        toolbox=ScriptedToolbox(tools),
    )
