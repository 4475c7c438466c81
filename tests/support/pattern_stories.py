"""Stories of patterns: a workflow of each kind, and what the scripted model says in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from application.briefs import (
    SUBMIT_ASSESSMENT,
    SUBMIT_BID,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    SUBMIT_SCORES,
    SUBMIT_VERDICT,
)
from application.fold import SessionFold
from application.json_schema import misfits, schema_problem
from domain import patterns as p
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.planning import Plan, PlannedTask
from domain.workflow import AssemblyStrategy, OnError, Planning, Workflow
from domain.workflow_inputs import bind
from domain.workflow_rules import Surroundings, check_workflow
from tests.support.office import Office, charter, office, packaged_directory
from tests.support.scripted import TOOLS, Crash, CrashingLog, Replies, answer, call, submit, use

NO = answer(call(SUBMIT_RESULT, done=False, summary="It cannot be done."))
BROKEN = Failure(kind=FailureKind.REFUSED, message="The model refuses.")


def planned(key: str, *depends_on: str, **more: Any) -> PlannedTask:
    """Plan one task."""
    return PlannedTask(
        key=key, title=key.title(), instruction=f"Do {key}.", depends_on=depends_on, **more
    )


def plan(*tasks: PlannedTask) -> ModelAnswer:
    """Answer with a plan."""
    made = Plan(tasks=tasks, complexity=0.7, reason="In parts.")
    return answer(call(SUBMIT_PLAN, **made.model_dump(mode="json")))


def verdict(*, accepted: bool, reason: str = "So it is.") -> ModelAnswer:
    """Answer with a verdict."""
    return answer(call(SUBMIT_VERDICT, accepted=accepted, reason=reason))


def assess(state: str, said: str) -> ModelAnswer:
    """Answer with an assessment."""
    return answer(call(SUBMIT_ASSESSMENT, state=state, assessment=said))


def scores(**by_key: float) -> ModelAnswer:
    """Answer with scores."""
    return answer(call(SUBMIT_SCORES, scores=dict(by_key), reason="Compared."))


def text(said: str) -> ModelAnswer:
    """Answer with plain text."""
    return answer(text=said)


@dataclass(frozen=True)
class Story:
    """A workflow, what the model says, and what comes of it.

    Attributes:
        tells: a part of the session's answer.
        data: of the session's result, as far as it is looked at.
    """

    workflow: Workflow
    script: dict[str, Replies]
    tells: str
    data: dict[str, Any] = field(default_factory=dict)


def surroundings() -> Surroundings:
    """Tell what workflows may name in the packaged organisation."""
    directory = packaged_directory()
    return Surroundings(
        agents={key: agent.capabilities.tools for key, agent in directory.agents.items()},
        departments=[department.key for department in directory.departments],
        tools=TOOLS,
        schema_problem=schema_problem,
        misfits=misfits,
    )


def told(story: Story) -> Office:
    """Open an office in which a story can be told."""
    check_workflow(story.workflow, surroundings())
    return office(story.script)


def run(it: Office, workflow: Workflow) -> SessionFold:
    """Run a workflow to its end."""
    done = charter().model_copy(update={"workflow": bind(workflow, {})})
    return asyncio.run(it.sessions.run(done, it.heard.append))


def run_until_it_dies(it: Office, workflow: Workflow, fuse: int, *, recorded: bool) -> bool:
    """Run a workflow in a process that dies around its n-th append."""
    log = it.log
    it.log = CrashingLog(log, fuse, recorded=recorded)
    try:
        run(it, workflow)
    except Crash:
        return True
    finally:
        it.log = log
    return False


def finish(it: Office, workflow: Workflow) -> SessionFold:
    """Finish what another process left, or run it when nothing of it was recorded."""
    opened = it.events("session.opened")
    return it.resume(session_of(it)) if opened else run(it, workflow)


def session_of(it: Office) -> UUID:
    """Tell which session was opened."""
    session_id: UUID = it.events("session.opened")[0].event.originator_id
    return session_id


CHAIN = Story(
    p.workflow(
        "chain",
        p.chain(
            p.task(
                "extract",
                "Extract {{input.quarter}}.",
                agent="ANA_006",
                output_schema={"type": "object", "required": ["rows"]},
            ),
            p.task(
                "draw",
                "Draw a chart.",
                agent="ANA_007",
                tool="draw_chart",
                arguments={"title": "{{input.quarter}}", "rows": "{{extract.data.rows}}"},
                input_schema={"type": "object", "properties": {"rows": {"type": "integer"}}},
                outputs=("chart.svg",),
            ),
            p.task(
                "check",
                "Check it.",
                agent="FIN_007",
                on_error=OnError.SKIP,
                default={"checked": False},
            ),
            p.task(
                "report",
                "Report on {{check.data.checked}}.",
                agent="FIN_007",
                on_error=OnError.RETRY,
                retries=2,
            ),
        ),
        inputs={"quarter": "Q4"},
    ),
    {
        "extract": [submit("No rows yet."), submit("Extracted.", rows=3)],
        "check": [NO],
        "report": [use("query_table", sql="1"), submit("# Q4\n\nAll is well.", good=True)],
    },
    "All is well.",
    {"good": True},
)

PARALLEL = Story(
    p.workflow(
        "parallel",
        p.parallel(
            *p.instances(p.task("count", "Count your share."), 3),
            p.task("chart", "Draw.", agent="ANA_007", tool="draw_chart"),
            team=("ANA_003", "ANA_004", "ANA_006"),
            max_parallel=2,
        ),
    ),
    {f"count_{number}": [submit(f"Share {number}.", rows=[number])] for number in (1, 2, 3)},
    "Share 2.",
    {"rows": [1, 2, 3]},
)

BEST_OF = Story(
    p.workflow(
        "best",
        p.parallel(
            p.task("bold", "Write boldly.", agent="MKT_001"),
            p.task("plain", "Write plainly.", agent="MKT_002"),
            p.task("late", "Write late.", agent="MKT_003"),
            strategy=AssemblyStrategy.BEST_OF,
            by="MKT_004",
        ),
    ),
    {
        "bold": [submit("Bold!")],
        "plain": [submit("Plain.", words=1)],
        "late": [NO],
        "judge": [text("Hm."), scores(bold=0.4, plain=0.9)],
    },
    "Plain.",
    {"words": 1},
)

MASTER_WORKER = Story(
    p.workflow(
        "master",
        p.master_worker(
            workers=("ANA_003", "ANA_006", "FIN_007"), master="DIR_ANALYTICS", validator="FIN_003"
        ),
    ),
    {
        "decompose": [plan(planned("a", "b"), planned("b", "a")), plan(planned("a"), planned("b"))],
        "a": [submit("Too short."), submit("Long enough.")],
        "b": [submit("B is done.")],
        "validate": [verdict(accepted=False, reason="Too short."), verdict(accepted=True)],
        "assemble": [text("A and B are done.")],
    },
    "A and B are done.",
)

BY_RULES = Story(
    p.workflow(
        "rules",
        p.chain(
            p.task(
                "all",
                "Extract the data, compute metrics and draw charts, then report on all results.",
                pattern=p.coordinator(planning=Planning.RULES),
            )
        ),
    ),
    {
        **{f"task_{number}": [submit(f"Part {number}.")] for number in range(1, 5)},
        "assemble": [text("Four parts, one report.")],
    },
    "Four parts, one report.",
)

SUPERVISOR = Story(
    p.workflow(
        "supervisor",
        p.supervisor(
            planner="DIR_FINANCE",
            monitor="FIN_001",
            recovery="FIN_002",
            team=("FIN_003", "FIN_007"),
            strategy=AssemblyStrategy.CONCATENATE,
        ),
    ),
    {
        "decompose": [plan(planned("books"), planned("tax"))],
        "books": [submit("Books are closed.")],
        "tax": [NO],
        "monitor": [
            assess("recovering", "The tax return is missing."),
            assess("completed", "All is there."),
        ],
        "recover": [plan(planned("books")), plan(planned("tax_again", "books"))],
        "tax_again": [submit("Tax is filed.")],
    },
    "Tax is filed.",
)

COORDINATOR = Story(
    p.workflow(
        "coordinator",
        p.coordinator(
            p.task("facts", "Find facts.", agent="RD_001"),
            p.task("market", "Look at the market.", agent="MKT_001", depends_on=("facts",)),
            p.task(
                "law",
                "Look at the law.",
                department="legal",
                skills=("contracts",),
                depends_on=("facts",),
            ),
            p.task(
                "advice",
                "Advise on {{market.summary}} and {{law.data.risk}}.",
                agent="CON_001",
                depends_on=("market", "law"),
            ),
        ),
    ),
    {
        "facts": [submit("Facts.")],
        "market": [submit("Growing.")],
        "law": [submit("Fine.", risk="low")],
        "advice": [submit("Go.")],
        "assemble": [text("Go ahead.")],
    },
    "Go ahead.",
)

AUCTIONED = Story(
    p.workflow(
        "auctioned",
        p.coordinator(
            by="DIR_FINANCE",
            team=("FIN_003", "FIN_007"),
            routing="auction",
            strategy=AssemblyStrategy.MERGE,
        ),
    ),
    {
        "decompose": [plan(planned("books"), planned("tax", "books"))],
        "bid": [
            answer(
                call(SUBMIT_BID, willing=True, confidence=0.9, cost_usd=0.5, reason="I know how.")
            )
        ],
        "books": [submit("Closed.", books="closed")],
        "tax": [submit("Filed.", tax="filed")],
    },
    "Filed.",
    {"tax": "filed"},
)

HANDOFF = Story(
    p.workflow(
        "handoff",
        p.handoff(
            p.task("answer", "Answer the customer."),
            agent="SUP_001",
            targets=("FIN_007", "SUP_002"),
        ),
    ),
    {
        "answer": [
            answer(call("hand_off", target="FIN_007", request="It is about an invoice.")),
            submit("The invoice is paid."),
        ],
        "consider": [verdict(accepted=True)],
    },
    "The invoice is paid.",
)

SOP = Story(
    p.workflow(
        "sop",
        p.sop(
            p.role("RD_001", "stories", "Write user stories."),
            (
                p.role("RD_002", "design", "Design on {{stories.summary}}."),
                p.role("FIN_007", "paper", "Write a paper.", outputs=("report.md",)),
            ),
            p.role("OPS_002", "tests", "Test {{design.summary}} and {{paper.artefacts.0}}."),
        ),
    ),
    {
        "stories": [submit("Stories.")],
        "design": [submit("Design.")],
        "paper": [
            submit("Paper without a file."),
            use("write_document", title="Paper"),
            submit("Paper."),
        ],
        "tests": [submit("Tests pass.")],
    },
    "Tests pass.",
)

CONSENSUS = Story(
    p.workflow(
        "consensus",
        p.consensus("Shall we ship?", ("OPS_001", "OPS_002", "OPS_003"), choices=("yes", "no")),
    ),
    {
        "voter_1": [submit("Yes.", answer="maybe"), submit("Yes.", answer="yes")],
        "voter_2": [submit("No.", answer="no")],
        "voter_3": [submit("Yes.", answer="yes")],
    },
    "Yes.",
    {"answer": "yes"},
)

NESTED = Story(
    p.workflow(
        "nested",
        p.chain(
            p.task("draft", "Draft.", agent="MKT_001"),
            p.task(
                "review",
                "Review {{draft.summary}}.",
                pattern=p.parallel(
                    p.task("law", "Is {{draft.summary}} lawful?", agent="LEG_001"),
                    p.task(
                        "taste",
                        "Is it in good taste?",
                        pattern=p.consensus("Is {{draft.summary}} fine?", ("MKT_002", "MKT_003")),
                    ),
                ),
            ),
            p.task("publish", "Publish, as {{review.data.lawful}}.", agent="MKT_004"),
        ),
    ),
    {
        "draft": [submit("A draft.")],
        "law": [submit("Lawful.", lawful=True)],
        "voter_1": [submit("Fine.", answer="fine")],
        "voter_2": [submit("Fine.", answer="Fine")],
        "publish": [submit("Published.")],
    },
    "Published.",
)

STORIES = {
    "chain": CHAIN,
    "parallel": PARALLEL,
    "best of": BEST_OF,
    "master-worker": MASTER_WORKER,
    "by rules": BY_RULES,
    "supervisor": SUPERVISOR,
    "coordinator": COORDINATOR,
    "auctioned coordinator": AUCTIONED,
    "handoff": HANDOFF,
    "standard operating procedure": SOP,
    "consensus": CONSENSUS,
    "nested": NESTED,
}
