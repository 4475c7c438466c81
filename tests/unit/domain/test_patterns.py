"""Building blocks give procedures, and nest in each other under dotted names."""

from __future__ import annotations

import pytest

from domain import patterns as p
from domain.patterns import Pattern
from domain.workflow import AssemblyStrategy, OnError, Planning


def needs(pattern: Pattern) -> dict[str, tuple[str, ...]]:
    return {task.key: task.depends_on for task in pattern.procedure.tasks}


def task(key: str) -> p.Part:
    return p.task(key, f"Do {key}.", agent="A_1")


def test_each_task_of_a_chain_needs_the_one_before() -> None:
    """D3: a skill chain, defined by the user."""
    chain = p.chain(task("a"), p.task("b", "Do b.", depends_on=("a",)), task("c"))
    assert needs(chain) == {"a": (), "b": ("a",), "c": ("b",)}
    assert chain.procedure.assembly.of == ("c",)


def test_parallel_tasks_need_nothing_of_each_other() -> None:
    parallel = p.parallel(*p.instances(task("a"), 2), strategy=AssemblyStrategy.BEST_OF, by="A_2")
    assert needs(parallel) == {"a_1": (), "a_2": ()}
    assert [each.title for each in parallel.procedure.tasks] == ["A (1 of 2)", "A (2 of 2)"]
    assert parallel.procedure.terms["a_2"].agent == "A_1"


def test_stages_build_on_all_before_them() -> None:
    """E3: a standard operating procedure, defined by the user."""
    sop = p.sop(task("a"), (task("b"), task("c")), task("d"))
    assert needs(sop) == {"a": (), "b": ("a",), "c": ("a",), "d": ("a", "b", "c")}
    assert sop.procedure.assembly.of == ("a", "b", "c", "d")
    assert p.role_team(p.role("A_1", "a", "Do.")).procedure.pattern == "role_team"


def test_who_plans_is_said_by_what_is_known_beforehand() -> None:
    work = p.conditions(on_error=OnError.RETRY, retries=1)
    planned = p.master_worker(workers=("A_1",), work=work).procedure
    assert planned.planning is Planning.MODEL
    assert planned.terms["*"].retries == 1
    assert p.master_worker(task("a"), workers=("A_1",)).procedure.planning is Planning.GIVEN
    by_rules = p.coordinator(planning=Planning.RULES).procedure
    assert by_rules.planning is Planning.RULES


def test_voters_get_one_ballot_each() -> None:
    majority = p.consensus("Which?", ("A_1", "A_2"), choices=("x", "y")).procedure
    assert majority.assembly.strategy is AssemblyStrategy.MAJORITY
    assert [terms.agent for terms in majority.terms.values()] == ["A_1", "A_2"]
    ballot = majority.terms["voter_1"].output_schema
    assert ballot is not None
    assert ballot["required"] == [p.ANSWER]
    quorum = p.consensus("Which?", ("A_1",) * 4, faults=1).procedure
    assert (quorum.assembly.strategy, quorum.assembly.faults) == (AssemblyStrategy.QUORUM, 1)


def test_patterns_nest_under_the_keys_of_the_tasks_they_do() -> None:
    votes = p.consensus("Which?", ("A_1", "A_2"))
    inner = p.parallel(task("x"), p.task("vote", "Vote.", pattern=votes))
    workflow = p.workflow("w", p.chain(task("a"), p.task("b", "Do b.", pattern=inner)))
    assert workflow.procedure.terms["b"].procedure == "b"
    assert sorted(workflow.procedures) == ["b", "b.vote"]
    assert workflow.procedures["b"].terms["vote"].procedure == "b.vote"
    assert workflow.procedures["b.vote"].pattern == "consensus"


def test_planned_tasks_may_each_be_done_by_a_pattern() -> None:
    work = p.conditions(pattern=p.consensus("{{request}}?", ("A_1", "A_2")))
    workflow = p.workflow("w", p.coordinator(work=work))
    assert workflow.procedure.terms["*"].procedure == p.PLANNED
    assert workflow.procedures[p.PLANNED].pattern == "consensus"


def test_a_task_may_be_handed_off_to_those_named_alone() -> None:
    terms = p.handoff(p.task("a", "Do.", instructions="Kindly."), agent="A_1", targets=("A_2",))
    assert terms.procedure.terms["a"].handoffs == ("A_2",)
    assert terms.procedure.terms["a"].instructions == "Kindly."


@pytest.mark.parametrize("count", [1, 3])
def test_instances_are_as_many_as_asked_for(count: int) -> None:
    assert len(p.instances(task("a"), count)) == count
