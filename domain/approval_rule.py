"""Approval rule: when a human must agree before an agent goes on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from domain.decision import Share
from domain.errors import DomainError
from domain.value import NonEmptyText, Value, later


class OnTimeout(StrEnum):
    """What it means when nobody answered in time."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class ApprovalRuleError(DomainError):
    """The approval rule asks for nothing, or contradicts itself."""


class ApprovalRule(Value):
    """A rule of the policy that lets an agent wait for a human.

    One rule is about one thing: tools, cost, confidence, or, with departments alone, the beginning
    of tasks. Departments beside something else narrow it down to their tasks.

    Attributes:
        tools: names of tools; `*` stands for any characters, as in `write_*`.
        cost_over_usd: US dollars; asked before the session is expected to have spent more, and
            again at each multiple of it that was agreed to.
        confidence_under: decisions on who does a task that are less sure than this, and those that
            found nobody.
        departments: keys of departments.
        timeout_s: seconds until the time is over; None waits for ever.
        approvers: who may answer; empty for everybody.
        escalate_to: who is asked when the time is over and it escalates; empty for everybody.
    """

    name: NonEmptyText
    tools: tuple[NonEmptyText, ...] = later(())
    cost_over_usd: Annotated[float, Field(gt=0)] | None = later()
    confidence_under: Share | None = later()
    departments: tuple[NonEmptyText, ...] = later(())
    timeout_s: Annotated[float, Field(gt=0)] | None = later()
    on_timeout: OnTimeout = OnTimeout.REJECT
    approvers: tuple[NonEmptyText, ...] = later(())
    escalate_to: tuple[NonEmptyText, ...] = later(())

    @property
    def about_tasks(self) -> bool:
        """Whether it asks before tasks begin."""
        return not (self.tools or self.cost_over_usd or self.confidence_under)

    def covers(self, department: str | None) -> bool:
        """Tell whether it concerns tasks of a department."""
        return not self.departments or department in self.departments

    def names_tool(self, tool: str) -> bool:
        """Tell whether it asks before a tool is used."""
        return any(fnmatchcase(tool, pattern) for pattern in self.tools)


def check_rules(rules: Sequence[ApprovalRule]) -> None:
    """Make sure that rules say what they are about, each under a name of its own.

    Raises:
        ApprovalRuleError: one of them does not.
    """
    names = [rule.name for rule in rules]
    for rule in rules:
        if names.count(rule.name) > 1:
            raise ApprovalRuleError(
                f"Two approval rules are named {rule.name!r}: give each a name of its own."
            )
        _check(rule)


def _check(rule: ApprovalRule) -> None:
    about = [name for name in ("tools", "cost_over_usd", "confidence_under") if getattr(rule, name)]
    if len(about) > 1:
        raise ApprovalRuleError(
            f"Approval rule {rule.name!r} is about {' and '.join(about)} at once:"
            " make one rule of each."
        )
    if not about and not rule.departments:
        raise ApprovalRuleError(
            f"Approval rule {rule.name!r} asks for nothing: name tools, cost_over_usd,"
            " confidence_under or departments."
        )
    if rule.escalate_to and rule.on_timeout is not OnTimeout.ESCALATE:
        raise ApprovalRuleError(
            f"Approval rule {rule.name!r} names whom it escalates to, and does not escalate:"
            f" say `on_timeout: {OnTimeout.ESCALATE.value}`."
        )
    if rule.on_timeout is OnTimeout.ESCALATE and rule.timeout_s is None:
        raise ApprovalRuleError(
            f"Approval rule {rule.name!r} escalates, and waits for ever: give it a timeout_s."
        )
