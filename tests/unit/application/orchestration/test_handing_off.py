"""Handing off, E2: request with target, context, task, priority; the target accepts or rejects."""

from __future__ import annotations

import pytest

from domain.handoff import HandoffVerdicts
from domain.session import SessionStatus
from domain.workflow import Terms
from tests.support.office import IMPATIENT
from tests.support.replaying import verified
from tests.support.scripted import Replies, answer, call, submit
from tests.support.workflow_runs import crew, run_task, the_task, verdict

TERMS = Terms(agent="FIN_007", handoffs=("FIN_003", "FIN_004"))
WISH = answer(
    call(
        "hand_off",
        target="FIN_003",
        request="Check the tax.",
        context="The rest is done.",
        priority="high",
    )
)


def script(**more: Replies) -> dict[str, Replies]:
    return {
        "FIN_007": [WISH, submit("Done by the first.")],
        "FIN_003": [submit("Done by the second.")],
        "consider": [verdict("Tax is mine.", accepted=True)],
        **more,
    }


def test_the_target_accepts_and_goes_on_with_the_context() -> None:
    """E2: handoff with target, context, task and priority; accepted."""
    it = crew(script())

    fold = run_task(it, TERMS)

    task = the_task(fold)
    assert fold.session.status is SessionStatus.COMPLETED
    assert fold.session.answer == "Done by the second."
    [handoff] = task.handoffs
    assert (handoff.from_agent, handoff.to_agent) == ("FIN_007", "FIN_003")
    assert (handoff.request, handoff.context, handoff.priority.value) == (
        "Check the tax.",
        "The rest is done.",
        "high",
    )
    assert task.holder == "FIN_003"
    last = it.model.requests[-1].brief
    assert last.purpose == "execute"
    assert last.handoff == handoff
    assert last.tools == it.toolbox.briefs([each.name for each in last.tools])
    [accepted] = it.events("task.handoff_accepted")
    assert accepted.envelope.actor == "FIN_003"
    assert verified(it.log, fold.session_id).is_verified


def test_a_rejection_is_the_answer_that_its_holder_sees() -> None:
    """E2: handoff rejected."""
    it = crew(script(consider=[verdict("I have no time.", accepted=False)]))

    fold = run_task(it, TERMS)

    task = the_task(fold)
    assert fold.session.answer == "Done by the first."
    assert task.holder == "FIN_007"
    assert not task.handoffs
    [refused] = [step for step in task.steps if step.call is not None]
    assert refused.failure is not None
    assert refused.failure.message == "I have no time."
    assert verified(it.log, fold.session_id).is_verified


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("ANA_001", "'ANA_001' is no declared target of the task: it may be handed to FIN_003"),
        ("FIN_007", "The task lies with 'FIN_007' already"),
        ("NOBODY", "'NOBODY' is no declared target"),
    ],
)
def test_only_declared_targets_may_be_asked(target: str, said: str) -> None:
    """E2: only declared targets allowed."""
    wish = answer(call("hand_off", target=target, request="Go on."))
    it = crew(script(FIN_007=[wish, submit("Done by the first.")]))

    fold = run_task(it, TERMS)

    [refused] = [step for step in the_task(fold).steps if step.call is not None]
    assert refused.failure is not None
    assert refused.failure.message.startswith(said)
    assert not it.events("task.handoff_requested")
    assert verified(it.log, fold.session_id).is_verified


def test_rules_can_say_whether_a_handoff_is_accepted() -> None:
    it = crew(script())
    policy = IMPATIENT.model_copy(update={"handoff_verdicts": HandoffVerdicts.RULES})

    fold = run_task(it, TERMS, policy)

    assert the_task(fold).holder == "FIN_003"
    assert not [each for each in it.model.requests if each.brief.purpose == "consider"]
    assert verified(it.log, fold.session_id).is_verified


def test_a_task_is_not_handed_around_for_ever() -> None:
    back = answer(call("hand_off", target="FIN_004", request="No, you."))
    again = answer(call("hand_off", target="FIN_003", request="No, you."))
    it = crew(
        script(
            FIN_003=[back, submit("So be it.")],
            FIN_004=[again, submit("So be it, too.")],
        )
    )
    policy = IMPATIENT.model_copy(update={"max_handoffs": 2})

    fold = run_task(it, TERMS, policy)

    task = the_task(fold)
    assert len(task.handoffs) == 2
    assert fold.session.answer == "So be it, too."
    refused = task.steps[-2]
    assert refused.failure is not None
    assert "handed off as often as the policy allows" in refused.failure.message
    assert verified(it.log, fold.session_id).is_verified
