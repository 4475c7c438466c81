"""Deciding: from what a session is to what happens next, situation by situation."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from application.fold import SessionFold
from application.orchestration.commands import (
    AdoptPlan,
    AskModel,
    Command,
    CompleteTask,
    DeclineSession,
    EndSession,
    FailTask,
    PlaceTask,
    RecordIntent,
    RejectAnswer,
    StartTask,
    UseTool,
)
from application.orchestration.deciding import Setting, decide
from domain.agent import Level
from domain.conversation import USER, Conversation
from domain.decision import Decision, Delegation
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer
from domain.planning import Plan, PlannedTask, with_plain_keys
from domain.policy import Policy
from domain.session import Intent, Session
from domain.task import Assignment, Result, Task
from tests.support.given_when_then import AT
from tests.support.office import charter
from tests.support.scripted import answer, call, intend, propose, submit, use

SESSION, TALK, ROOT, A, B = (UUID(int=number) for number in range(1, 6))
EFFECT, SECOND, THIRD = (UUID(int=number) for number in range(11, 14))
SETTING = Setting(
    personal="NOVA_001",
    orchestrator="MM_001",
    departments={"finance": ("reporting",)},
    levels={
        "NOVA_001": Level.PERSONAL,
        "MM_001": Level.ORCHESTRATOR,
        "DIR_FINANCE": Level.DIRECTOR,
        "FIN_007": Level.SPECIALIST,
    },
    turns={"FIN_007": 4},
)
INTENT = Intent(goal="A report")
FAILURE = Failure(kind=FailureKind.REFUSED, message="No.")
PLAN = Plan(
    tasks=(
        PlannedTask(key="a", title="A", instruction="Do a.", department="finance"),
        PlannedTask(
            key="b", title="B", instruction="Do b.", department="finance", depends_on=("a",)
        ),
    ),
    complexity=0.5,
    reason="Two steps.",
)
NO_PLAN = Plan(tasks=(), complexity=0.1, reason="Nobody flies.")

Step = Callable[[SessionFold], object]


def fold_after(*steps: Step, policy: Policy | None = None) -> SessionFold:
    """Open a session and let things happen to it."""
    fold = SessionFold()
    fold.hold(Session.open(SESSION, charter(policy=policy or Policy()), ROOT, TALK, AT))
    fold.hold(Conversation.start(TALK, SESSION, (USER, "NOVA_001"), AT))
    root = Assignment(
        session_id=SESSION, parent_id=None, key="request", title="R", instruction="Report."
    )
    fold.hold(Task.create(ROOT, root, "NOVA_001", AT))
    for step in steps:
        step(fold)
    return fold


def decision(chosen: str | None) -> Decision:
    return Decision(
        decision_id=UUID(int=30),
        strategy="rules",
        policy_version="1",
        candidates=(),
        chosen=chosen,
        confidence=0.0,
        reason="So it is.",
        knowledge_position=0,
    )


ASKED = {"interpret": "NOVA_001", "decompose": "MM_001", "present": "NOVA_001"}


def ask(task_id: UUID, purpose: str, effect_id: UUID = EFFECT) -> Step:
    agent = ASKED.get(purpose, "FIN_007")
    return lambda fold: fold.task(task_id).call_model(effect_id, purpose, "m", agent, AT)


def reply(task_id: UUID, content: ModelAnswer, effect_id: UUID = EFFECT) -> Step:
    return lambda fold: fold.task(task_id).answer_model(effect_id, content, AT)


def asked(
    task_id: UUID, purpose: str, content: ModelAnswer, effect_id: UUID = EFFECT
) -> tuple[Step, Step]:
    return ask(task_id, purpose, effect_id), reply(task_id, content, effect_id)


def give_up(task_id: UUID, effect_id: UUID = EFFECT) -> Step:
    return lambda fold: fold.task(task_id).fail_model(effect_id, FAILURE, AT, final=True)


def reject(task_id: UUID, effect_id: UUID = EFFECT) -> Step:
    return lambda fold: fold.task(task_id).reject_answer(effect_id, "Bad.", AT)


def pass_on(task_id: UUID, giver: str, taker: str) -> Step:
    passed = Delegation(
        delegation_id=UUID(int=31), from_agent=giver, to_agent=taker, decision=decision(taker)
    )
    return lambda fold: fold.task(task_id).delegate(passed, AT)


def leave(task_id: UUID) -> Step:
    return lambda fold: fold.task(task_id).leave_unplaced(decision(None), AT)


def interpreted(fold: SessionFold) -> None:
    fold.session.interpret(INTENT, AT)


def planned(fold: SessionFold) -> None:
    fold.root.decompose(PLAN, {"a": A, "b": B}, AT)
    for task_id, key, needed in ((A, "a", ()), (B, "b", (A,))):
        assignment = Assignment(
            session_id=SESSION,
            parent_id=ROOT,
            key=key,
            title=key,
            instruction="Do it.",
            department="finance",
            depends_on=needed,
        )
        fold.hold(Task.create(task_id, assignment, "MM_001", AT))


def placed(*task_ids: UUID) -> list[Step]:
    return [
        step
        for task_id in task_ids
        for step in (
            pass_on(task_id, "MM_001", "DIR_FINANCE"),
            pass_on(task_id, "DIR_FINANCE", "FIN_007"),
        )
    ]


def start(task_id: UUID) -> Step:
    return lambda fold: fold.task(task_id).start(AT)


def complete(task_id: UUID) -> Step:
    return lambda fold: fold.task(task_id).complete(Result(summary=f"Result of {task_id}."), AT)


def fail(task_id: UUID) -> Step:
    return lambda fold: fold.task(task_id).fail(FAILURE, AT)


def use_tool(task_id: UUID, call_id: str, effect_id: UUID, *, answered: bool = True) -> list[Step]:
    wish = call("query_table", call_id)
    steps: list[Step] = [lambda fold: fold.task(task_id).call_tool(effect_id, wish, "FIN_007", AT)]
    if answered:
        steps.append(
            lambda fold: fold.task(task_id).answer_tool(effect_id, ToolAnswer(content=1), AT)
        )
    return steps


BY_MM = [interpreted, pass_on(ROOT, "NOVA_001", "MM_001")]
WORKING = [*BY_MM, planned, *placed(A, B), start(A)]
DONE = [*WORKING, complete(A), start(B), complete(B)]
TWO_CALLS = answer(call("query_table", "c1"), call("query_table", "c2"))
RESULT_AND_CALLS = answer(*TWO_CALLS.tool_calls, *submit("Done.").tool_calls)
NOT_SERVABLE = Intent(goal="A flight", servable=False, reason="Nobody flies.")


def situation(name: str, steps: list[Step], *commands: Command) -> object:
    return pytest.param(steps, list(commands), id=name)


SITUATIONS = [
    situation("a new session", [], AskModel(ROOT, "interpret", "NOVA_001")),
    situation("Nova is being asked", [ask(ROOT, "interpret")]),
    situation(
        "Nova understood",
        [*asked(ROOT, "interpret", intend("A report"))],
        RecordIntent(INTENT),
    ),
    situation(
        "Nova's answer is invalid",
        [*asked(ROOT, "interpret", answer(text="Hm."))],
        RejectAnswer(
            ROOT,
            EFFECT,
            "The answer does not call submit_intent; call it once with all its arguments.",
        ),
    ),
    situation(
        "Nova's answer was rejected",
        [*asked(ROOT, "interpret", answer(text="Hm.")), reject(ROOT)],
        AskModel(ROOT, "interpret", "NOVA_001"),
    ),
    situation(
        "Nova cannot be reached",
        [ask(ROOT, "interpret"), give_up(ROOT)],
        EndSession("No.", None, FAILURE),
    ),
    situation(
        "Nova says that nobody can serve it",
        [lambda fold: fold.session.interpret(NOT_SERVABLE, AT)],
        DeclineSession("Nobody flies."),
    ),
    situation("the request lies with Nova", [interpreted], PlaceTask(ROOT)),
    situation(
        "there is no MasterMind",
        [interpreted, leave(ROOT)],
        EndSession("So it is.", None, Failure(kind=FailureKind.UNABLE, message="So it is.")),
    ),
    situation("it lies with MasterMind", BY_MM, AskModel(ROOT, "decompose", "MM_001")),
    situation("MasterMind is being asked", [*BY_MM, ask(ROOT, "decompose")]),
    situation(
        "MasterMind has a plan",
        [*BY_MM, *asked(ROOT, "decompose", propose(PLAN))],
        AdoptPlan(ROOT, PLAN),
    ),
    situation(
        "MasterMind declines",
        [*BY_MM, lambda fold: fold.root.decompose(NO_PLAN, {}, AT)],
        DeclineSession("Nobody flies."),
    ),
    situation("a plan was adopted", [*BY_MM, planned], PlaceTask(A), PlaceTask(B)),
    situation(
        "the tasks lie with a director",
        [*BY_MM, planned, *(pass_on(key, "MM_001", "DIR_FINANCE") for key in (A, B))],
        PlaceTask(A),
        PlaceTask(B),
    ),
    situation(
        "nobody fits a task",
        [*BY_MM, planned, leave(A), *placed(B)],
        FailTask(A, Failure(kind=FailureKind.UNABLE, message="So it is.")),
    ),
    situation(
        "a task with a dependency waits for it", [*BY_MM, planned, *placed(A, B)], StartTask(A)
    ),
    situation("a task was started", WORKING, AskModel(A, "execute", "FIN_007")),
    situation("a specialist is being asked", [*WORKING, ask(A, "execute")]),
    situation(
        "a specialist wants tools",
        [*WORKING, *asked(A, "execute", TWO_CALLS)],
        UseTool(A, TWO_CALLS.tool_calls[0], "FIN_007"),
        UseTool(A, TWO_CALLS.tool_calls[1], "FIN_007"),
    ),
    situation(
        "one of two tools has answered",
        [
            *WORKING,
            *asked(A, "execute", TWO_CALLS),
            *use_tool(A, "c1", SECOND),
            *use_tool(A, "c2", THIRD, answered=False),
        ],
    ),
    situation(
        "one of two tools was never called",
        [*WORKING, *asked(A, "execute", TWO_CALLS), *use_tool(A, "c1", SECOND)],
        UseTool(A, TWO_CALLS.tool_calls[1], "FIN_007"),
    ),
    situation(
        "all tools have answered",
        [
            *WORKING,
            *asked(A, "execute", TWO_CALLS),
            *use_tool(A, "c1", SECOND),
            *use_tool(A, "c2", THIRD),
        ],
        AskModel(A, "execute", "FIN_007"),
    ),
    situation(
        "the next answer reuses the id of an earlier call",
        [
            *WORKING,
            *asked(A, "execute", use("query_table")),
            *use_tool(A, "c1", SECOND),
            *asked(A, "execute", use("query_table"), THIRD),
        ],
        UseTool(A, call("query_table"), "FIN_007"),
    ),
    situation(
        "a specialist hands in a result",
        [*WORKING, *asked(A, "execute", submit("Done.", total=1))],
        CompleteTask(A, Result(summary="Done.", data={"total": 1})),
    ),
    situation(
        "a specialist hands in a result and still wants a tool",
        [*WORKING, *asked(A, "execute", RESULT_AND_CALLS)],
        CompleteTask(A, Result(summary="Done.")),
    ),
    situation(
        "a specialist answers in plain words",
        [*WORKING, *asked(A, "execute", answer(text="It is 60."))],
        CompleteTask(A, Result(summary="It is 60.")),
    ),
    situation(
        "a specialist cannot do it",
        [*WORKING, *asked(A, "execute", submit("No Q4 there.", done=False))],
        FailTask(A, Failure(kind=FailureKind.UNABLE, message="No Q4 there.")),
    ),
    situation(
        "a specialist says nothing",
        [*WORKING, *asked(A, "execute", answer())],
        RejectAnswer(A, EFFECT, "The answer is empty; use a tool or call submit_result."),
    ),
    situation(
        "a specialist may correct itself",
        [*WORKING, *asked(A, "execute", answer()), reject(A)],
        AskModel(A, "execute", "FIN_007"),
    ),
    situation(
        "a specialist has corrected itself in vain",
        [
            *WORKING,
            *(
                step
                for effect in (EFFECT, SECOND, THIRD)
                for step in (*asked(A, "execute", answer(), effect), reject(A, effect))
            ),
        ],
        FailTask(
            A,
            Failure(
                kind=FailureKind.BAD_ANSWER,
                message="The model of FIN_007 gave no valid answer: Bad.",
            ),
        ),
    ),
    situation(
        "a specialist cannot be reached",
        [*WORKING, ask(A, "execute"), give_up(A)],
        FailTask(A, FAILURE),
    ),
    situation(
        "a specialist has spent all its turns",
        [
            *WORKING,
            *(
                step
                for number in range(21, 25)
                for step in asked(A, "execute", use("query_table"), UUID(int=number))
            ),
        ],
        FailTask(
            A,
            Failure(
                kind=FailureKind.UNABLE,
                message="FIN_007 handed in no result within 4 model calls.",
            ),
        ),
    ),
    situation("a dependency is done", [*WORKING, complete(A)], StartTask(B)),
    situation(
        "a dependency has failed",
        [*WORKING, fail(A)],
        FailTask(
            B,
            Failure(
                kind=FailureKind.DEPENDENCY,
                message="It needs the result of 'a', which failed: No.",
            ),
        ),
    ),
    situation("all tasks are done", DONE, AskModel(ROOT, "present", "NOVA_001")),
    situation(
        "all tasks have failed",
        [*WORKING, fail(A), fail(B)],
        AskModel(ROOT, "present", "NOVA_001"),
    ),
    situation("Nova is presenting", [*DONE, ask(ROOT, "present")]),
    situation(
        "Nova has presented",
        [*DONE, *asked(ROOT, "present", answer(text="Here."))],
        EndSession("Here.", "scripted-1", None),
    ),
    situation(
        "Nova presents nothing",
        [*DONE, *asked(ROOT, "present", answer(text=" "))],
        EndSession(f"Result of {B}.", None, None),
    ),
    situation(
        "Nova cannot present",
        [*DONE, ask(ROOT, "present"), give_up(ROOT)],
        EndSession(f"Result of {B}.", None, None),
    ),
    situation(
        "Nova presents a failure",
        [*WORKING, fail(A), fail(B), *asked(ROOT, "present", answer(text="Sorry."))],
        EndSession("Sorry.", "scripted-1", FAILURE),
    ),
    situation("the session is over", [lambda fold: fold.session.cancel("Stop.", AT)]),
]


@pytest.mark.parametrize(("steps", "commands"), SITUATIONS)
def test_what_happens_next(steps: list[Step], commands: list[Command]) -> None:
    fold = fold_after(*steps)

    assert decide(fold, SETTING) == commands
    assert decide(fold, SETTING) == commands, "deciding changes nothing"


def test_a_rejected_structured_answer_is_given_up_after_the_repairs_of_the_policy() -> None:
    steps = [
        step
        for effect in (EFFECT, SECOND)
        for step in (*asked(ROOT, "interpret", answer(), effect), reject(ROOT, effect))
    ]

    (command,) = decide(fold_after(*steps, policy=Policy(max_repairs=1)), SETTING)

    assert isinstance(command, EndSession)
    assert command.failure is not None
    assert command.failure.kind is FailureKind.BAD_ANSWER


def test_repairs_are_counted_anew_after_an_accepted_answer() -> None:
    effects = [UUID(int=number) for number in range(21, 26)]
    steps: list[Step] = [*WORKING]
    for effect in effects[:2]:
        steps += [*asked(A, "execute", answer(), effect), reject(A, effect)]
    steps += [*asked(A, "execute", use("query_table"), effects[2]), *use_tool(A, "c1", SECOND)]
    steps += [*asked(A, "execute", answer(), effects[3]), reject(A, effects[3])]

    assert decide(fold_after(*steps), SETTING) == [AskModel(A, "execute", "FIN_007")]


def test_the_policy_may_allow_fewer_turns_than_the_agent_has() -> None:
    fold = fold_after(
        *WORKING, *asked(A, "execute", use("query_table")), policy=Policy(max_iterations=1)
    )

    (command,) = decide(fold, SETTING)

    assert isinstance(command, FailTask)
    assert "within 1 model calls" in command.failure.message


def test_the_keys_of_a_subjects_plan_say_nothing() -> None:
    fold = fold_after(*BY_MM, *asked(ROOT, "decompose", propose(PLAN)))
    fold.session.charter = charter().model_copy(update={"subject": "customer-42"})

    assert decide(fold, SETTING) == [AdoptPlan(ROOT, with_plain_keys(PLAN))]
