"""Peers that let a coordinator and three specialists work, each in its natural durable form.

Runs in .venv-bench, one peer in a process: `crews.py PEER CONNINFO`. It answers each line as
`benchmarks/crew.py` does. Models answer from a script after `latency_s` seconds; wherever a peer
keeps sessions, runs or checkpoints, it keeps them in PostgreSQL, as its documentation sets it up.
"""

# mypy: ignore-errors
# ruff: noqa: PLC0415, ARG002, FBT001, FBT002 - each peer imports itself alone, and asks for methods

from __future__ import annotations

import asyncio
import gc
import json
import logging
import operator
import os
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Annotated, Any
from uuid import uuid4

REQUEST = "Prepare the briefing on the third quarter."
KEYS = ("market", "figures", "wording")
PLAN = json.dumps([{"key": key, "instruction": f"See to the {key}."} for key in KEYS])
RESULT = "Done: what was asked for stands here in one line of some length."
POOL = 10
"""Connections that a peer may open, so that the server has enough for all of them."""

QUEUE = {"pool_size": POOL, "max_overflow": 0, "pool_timeout": 600}
"""How SQLAlchemy waits for them, so that nobody is turned away."""

Job = Callable[[], Awaitable[None]]
"""Lets the crew do one job."""

latency = {"s": 0.0}


@dataclass
class Order:
    """What autogen-core's agents are told."""

    text: str


@dataclass
class Result:
    """What autogen-core's agents answer."""

    text: str


async def think() -> None:
    """Take as long as a model takes."""
    await asyncio.sleep(latency["s"])


async def agno(url: str, closing: AsyncExitStack) -> Job:
    """A team whose leader gives one task to each of its members, kept by its AsyncPostgresDb."""
    from agno.agent import Agent
    from agno.db.postgres import AsyncPostgresDb
    from agno.models.base import Model
    from agno.models.response import ModelResponse
    from agno.team import Team
    from sqlalchemy.ext.asyncio import create_async_engine

    class Scripted(Model):
        async def ainvoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
            await think()
            messages = kwargs.get("messages") or args[0]
            if self.id == "leader" and messages[-1].role == "user":
                calls = [
                    {
                        "id": f"call-{key}",
                        "type": "function",
                        "function": {
                            "name": "delegate_task_to_member",
                            "arguments": json.dumps({"member_id": key, "task": f"The {key}."}),
                        },
                    }
                    for key in KEYS
                ]
                return ModelResponse(role="assistant", tool_calls=calls)
            return ModelResponse(role="assistant", content=RESULT)

        def invoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
            raise NotImplementedError

        invoke_stream = ainvoke_stream = invoke

        def _parse_provider_response(self, response: Any, **_: Any) -> ModelResponse:
            return response

        _parse_provider_response_delta = _parse_provider_response

    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+psycopg_async://"), **QUEUE
    )
    closing.push_async_callback(engine.dispose)
    db = AsyncPostgresDb(db_engine=engine)

    async def job() -> None:
        team = Team(
            name="crew",
            model=Scripted(id="leader"),
            members=[Agent(id=key, name=key, model=Scripted(id=key)) for key in KEYS],
            db=db,
            telemetry=False,
        )
        answered = await team.arun(REQUEST, session_id=str(uuid4()))
        assert len(answered.member_responses) == len(KEYS), answered
        assert answered.content == RESULT, answered

    return job


async def google_adk(url: str, closing: AsyncExitStack) -> Job:
    """A planner, then three agents in parallel, kept by its DatabaseSessionService."""
    del closing
    from google.adk.agents import LlmAgent, ParallelAgent, SequentialAgent
    from google.adk.models import BaseLlm, LlmResponse
    from google.adk.runners import Runner
    from google.adk.sessions import DatabaseSessionService
    from google.genai import types

    class Scripted(BaseLlm):
        async def generate_content_async(
            self, llm_request: Any, stream: bool = False
        ) -> AsyncIterator[LlmResponse]:
            del llm_request, stream
            await think()
            text = PLAN if self.model == "leader" else RESULT
            yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text=text)]))

    service = DatabaseSessionService(url.replace("postgresql://", "postgresql+asyncpg://"), **QUEUE)
    crew = SequentialAgent(
        name="crew",
        sub_agents=[
            LlmAgent(name="leader", model=Scripted(model="leader"), output_key="plan"),
            ParallelAgent(
                name="specialists",
                sub_agents=[
                    LlmAgent(name=key, model=Scripted(model=key), output_key=key) for key in KEYS
                ],
            ),
        ],
    )
    runner = Runner(agent=crew, app_name="crew", session_service=service)

    async def job() -> None:
        session = await service.create_session(app_name="crew", user_id="user")
        message = types.Content(role="user", parts=[types.Part(text=REQUEST)])
        done = 0
        async for event in runner.run_async(
            user_id="user", session_id=session.id, new_message=message
        ):
            done += event.is_final_response() and event.author in KEYS
        assert done == len(KEYS), done

    return job


