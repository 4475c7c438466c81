"""Everything wrong with a workflow is told at once: the place, and one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from domain import patterns as p
from domain.guardrail import Guardrail, Stage
from domain.patterns import Part, Pattern
from domain.planning import MAX_TASKS
from domain.workflow import Procedure, Terms, Workflow
from domain.workflow_rules import (
    MAX_NESTING,
    Surroundings,
    WorkflowError,
    check_workflow,
    faults_of,
    said_place,
)

AROUND = Surroundings(
    agents={"A_1": ("draw", "read"), "A_2": ("read",), "A_3": ()},
    departments=("finance",),
    tools=("draw", "read"),
    schema_problem=lambda schema: "it is odd" if schema.get("odd") else None,
    misfits=lambda _, value: [] if value == {"fits": True} else ["it does not"],
)


def told(pattern: Pattern, **more: Any) -> list[str]:
    found = faults_of(p.workflow("w", pattern, **more), AROUND)
    return [f"{said_place(fault.place)}: {fault.message}" for fault in found]


def one(**terms: Any) -> Pattern:
    """A chain of two tasks, the second one under the terms."""
    first = p.task("a", "Do a.", agent="A_1")
    return p.chain(first, p.task("b", "Do b.", **({"agent": "A_2"} | terms)))


def test_what_every_pattern_builds_breaks_no_rule() -> None:
    part = p.task("a", "Do {{input.x}}, as in {{request}}.", agent="A_1")
    team = ("A_1", "A_2", "A_3")
    for pattern in (
        p.chain(part, p.task("b", "On {{a.summary}}.", agent="A_2")),
        p.parallel(*p.instances(p.task("a", "Do."), 3), team=team),
        p.master_worker(workers=team, validator="A_1"),
        p.supervisor(monitor="A_1", recovery="A_2", team=team),
        p.coordinator(part, by="A_3"),
        p.handoff(p.task("a", "Do."), agent="A_1", targets=("A_2",)),
        p.sop(part, (p.role("A_2", "b", "Do b."), p.role("A_3", "c", "Do c."))),
        p.role_team(p.role("A_1", "a", "Do a."), p.role("A_2", "b", "On {{a.data.x}}.")),
        p.consensus("Which?", team, choices=("x", "y")),
        p.chain(p.task("a", "Do.", pattern=p.chain(p.task("b", "Do.", agent="A_1")))),
    ):
        assert told(pattern, inputs={"x": 1}) == []


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"agent": "A_9"}, "agent: unknown agent 'A_9'; did you mean 'A_3'?"),
        ({"tool": "drew"}, "tool: unknown tool 'drew'; did you mean 'draw'?"),
        ({"tool": "draw"}, "tool: A_2 may not use the tool 'draw'; name an agent that may"),
        ({"tools": ("read", "fly")}, "tools[1]: unknown tool 'fly'; there are draw, read"),
        (
            {"tool": "read", "tools": ("read",)},
            "tools: read does the task alone; leave 'tools' out",
        ),
        ({"on_error": "retry"}, "on_error: it is retried no time; say how often by 'retries'"),
        (
            {"retries": 1},
            "retries: retries count only where the error policy is retry; add 'on_error: retry'",
        ),
        (
            {"on_error": "skip"},
            (
                "on_error: a task that is skipped needs a default; say by 'default' what others"
                " go on with"
            ),
        ),
        (
            {"default": {}},
            "default: a default counts only where the error policy is skip; add 'on_error: skip'",
        ),
        (
            {"on_error": "skip", "default": {"fits": False}, "output_schema": {"x": 1}},
            "default: the default does not fit the output schema: it does not",
        ),
        (
            {"input_schema": {"odd": True}},
            "input_schema: this is no usable JSON Schema: it is odd",
        ),
        ({"handoffs": ("A_2",)}, "handoffs: A_2 cannot hand a task off to itself"),
        ({"outputs": ("x.md", "x.md")}, "outputs: the file 'x.md' is named twice; name it once"),
        (
            {"arguments": {"x": "{{c.data.y}}"}},
            (
                "arguments: {{c.data.y}} names no task that this one depends on; it may name"
                " results of a"
            ),
        ),
        (
            {"arguments": {"x": "{{a.dta}}"}},
            (
                "arguments: {{a.dta}} names no part of a result; write one of {{a.summary}},"
                " {{a.data}}, {{a.artefacts}}"
            ),
        ),
        (
            {"instructions": "{{input.z}}"},
            "instructions: {{input.z}} names no input of the workflow; its inputs are: none",
        ),
        (
            {"instructions": "{{request.z}}"},
            "instructions: {{request.z}} names a part of the request, which has none",
        ),
    ],
)
def test_terms_that_cannot_hold_are_told(terms: dict[str, Any], said: str) -> None:
    assert told(one(**terms)) == [f"procedure.terms.b.{said}"]


def task(key: str, *depends_on: str, **more: Any) -> Part:
    return p.task(key, "Do.", agent="A_1", depends_on=depends_on, **more)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (p.parallel(), ["procedure: the procedure has no tasks; name at least one"]),
        (
            p.parallel(task("a", "b"), task("b", "a")),
            [
                (
                    "procedure.tasks: the tasks depend on each other in a circle: a -> b -> a; take"
                    " one dependency away"
                )
            ],
        ),
        (
            p.parallel(task("a", "z")),
            ["procedure.tasks[0].depends_on[0]: there is no task 'z' to depend on; there are a"],
        ),
        (
            p.parallel(task("a"), task("a")),
            ["procedure.tasks[1].key: the key 'a' is taken; give each task its own"],
        ),
        (
            p.parallel(task("input")),
            ["procedure.tasks[0].key: 'input' stands for something else; use another key"],
        ),
        (
            p.parallel(p.task("a", "Do.")),
            [
                (
                    "procedure.tasks[0]: nobody is named who does task 'a'; name an agent, a"
                    " department, skills or a team"
                )
            ],
        ),
        (
            p.parallel(p.task("a", "Do.", department="sales")),
            ["procedure.tasks[0].department: unknown department 'sales'; there are finance"],
        ),
        (
            p.consensus("Which?", ("A_1", "A_2", "A_3"), faults=1),
            [
                (
                    "procedure.assembly.faults: 1 liars among 3 voters cannot be outvoted; it"
                    " takes at least 4 voters (3 * faults + 1)"
                )
            ],
        ),
        (
            p.master_worker(workers=("A_1", "A_1")),
            ["procedure.team: the team names A_1 twice; name each agent once"],
        ),
        (
            p.supervisor(monitor="A_8", recovery="A_1"),
            ["procedure.supervision.monitor: unknown agent 'A_8'; did you mean 'A_3'?"],
        ),
        (
            p.parallel(*(task(f"t{number}") for number in range(MAX_TASKS + 1))),
            [
                (
                    f"procedure.tasks: {MAX_TASKS + 1} tasks stand here; at most {MAX_TASKS} are"
                    " allowed, so nest some in a procedure of their own"
                )
            ],
        ),
        (
            p.chain(p.task("a", "Do.", agent="A_1", pattern=p.chain(task("b")))),
            ["procedure.terms.a.agent: the procedure says who does it; leave 'agent' out"],
        ),
    ],
)
def test_procedures_that_cannot_be_followed_are_told(pattern: Pattern, said: list[str]) -> None:
    assert told(pattern) == said


def test_a_nested_task_sees_what_those_around_it_depend_on_and_nothing_else() -> None:
    inner = p.chain(p.task("c", "On {{a.summary}}, {{b.summary}}.", agent="A_1"))
    pattern = p.chain(task("a"), p.task("b", "Do.", pattern=inner))
    assert told(pattern) == [
        (
            "procedures.b.tasks[0].instruction: {{b.summary}} names no task that this one depends"
            " on; it may name results of a"
        )
    ]


def test_nested_keys_may_not_hide_results_outside() -> None:
    inner = p.chain(task("a"))
    pattern = p.chain(task("a"), p.task("b", "Do.", pattern=inner))
    assert told(pattern) == [
        "procedures.b.tasks[0].key: the key 'a' hides a task outside; give this one another key"
    ]


def test_procedures_may_be_nested_only_so_deep() -> None:
    pattern = p.chain(task("leaf"))
    for depth in range(MAX_NESTING):
        pattern = p.chain(p.task(f"level_{depth}", "Do.", pattern=pattern))
    (only,) = told(pattern)
    assert only.endswith(f"procedures are nested more than {MAX_NESTING} deep; flatten them")


def test_procedures_may_not_contain_each_other() -> None:
    inner = p.chain(task("b")).procedure
    circle = inner.model_copy(
        update={"terms": {"b": inner.terms["b"].model_copy(update={"procedure": "x"})}}
    )
    workflow = Workflow(name="w", procedure=circle, procedures={"x": circle})
    said = [fault.message for fault in faults_of(workflow, AROUND)]
    assert "procedures contain each other in a circle: x -> x; take one out" in said


def test_a_workflow_that_comes_to_too_many_tasks_is_refused_at_once() -> None:
    pattern = p.parallel(*(task(f"t{number}") for number in range(15)))
    for _ in range(2):
        pattern = p.parallel(
            *(p.task(f"t{number}", "Do.", pattern=pattern) for number in range(15))
        )
    assert told(pattern) == [
        "procedure: the workflow comes to more than 200 tasks in all; cut it in two"
    ]


def test_unknown_names_in_a_procedure_are_told() -> None:
    procedure = Procedure(
        pattern="own",
        tasks=p.chain(task("a")).procedure.tasks,
        terms={"z": p.conditions(agent="A_1").terms, "a": Terms(procedure="no")},
    )
    found = [fault.message for fault in faults_of(Workflow(name="w", procedure=procedure), AROUND)]
    assert found == ["there is no task 'z'; there are a", "unknown procedure 'no'"]


def test_a_goal_may_name_inputs_alone() -> None:
    assert told(one(), goal="{{request}} {{a.summary}}") == [
        "goal: {{request}} names no task that this one depends on; it depends on no task",
        "goal: {{a.summary}} names no task that this one depends on; it depends on no task",
    ]


def test_a_guardrail_that_cannot_be_used_is_told_with_its_place() -> None:
    unusable = Guardrail(name="odd", stage=Stage.BEFORE_AGENT, kind="none")
    (found,) = told(one(guardrails=(unusable,)))
    assert found.startswith(
        "procedure.terms.b.guardrails[0]: Guardrail 'odd' is of the unknown kind 'none'; the kinds"
    )


def test_the_error_tells_all_faults() -> None:
    pattern: Pattern = one(agent="A_9", retries=1)
    with pytest.raises(WorkflowError) as caught:
        check_workflow(p.workflow("w", pattern), AROUND)
    assert len(caught.value.faults) == 2
    assert str(caught.value).count("\n") == 2


def test_templates_of_planned_tasks_may_name_no_results() -> None:
    arguments: dict[str, JsonValue] = {"x": "{{a.data.y}} {{input.z}}"}
    pattern = p.master_worker(workers=("A_1",), work=p.conditions(arguments=arguments))
    assert told(pattern, inputs={"z": 1}) == [
        (
            "procedure.terms.*.arguments: {{a.data.y}} names no task that this one depends on; it"
            " depends on no task"
        )
    ]
