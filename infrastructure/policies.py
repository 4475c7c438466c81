"""Policies: a YAML file of the user's in, the policy it describes out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from domain.approval_rule import ApprovalRule
from domain.budget import Budgets
from domain.guardrail import Guardrail
from domain.policy import STANDARD, Policy
from domain.recovery import RecoveryRules
from domain.value import Value
from infrastructure.yaml_files.complaints import Fault, Say, complain, unknown_key
from infrastructure.yaml_files.document import Limits, read_document
from infrastructure.yaml_files.problems import YamlFileError

LIMITS = Limits(max_bytes=100_000, max_depth=20, typed=True)


class PolicyFileError(YamlFileError):
    """The policy file cannot be used."""

    KIND = "policy file"
    START = "the example in docs/approvals.md"


def load_policy(path: Path) -> Policy:
    """Read a policy; what the file leaves out is as in the usual policy.

    Raises:
        PolicyFileError: the file cannot be used; it lists every problem with line and column.
    """
    document = read_document(path, PolicyFileError, LIMITS)
    if not isinstance(document.data, dict):
        document.complain((), "the policy must be a mapping of keys to values")
        raise PolicyFileError(path, document.problems)
    try:
        given = Policy.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            complain(document, detail, tuple(detail["loc"]), MESSAGES, "the policy")
        raise PolicyFileError(path, document.problems) from error
    return STANDARD.model_copy(
        update={name: getattr(given, name) for name in given.model_fields_set}
    )


def _unknown_key(fault: Fault) -> str:
    inner = PARTS.get(str(fault.place[0])) if len(fault.place) > 1 else Policy
    return unknown_key(fault, inner.model_fields if inner is not None else ())


PARTS: Mapping[str, type[Value]] = {
    "approvals": ApprovalRule,
    "guardrails": Guardrail,
    "recovery": RecoveryRules,
    "budgets": Budgets,
}
"""What the parts of a policy are made of."""

MESSAGES: Mapping[str, Say] = {"extra_forbidden": _unknown_key}
"""What to say, by pydantic's name of the fault, where the usual words do not do."""