async def openai_agents(url: str, closing: AsyncExitStack) -> Job:
    """A coordinator's run, then three specialists' at once, kept by its SQLAlchemySession."""
    from agents import Agent, ModelResponse, RunConfig, Runner, Usage
    from agents.extensions.memory import SQLAlchemySession
    from agents.models.interface import Model
    from openai.types.responses import ResponseOutputMessage, ResponseOutputText
    from sqlalchemy.ext.asyncio import create_async_engine

    class Scripted(Model):
        def __init__(self, text: str) -> None:
            self._text = text

        async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
            await think()
            text = ResponseOutputText(annotations=[], text=self._text, type="output_text")
            message = ResponseOutputMessage(
                id=str(uuid4()),
                content=[text],
                role="assistant",
                status="completed",
                type="message",
            )
            return ModelResponse(output=[message], usage=Usage(), response_id=None)

        def stream_response(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), **QUEUE)
    closing.push_async_callback(engine.dispose)
    await SQLAlchemySession("first", engine=engine, create_tables=True).get_items()
    config = RunConfig(tracing_disabled=True)
    leader = Agent(name="leader", model=Scripted(PLAN))
    crew = [Agent(name=key, model=Scripted(RESULT)) for key in KEYS]

    async def job() -> None:
        job_id = str(uuid4())
        planned = await Runner.run(
            leader, REQUEST, session=SQLAlchemySession(job_id, engine=engine), run_config=config
        )
        tasks = json.loads(planned.final_output)
        answers = await asyncio.gather(
            *(
                Runner.run(
                    agent,
                    task["instruction"],
                    session=SQLAlchemySession(f"{job_id}-{task['key']}", engine=engine),
                    run_config=config,
                )
                for agent, task in zip(crew, tasks, strict=True)
            )
        )
        assert all(answer.final_output == RESULT for answer in answers)

    return job


async def autogen_core(url: str, closing: AsyncExitStack) -> Job:
    """Messages to three specialists in its SingleThreadedAgentRuntime: in memory, not durable."""
    del url
    from autogen_core import (
        AgentId,
        MessageContext,
        RoutedAgent,
        SingleThreadedAgentRuntime,
        message_handler,
    )

    globals()["MessageContext"] = MessageContext  # it looks the names of types up there

    class Specialist(RoutedAgent):
        @message_handler
        async def do(self, message: Order, ctx: MessageContext) -> Result:
            del message, ctx
            await think()
            return Result(RESULT)

    class Leader(RoutedAgent):
        @message_handler
        async def do(self, message: Order, ctx: MessageContext) -> Result:
            del message, ctx
            await think()
            answers = await asyncio.gather(
                *(
                    self.send_message(Order(task["instruction"]), AgentId(task["key"], self.id.key))
                    for task in json.loads(PLAN)
                )
            )
            return Result("\n".join(answer.text for answer in answers))

    runtime = SingleThreadedAgentRuntime()
    for key in KEYS:
        await Specialist.register(runtime, key, lambda: Specialist("A specialist."))
    await Leader.register(runtime, "leader", lambda: Leader("The leader."))
    runtime.start()
    closing.push_async_callback(runtime.stop)

    async def job() -> None:
        answered = await runtime.send_message(Order(REQUEST), AgentId("leader", str(uuid4())))
        assert answered.text.count(RESULT) == len(KEYS)

    return job


