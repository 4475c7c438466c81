"""Policies: what cannot be used is refused before a session is opened under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from application.errors import BadRequestError
from application.patterns import occurs, replaced
from application.policies import check_policy
from domain.approval_rule import OnTimeout
from domain.guardrail import Guardrail, Reaction, Stage
from domain.policy import STANDARD, Policy
from domain.workflow import Terms
from infrastructure.policies import PolicyFileError, load_policy
from tests.support.workflow_runs import workflow_of


def guardrail(kind: str, stage: Stage = Stage.BEFORE_TOOL, **more: Any) -> Guardrail:
    parameters = more.pop("parameters", {})
    return Guardrail(name="it", stage=stage, kind=kind, parameters=parameters, **more)


UNUSABLE = [
    (guardrail("magic"), "of the unknown kind 'magic'; the kinds are schema, allowed_tools"),
    (guardrail("pattern"), "names neither must_match nor must_not_match"),
    (guardrail("pattern", parameters={"must_match": [r"(a)\1"]}), "invalid escape sequence"),
    (guardrail("pattern", parameters={"must": ["a"]}), "must: Extra inputs are not permitted"),
    (guardrail("schema", parameters={"schema": {"type": "thing"}}), "its schema is none"),
    (guardrail("budget"), "names neither tokens nor usd"),
    (
        guardrail("budget", parameters={"usd": 1.0}, reaction=Reaction.AMEND),
        "nothing to put in place",
    ),
    (
        guardrail("allowed_tools", Stage.AFTER_TOOL, parameters={"tools": ["a"]}),
        "it stands before_tool",
    ),
    (
        guardrail("function", Stage.AFTER_AGENT, parameters={"function": "f", "tools": ["a"]}),
        "stands around the agent",
    ),
]


@pytest.mark.parametrize(("rule", "said"), UNUSABLE)
def test_a_guardrail_that_cannot_be_used_is_refused_wherever_it_is_named(
    rule: Guardrail, said: str
) -> None:
    with pytest.raises(BadRequestError, match=said):
        check_policy(Policy(guardrails=(rule,)))
    with pytest.raises(BadRequestError, match=said):
        check_policy(Policy(), workflow_of(Terms(guardrails=(rule,))))


def test_a_policy_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "max_iterations: 3\n"
        "approvals:\n"
        "  - name: documents\n"
        "    tools: ['write_*']\n"
        "    timeout_s: 3600\n"
        "    on_timeout: escalate\n"
        "    escalate_to: [grace]\n"
    )

    policy = load_policy(file)

    assert policy.max_iterations == 3
    assert policy.recovery == STANDARD.recovery
    [rule] = policy.approvals
    assert (rule.timeout_s, rule.on_timeout, rule.escalate_to) == (
        3600.0,
        OnTimeout.ESCALATE,
        ("grace",),
    )


def test_a_policy_file_that_cannot_be_used_is_refused_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("approvals:\n  - name: documents\n    tool: [a]\nmax_iteration: 3\n")

    with pytest.raises(PolicyFileError) as refused:
        load_policy(file)

    assert "policy.yaml:3:5: unknown key 'tool'; did you mean 'tools'?" in str(refused.value)
    assert "policy.yaml:4:1: unknown key 'max_iteration'" in str(refused.value)
    assert "did you mean 'max_iterations'?" in str(refused.value)


def test_a_pattern_takes_time_linear_in_the_text_whatever_both_are() -> None:
    evil = "a" * 50_000 + "!"

    assert not occurs(r"(a+)+$", {"text": evil})
    assert replaced(r"(a|a)*!", "-", [evil, {"key": evil}]) == ["-", {"key": "-"}]
