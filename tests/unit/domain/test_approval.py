"""Approval: asked once, answered once, by whoever was asked or, in the end, by silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.approval import (
    Amendment,
    Approval,
    ApprovalRequest,
    ApprovalStatus,
    ApprovalSubject,
    NotAnApproverError,
)
from domain.approval_rule import ApprovalRule, ApprovalRuleError, OnTimeout, check_rules
from domain.errors import TransitionError

NOW = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
ID = UUID("01999999-0000-7000-8000-000000000031")


def asked(**more: Any) -> Approval:
    request = ApprovalRequest(
        session_id=ID,
        task_id=ID,
        subject=ApprovalSubject.TASK,
        agent="FIN_007",
        rule="money",
        reason="It is money.",
        proposal="FIN_007 begins.",
        **more,
    )
    return Approval.ask(ID, request, NOW)


def test_the_first_answer_counts_and_no_other_is_taken() -> None:
    approval = asked()
    approval.grant("ada", "root", "Fine.", NOW)

    for say in (approval.grant, approval.reject):
        with pytest.raises(TransitionError, match="is 'granted' and cannot be"):
            say("bob", "root", "", NOW)
    assert approval.agreed
    assert (approval.by, approval.system_user, approval.comment) == ("ada", "root", "Fine.")


def test_only_who_was_asked_may_answer() -> None:
    approval = asked(approvers=("grace", "ada"))

    with pytest.raises(NotAnApproverError, match="'bob' was not asked: grace, ada may answer"):
        approval.reject("bob", "bob", "", NOW)

    approval.amend("ada", "ada", "", Amendment(agent="FIN_003"), NOW)
    assert approval.agreed


@pytest.mark.parametrize("outcome", list(OnTimeout))
def test_silence_counts_once_the_time_is_over_and_not_before(outcome: OnTimeout) -> None:
    approval = asked(expires_at=NOW + timedelta(seconds=60), on_timeout=outcome)

    with pytest.raises(TransitionError):
        approval.expire(NOW + timedelta(seconds=59))
    approval.expire(NOW + timedelta(seconds=60))

    assert approval.status is ApprovalStatus.EXPIRED
    assert approval.agreed == (outcome is OnTimeout.APPROVE)
    assert approval.escalates == (outcome is OnTimeout.ESCALATE)


def test_without_a_time_it_waits_for_ever() -> None:
    assert not asked().is_due(NOW + timedelta(days=36_500))


def test_an_answer_is_received_once() -> None:
    approval = asked()
    with pytest.raises(TransitionError):
        approval.receive(NOW)
    approval.reject("ada", "ada", "", NOW)
    approval.receive(NOW)

    with pytest.raises(TransitionError):
        approval.receive(NOW)
    assert not approval.agreed


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, "asks for nothing"),
        ({"tools": ("a",), "cost_over_usd": 1.0}, "is about tools and cost_over_usd at once"),
        ({"tools": ("a",), "escalate_to": ("grace",)}, "and does not escalate"),
        ({"tools": ("a",), "on_timeout": OnTimeout.ESCALATE}, "waits for ever"),
    ],
)
def test_a_rule_that_can_mean_nothing_is_refused(rule: dict[str, Any], said: str) -> None:
    with pytest.raises(ApprovalRuleError, match=said):
        check_rules([ApprovalRule(name="it", **rule)])


def test_rules_have_names_of_their_own_and_name_tools_by_patterns() -> None:
    rule = ApprovalRule(name="it", tools=("write_*", "send"), departments=("finance",))

    check_rules([rule])
    with pytest.raises(ApprovalRuleError, match="Two approval rules are named 'it'"):
        check_rules([rule, rule])
    assert [rule.names_tool(name) for name in ("write_document", "send", "sender")] == [
        True,
        True,
        False,
    ]
    assert rule.covers("finance")
    assert not rule.covers(None)