async def dbos(url: str, closing: AsyncExitStack) -> Job:
    """A workflow of four steps, three of them at once, kept by its system database."""
    from dbos import DBOS

    config = {
        "name": "crew",
        "system_database_url": url,
        "sys_db_pool_size": POOL,
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    async def plan(request: str) -> str:
        del request
        await think()
        return PLAN

    @DBOS.step()
    async def do(instruction: str) -> str:
        del instruction
        await think()
        return RESULT

    @DBOS.workflow()
    async def orchestrate(request: str) -> str:
        tasks = json.loads(await plan(request))
        return "\n".join(await asyncio.gather(*(do(task["instruction"]) for task in tasks)))

    DBOS.launch()
    closing.callback(DBOS.destroy)

    async def job() -> None:
        handle = await DBOS.start_workflow_async(orchestrate, REQUEST)
        assert (await handle.get_result()).count(RESULT) == len(KEYS)

    return job


async def langgraph(url: str, closing: AsyncExitStack) -> Job:
    """A graph whose coordinator sends to three nodes, kept by its AsyncPostgresSaver."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send
    from psycopg.rows import dict_row
    from psycopg_pool import AsyncConnectionPool
    from typing_extensions import TypedDict

    class State(TypedDict):
        request: str
        plan: list[dict[str, str]]
        results: Annotated[list[str], operator.add]

    async def leader(state: Any) -> Any:
        del state
        await think()
        return {"plan": json.loads(PLAN)}

    async def specialist(state: Any) -> Any:
        del state
        await think()
        return {"results": [RESULT]}

    def give_out(state: Any) -> Any:
        return [Send("specialist", task) for task in state["plan"]]

    builder = StateGraph(State)
    builder.add_node("leader", leader)
    builder.add_node("specialist", specialist)
    builder.add_edge(START, "leader")
    builder.add_conditional_edges("leader", give_out, ["specialist"])
    builder.add_edge("specialist", END)
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool = AsyncConnectionPool(url, min_size=1, max_size=POOL, kwargs=kwargs, open=False)
    await pool.open()
    closing.push_async_callback(pool.close)
    saver = AsyncPostgresSaver(pool)
    await saver.setup()
    # A saver lets one in at a time; one for each of the pool's connections gives all it has.
    graphs = [builder.compile(checkpointer=AsyncPostgresSaver(pool)) for _ in range(POOL)]
    turn = iter(range(1_000_000_000))

    async def job() -> None:
        graph = graphs[next(turn) % POOL]
        config = {"configurable": {"thread_id": str(uuid4())}}
        done = await graph.ainvoke({"request": REQUEST, "plan": [], "results": []}, config)
        assert len(done["results"]) == len(KEYS)

    return job


PEERS = {
    "Agno": agno,
    "Google ADK": google_adk,
    "openai-agents": openai_agents,
    "autogen-core": autogen_core,
    "DBOS": dbos,
    "LangGraph": langgraph,
}


def peak_kb() -> int:
    """Tell the most memory that this process ever had in KiB (Linux, proc(5))."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


async def run(job: Job, jobs: int, in_flight: int) -> dict[str, Any]:
    """Do jobs, so many at once."""
    left = iter(range(jobs))
    done = 0

    async def caller() -> None:
        nonlocal done
        for _ in left:
            await job()
            done += 1

    started, cpu = perf_counter(), process_time()
    await asyncio.gather(*(caller() for _ in range(min(jobs, in_flight))))
    return {
        "jobs": done,
        "seconds": perf_counter() - started,
        "cpu_s": process_time() - cpu,
        "peak_kb": peak_kb(),
    }


async def answer(peer: str, url: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Do what comes on standard input."""
    async with AsyncExitStack() as closing:
        job = await PEERS[peer](url, closing)
        await run(job, 3, 3)
        gc.collect()
        gc.freeze()
        say({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            latency["s"] = order["latency_s"]
            say(await run(job, order["jobs"], order["in_flight"]))


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # modules beside this one are no packages
    os.environ |= {"AGNO_TELEMETRY": "false", "OPENAI_AGENTS_DISABLE_TRACING": "1"}
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what peers print is no answer
    asyncio.run(
        answer(sys.argv[1], sys.argv[2], lambda it: print(json.dumps(it), file=answers, flush=True))
    )
