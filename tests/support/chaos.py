"""Chaos: workers whose models and tools fail, dawdle, lie and take the process down with them.

The modules are imported once; every worker is a fork of that process with connections of its own.
Run as a program, this file answers each line on its input with the id of a new worker's process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.briefs import SUBMIT_PLAN, SUBMIT_RESULT, ExecuteBrief, ToolBrief
from application.errors import EffectError
from application.ports import IdFactory, ModelRequest, ToolRequest
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall, Usage
from domain.message import Message
from domain.planning import Plan, PlannedTask
from domain.policy import STANDARD, Policy
from domain.priority import Priority
from domain.session import Charter
from domain.workflow import Planning, Procedure, Terms, Workflow

if TYPE_CHECKING:
    from hansard.bootstrap import House

ROOT = Path(__file__).parents[2]
TOOL = "evaluate_expression"
SPECIALISTS = {"first": "RD_001", "second": "RD_002", "third": "FIN_007"}
CURSED = "A cursed job"
"""What a tool is asked for here takes the process down every time."""

CONCURRENCY = 20
CORRESPONDENTS = ("RD_001", "RD_002", "FIN_007")
NOBODY = "XYZ_999"
"""Handle that no agent has."""

PLAN = Plan(
    tasks=tuple(
        PlannedTask(
            key=key,
            title=f"The {key}",
            instruction=f"Do the {key}.",
            depends_on=("first",) if key == "third" else (),
        )
        for key in SPECIALISTS
    ),
    complexity=0.6,
    reason="Three parts.",
)
QUICK: Policy = STANDARD.model_copy(update={"retry_wait_s": 0.01, "max_wait_s": 0.05})


def charter(request: str) -> Charter:
    """Charter a job: a coordinator cuts it up, and each of three specialists uses a tool."""
    procedure = Procedure(
        pattern="master_worker",
        planning=Planning.MODEL,
        team=tuple(SPECIALISTS.values()),
        terms={key: Terms(agent=handle) for key, handle in SPECIALISTS.items()},
    )
    return Charter(
        request=request,
        input_files=(),
        output_folder="/nowhere",
        models=dict.fromkeys(("personal", "orchestrator", "specialist"), "chaotic"),
        policy=QUICK,
        workflow=Workflow(name="chaos", procedure=procedure),
    )


def _answer(tool: str, **arguments: Any) -> ModelAnswer:
    return ModelAnswer(
        model="chaotic",
        tool_calls=(ToolCall(call_id="c1", tool=tool, arguments=arguments),),
        stop_reason="tool_use",
        usage=Usage(input_tokens=100, output_tokens=20),
    )


async def misbehave(dice: random.Random, crash: float) -> None:
    """Do what the outside world does now and then."""
    roll = dice.random()
    if roll < crash:
        os.kill(os.getpid(), signal.SIGKILL)
    if roll < 0.10:
        kind = dice.choice((FailureKind.OVERLOADED, FailureKind.TIMED_OUT, FailureKind.UNREACHABLE))
        raise EffectError(Failure(kind=kind, message="Chaos.", retry_after_s=0.01))
    if roll < 0.12:
        raise RuntimeError("nobody foresaw this")
    await asyncio.sleep(dice.uniform(0.05, 0.3) if roll < 0.25 else 0)


class ChaoticModel:
    """Plans, uses a tool and submits, when it does not fail, dawdle or lie."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call, somehow."""
        await misbehave(self._dice, crash=0.004)
        brief = request.brief
        if self._dice.random() < 0.08:
            lie = SUBMIT_RESULT if isinstance(brief, ExecuteBrief) else SUBMIT_PLAN
            return _answer(lie, nonsense=True)
        if not isinstance(brief, ExecuteBrief):
            return _answer(SUBMIT_PLAN, **PLAN.model_dump(mode="json"))
        if any(step.call is not None for step in brief.steps):
            return _answer(SUBMIT_RESULT, done=True, summary="Done.", data={})
        return _answer(TOOL, expression=brief.request)


class ChaoticToolbox:
    """One tool that answers with its arguments, when it does not take the process down."""

    names = frozenset({TOOL})

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def briefs(self, names: Collection[str]) -> tuple[ToolBrief, ...]:
        """Describe the tool."""
        return tuple(
            ToolBrief(name=name, description="Chaos.", parameters={"type": "object"})
            for name in names
            if name == TOOL
        )

    async def use(self, request: ToolRequest) -> ToolAnswer:
        """Use the tool, somehow."""
        if request.call.arguments["expression"] == CURSED:
            os.kill(os.getpid(), signal.SIGKILL)
        await misbehave(self._dice, crash=0.004)
        return ToolAnswer(content=dict(request.call.arguments))


async def correspond(house: House, dice: random.Random) -> None:
    """Send messages that arrive, come too late or reach nobody, and receive what waits."""
    messenger = house.new_messaging().messenger
    await messenger.open()
    try:
        while True:
            await messenger.send(_letter(house.sessions.ids, dice))
            await messenger.receive(dice.choice(CORRESPONDENTS), timeout_s=0.02)
            await messenger.sweep()
    finally:
        await messenger.close()


def _letter(ids: IdFactory, dice: random.Random) -> Message:
    message_id = ids.new()
    return Message(
        message_id=message_id,
        conversation_id=message_id,
        from_agent="NOVA_001",
        to_agent=dice.choice((*CORRESPONDENTS, NOBODY)),
        content={"text": "Chaos."},
        priority=dice.choice(list(Priority)),
        sent_at=datetime.now(UTC),
        time_to_live_s=dice.choice((None, 0.001, 60.0)),
    )


@contextmanager
def worker_nursery(database_url: str, home: Path) -> Iterator[Callable[[], int]]:
    """Start the process that forks workers.

    Yields:
        What starts a worker and gives the id of its process.
    """
    command = [sys.executable, __file__, database_url, str(home)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def start() -> int:
            orders.write("\n")
            orders.flush()
            return int(json.loads(answers.readline()))

        try:
            yield start
        finally:
            orders.close()


def _work(database_url: str, home: str) -> None:
    from contextlib import closing  # noqa: PLC0415 - in the child
    from dataclasses import replace  # noqa: PLC0415

    from hansard import bootstrap  # noqa: PLC0415
    from infrastructure.settings import load_settings  # noqa: PLC0415

    settings = load_settings(home=Path(home), database_url=database_url, model="offline")
    dice = random.Random(os.getpid())  # noqa: S311 - chaos is no secret
    with closing(bootstrap.build(settings)) as house:
        house.sessions = replace(
            house.sessions, model=ChaoticModel(dice), toolbox=ChaoticToolbox(dice)
        )

        async def work() -> None:
            correspondence = asyncio.create_task(correspond(house, dice))
            await house.work_on_sessions(asyncio.Event(), CONCURRENCY, lambda *_: None)
            correspondence.cancel()

        asyncio.run(work())


def _serve() -> None:
    import hansard.bootstrap  # noqa: F401, PLC0415 - imported once, for all forks

    logging.disable(logging.ERROR)  # what nobody foresaw is said at length
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children = []
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(*sys.argv[1:])
            os._exit(0)
        children.append(child)
        print(json.dumps(child), flush=True)  # noqa: T201
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    _serve()
