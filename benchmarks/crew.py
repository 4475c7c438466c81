"""Crew: one coordinator and three specialists at work, in a process of its own that is measured.

It is told line by line what to do, as the peers are: `{"do": "run", "jobs": 1000, "in_flight": 100,
"latency_s": 0}`. One job is a session with a workflow: the coordinator's model plans three tasks,
three specialists' models answer, the results are joined. Models answer from a script.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from application.briefs import SUBMIT_PLAN, SUBMIT_RESULT, ExecuteBrief
from application.ports import ModelRequest
from application.sessions import Sessions
from domain.effect import ModelAnswer, ToolCall, Usage
from domain.planning import Plan, PlannedTask
from domain.policy import STANDARD
from domain.session import Charter, SessionStatus
from domain.workflow import Planning, Procedure, Terms, Workflow
from hansard import bootstrap
from infrastructure.collector import ease_collector
from infrastructure.settings import load_settings

SPECIALISTS = {"market": "RD_002", "figures": "FIN_007", "wording": "MKT_003"}
REQUEST = "Prepare the briefing on the third quarter."
RESULT = "Done: what was asked for stands here in one line of some length."

PLAN = Plan(
    tasks=tuple(
        PlannedTask(key=key, title=f"The {key}", instruction=f"See to the {key} of the briefing.")
        for key in SPECIALISTS
    ),
    complexity=0.6,
    reason="Three parts that do not depend on each other.",
)


def answer(tool: str, arguments: dict[str, Any]) -> ModelAnswer:
    """Answer with one tool call."""
    return ModelAnswer(
        model="scripted",
        tool_calls=(ToolCall(call_id="c1", tool=tool, arguments=arguments),),
        stop_reason="tool_use",
        usage=Usage(input_tokens=200, output_tokens=50),
    )


class ScriptedModel:
    """Plans three tasks, and does each.

    Args:
        latency_s: seconds that each answer takes.
    """

    def __init__(self) -> None:
        self.latency_s = 0.0
        self._plan = answer(SUBMIT_PLAN, PLAN.model_dump(mode="json"))
        self._result = answer(SUBMIT_RESULT, {"done": True, "summary": RESULT, "data": {}})

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call."""
        await asyncio.sleep(self.latency_s)
        return self._result if isinstance(request.brief, ExecuteBrief) else self._plan


def charter(folder: str) -> Charter:
    """Charter one job."""
    procedure = Procedure(
        pattern="master_worker",
        planning=Planning.MODEL,
        terms={key: Terms(agent=handle) for key, handle in SPECIALISTS.items()},
        team=tuple(SPECIALISTS.values()),
    )
    return Charter(
        request=REQUEST,
        input_files=(),
        output_folder=folder,
        models=dict.fromkeys(("personal", "orchestrator", "specialist"), "scripted"),
        policy=STANDARD,
        workflow=Workflow(name="briefing", procedure=procedure),
    )


async def run(sessions: Sessions, given: Charter, jobs: int, in_flight: int) -> dict[str, Any]:
    """Do jobs, so many at once."""
    left = iter(range(jobs))
    latencies: list[float] = []

    async def caller() -> None:
        for _ in left:
            began = perf_counter()
            fold = await sessions.run(given, lambda _: None)
            latencies.append(perf_counter() - began)
            assert fold.session.status is SessionStatus.COMPLETED, fold.session.answer

    started, cpu = perf_counter(), process_time()
    await asyncio.gather(*(caller() for _ in range(min(jobs, in_flight))))
    return {
        "jobs": len(latencies),
        "seconds": perf_counter() - started,
        "cpu_s": process_time() - cpu,
        "peak_kb": peak_kb(),
    }


def peak_kb() -> int:
    """Tell the most memory that this process ever had in KiB (Linux, proc(5)).

    What `getrusage` tells begins with the memory of whoever started it.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def main() -> None:
    """Do what comes on standard input."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(
            bootstrap.build(
                load_settings(home=Path(folder), database_url=sys.argv[1], model="offline")
            )
        ) as house,
    ):
        model = ScriptedModel()
        sessions = replace(house.sessions, model=model)
        given = charter(folder)
        asyncio.run(run(sessions, given, 3, 3))  # what is loaded at the first use
        ease_collector()  # as `hansard worker` does
        print(json.dumps({}), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            model.latency_s = order["latency_s"]
            print(json.dumps(asyncio.run(run(sessions, given, order["jobs"], order["in_flight"]))))
            sys.stdout.flush()
        sessions.close()


if __name__ == "__main__":
    main()
