"""Policies: rules that humans wrote, held against what they can mean before they are in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from application.errors import BadRequestError
from application.json_schema import schema_problem
from application.patterns import pattern_problem
from domain.approval_rule import check_rules
from domain.errors import DomainError
from domain.guardrail import (
    Guardrail,
    GuardrailError,
    PatternParameters,
    SchemaParameters,
    check_guardrail,
    parameters_of,
)
from domain.policy import Policy
from domain.workflow import Workflow


def check_policy(policy: Policy, workflow: Workflow | None = None) -> None:
    """Make sure that the approval rules and guardrails of a session can be used.

    Raises:
        BadRequestError: one of them cannot; the message says which, and why.
    """
    own = [] if workflow is None else [*_guardrails_in(workflow)]
    try:
        check_rules(policy.approvals)
        check_guardrails([*policy.guardrails, *own])
    except DomainError as error:
        raise BadRequestError(str(error)) from error
    names = [guardrail.name for guardrail in policy.guardrails]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadRequestError(f"Two guardrails of the policy are named {twice!r}: rename one.")


def check_guardrails(guardrails: Iterable[Guardrail]) -> None:
    """Make sure that guardrails can be used.

    Raises:
        GuardrailError: one of them cannot.
    """
    for guardrail in guardrails:
        check_guardrail(guardrail)
        for problem in _problems(guardrail):
            raise GuardrailError(f"Guardrail {guardrail.name!r} is not usable: {problem}")


def _problems(guardrail: Guardrail) -> Iterator[str]:
    parameters = parameters_of(guardrail)
    if isinstance(parameters, SchemaParameters):
        wrong = schema_problem(parameters.schema_)
        if wrong is not None:
            yield f"its schema is none: {wrong}"
    if isinstance(parameters, PatternParameters):
        for pattern in (*parameters.must_match, *parameters.must_not_match):
            wrong = pattern_problem(pattern)
            if wrong is not None:
                yield wrong


def _guardrails_in(workflow: Workflow) -> Iterator[Guardrail]:
    for procedure in (workflow.procedure, *workflow.procedures.values()):
        for terms in procedure.terms.values():
            yield from terms.guardrails
