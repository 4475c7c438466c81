"""Workflow files are read, and everything wrong with one is said at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import JsonValue

from application.json_schema import misfits, schema_problem
from domain import patterns as p
from domain.routing import TRACK_RECORD
from domain.workflow import OnError, Workflow
from infrastructure.workflows import (
    WorkflowFileError,
    load_workflow,
    packaged_workflows,
    workflow_file,
    workflow_schema,
)
from tests.support.pattern_stories import surroundings

NESTED = """\
name: Review
version: 2
description: Reviews a text.
goal: Review {{input.text}}
inputs:
  text: null
  strict: true
  limit: 3
  share: 0.5
  name: no
procedure:
  pattern: chain
  tasks:
    - key: read
      instruction: Read {{input.text}}.
      agent: LEG_001
      on_error: retry
      retries: 2
    - key: judge
      instruction: Judge {{read.summary}}.
      procedure:
        pattern: consensus
        question: Is {{read.data.title}} fine?
        voters: [LEG_001, LEG_002, LEG_003, LEG_004]
        faults: 1
        choices: [fine, bad]
    - key: draw
      instruction: Draw.
      agent: ANA_007
      tool: draw_chart
      arguments: {title: "{{judge.data.answer}}", rows: 1, on: true}
"""


def load(folder: Path, text: str) -> Workflow:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_workflow(path, surroundings())


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(WorkflowFileError) as caught:
        load(folder, text)
    return [f"{each.line}:{each.column}: {each.message}" for each in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert NESTED.count(old) == 1
    return NESTED.replace(old, new)


def test_a_file_says_what_the_building_blocks_say(tmp_path: Path) -> None:
    expected = p.workflow(
        "Review",
        p.chain(
            p.task(
                "read",
                "Read {{input.text}}.",
                agent="LEG_001",
                on_error=OnError.RETRY,
                retries=2,
            ),
            p.task(
                "judge",
                "Judge {{read.summary}}.",
                pattern=p.consensus(
                    "Is {{read.data.title}} fine?",
                    ("LEG_001", "LEG_002", "LEG_003", "LEG_004"),
                    faults=1,
                    choices=("fine", "bad"),
                ),
            ),
            p.task(
                "draw",
                "Draw.",
                agent="ANA_007",
                tool="draw_chart",
                arguments={"title": "{{judge.data.answer}}", "rows": 1, "on": True},
            ),
        ),
        goal="Review {{input.text}}",
        inputs={"text": None, "strict": True, "limit": 3, "share": 0.5, "name": "no"},
        description="Reviews a text.",
        version="2",
    )
    assert load(tmp_path, NESTED) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed("pattern: chain", "pattern: chian"), "12:3: unknown pattern 'chian'; the"),
        (
            changed("  pattern: chain\n", ""),
            "12:3: 'procedure' names no pattern; add 'pattern', one of chain, parallel,",
        ),
        (
            changed("retries: 2", "retires: 2"),
            "18:7: unknown key 'retires'; did you mean 'retries'?",
        ),
        (
            changed("on_error: retry", "on_error: again"),
            "17:17: 'procedure.tasks[0].on_error' must be 'fail', 'retry' or 'skip', not 'again'",
        ),
        (changed("retries: 2", "retries: many"), "18:16: 'procedure.tasks[0].retries' must be a"),
        (changed("key: read", "key: Read it"), "14:12: 'Read it' cannot be a name here; use"),
        (changed("faults: 1", "faults: 2"), "25:17: 2 liars among 4 voters cannot be outvoted"),
        (changed("LEG_004]", "LEG_009]"), "24:45: unknown agent 'LEG_009'; did you mean"),
        (
            changed("{{read.data.title}}", "{{reed.data.title}}"),
            "23:19: {{reed.data.title}} names no task that this one depends on; it may name",
        ),
        (changed("agent: ANA_007", "agent: LEG_001"), "30:13: LEG_001 may not use the tool"),
        (
            changed("tool: draw_chart", "tool: draw_charts"),
            "30:13: unknown tool 'draw_charts'",
        ),
        (changed("inputs:", "inputs: &x"), "5:9: the anchor '&x' is not allowed; write values"),
        (changed("  name: no", "  name: !!python/object:os.system no"), "10:9: the tag"),
        (changed("agent: LEG_001", "agent: [LEG_001]"), "16:14: 'procedure.tasks[0].agent' must"),
        (changed("goal: Review {{input.text}}", "goal: {{input.text}}"), "4:7: "),
        (changed("procedure:\n  p", "proc:\n  p"), "1:1: the workflow has no 'procedure'; add it"),
    ],
)
def test_a_problem_is_told_with_its_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, text)
    assert any(each.startswith(said) for each in found), found


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = NESTED.replace("LEG_001", "LEG_00X").replace("{{input.text}}", "{{input.txt}}")
    assert [each.partition(":")[0] for each in problems(tmp_path, text)] == ["4", "15", "16", "24"]


def test_planned_tasks_handoffs_stages_and_instances_are_placed_too(tmp_path: Path) -> None:
    def only(procedure: str) -> str:
        indented = procedure.replace("\n", "\n  ")
        (found,) = problems(tmp_path, f"name: x\nprocedure:\n  {indented}")
        return found

    assert only("pattern: master_worker\nworkers: [FIN_001]\nmaster: NOBODY\n").startswith(
        "5:11: unknown agent 'NOBODY'"
    )
    assert only(
        "pattern: supervisor\nmonitor: FIN_001\nrecovery: FIN_002\nwork:\n  retries: 1\n"
    ).startswith("7:14: retries count only where")
    assert only(
        "pattern: handoff\nagent: FIN_001\ntargets: [FIN_009]\ntask: {key: a, instruction: b}\n"
    ).startswith("5:13: unknown agent 'FIN_009'")
    assert only(
        "pattern: sop\nstages:\n  - tasks:\n      - {key: a, instruction: b, agent: X_1}\n"
    ).startswith("6:43: unknown agent 'X_1'")
    assert only(
        "pattern: parallel\ntasks:\n  - {key: a, instruction: b, instances: 2, agent: X_1}\n"
    ).startswith("5:53: unknown agent 'X_1'")
    assert only("pattern: role_team\nroles:\n  - {key: a, instruction: b}\n").startswith(
        "5:7: 'procedure.roles[0]' has no 'agent'; add it"
    )
    assert only(
        "pattern: coordinator\nby: X_1\nwork:\n  procedure:\n    pattern: chain\n    tasks:\n"
        "      - {key: a, instruction: b, agent: FIN_001}\n"
    ).startswith("4:7: unknown agent 'X_1'")


def test_routing_is_one_strategy_or_several_with_weights(tmp_path: Path) -> None:
    text = "name: x\nprocedure:\n  pattern: coordinator\n  routing: {rules: 1, track_record: 2.5}\n"
    assert load(tmp_path, text).procedure.routing == {"rules": 1, TRACK_RECORD: 2.5}
    (found,) = problems(tmp_path, text.replace("{rules: 1, track_record: 2.5}", "fair"))
    assert "There is no routing strategy 'fair'" in found


def test_yaml_bombs_and_depths_are_refused(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert len(problems(tmp_path, bomb)) == 6
    assert "nested more than 40 levels deep" in problems(tmp_path, "[" * 60)[0]
    with pytest.raises(WorkflowFileError, match="larger than 500,000 bytes"):
        load(tmp_path, "#" * 500_001)
    with pytest.raises(WorkflowFileError, match="there is no such file"):
        load_workflow(tmp_path / "none.yaml")
    with pytest.raises(WorkflowFileError, match="it is empty"):
        load(tmp_path, "")


PATTERNS = (
    "chain",
    "parallel",
    "master_worker",
    "supervisor",
    "coordinator",
    "handoff",
    "sop",
    "role_team",
    "consensus",
)


@pytest.mark.parametrize("name", PATTERNS)
def test_there_is_a_packaged_workflow_for_each_pattern(name: str) -> None:
    found = load_workflow(packaged_workflows()[name], surroundings())
    assert (found.name, found.procedure.pattern) == (name, name)


def test_every_packaged_workflow_can_be_read_and_says_what_it_is_for() -> None:
    assert {*PATTERNS} <= packaged_workflows().keys()
    for file in packaged_workflows().values():
        assert load_workflow(file).description


def test_a_packaged_workflow_is_found_by_its_name_where_there_is_no_such_file() -> None:
    assert workflow_file(Path("chain")) == packaged_workflows()["chain"]
    assert workflow_file(Path("pyproject.toml")) == Path("pyproject.toml")
    assert workflow_file(Path("unheard-of")) == Path("unheard-of")


def test_the_schema_of_files_is_one() -> None:
    schema = workflow_schema()
    assert schema_problem(schema) is None
    entry: JsonValue = {"name": "x", "procedure": {"pattern": "sop", "stages": []}}
    assert misfits(schema, entry) != ()
    entry = {"name": "x", "procedure": {"pattern": "coordinator"}}
    assert misfits(schema, entry) == ()
