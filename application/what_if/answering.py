"""Answering: another answer in place of one that a model or a tool has given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue, ValidationError

from application.errors import BadRequestError, EffectError
from application.fold import SessionFold
from application.orchestration.recordable import as_recorded
from application.orchestration.recovering import is_final
from application.prompts.shortening import cut
from application.what_if.applying import require_another
from application.what_if.calls import Call, Outcome
from application.what_if.changes import ChangeView
from domain.effect import Failure, ModelAnswer, ToolAnswer

FAILURE = "failure"
MOST_SHOWN = 12
LONGEST = 80


def find_answer(calls: Sequence[Call], position: int) -> Call:
    """Find the call that was answered, or failed, at a position.

    Raises:
        BadRequestError: none was.
    """
    found = next((call for call in calls if call.answered == position), None)
    if found is not None and found.allowed:
        return found
    there = [f"{call.answered} ({call.task_key}: {call.name})" for call in calls if call.allowed]
    more = f" and {len(there) - MOST_SHOWN} more" if len(there) > MOST_SHOWN else ""
    raise BadRequestError(
        f"Position {position} holds no answer of a model or tool of this session; there are"
        f" {', '.join(there[:MOST_SHOWN]) or 'none'}{more}."
    )


def another_outcome(call: Call, fields: dict[str, JsonValue]) -> Outcome:
    """Make what a call is given instead, by a JSON Merge Patch (RFC 7396) of what it was.

    Raises:
        BadRequestError: a field is unknown or has a value that it cannot have, or all is as it was.
    """
    made = _made(call, fields)
    before, after = _document(call.outcome), _document(made)
    require_another(f"answer at position {call.answered}", before, after)
    return made


def answer_view(call: Call, outcome: Outcome) -> ChangeView:
    """View a changed answer by the fields that differ."""
    before, after = _document(call.outcome), _document(outcome)
    differing = [
        name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)
    ]
    return ChangeView(
        kind="answer",
        name=f"answer at position {call.answered} ({call.task_key}: {call.name})",
        before={name: before[name] for name in differing if name in before},
        after={name: after[name] for name in differing if name in after},
    )


def give(fold: SessionFold, call: Call, outcome: Outcome, at: datetime) -> None:
    """Give a pending call its outcome."""
    task = fold.task(call.task_id)
    match outcome:
        case ModelAnswer():
            task.answer_model(call.effect_id, outcome, at)
        case ToolAnswer():
            task.answer_tool(call.effect_id, outcome, at)
        case Failure() if call.kind == "tool":
            task.fail_tool(call.effect_id, outcome, at)
        case Failure():
            failures = [*task.failed_attempts.get(call.effect_id, []), outcome]
            pending = task.pending[call.effect_id]
            final = is_final(pending, failures, fold.session.charter.policy)
            task.fail_model(call.effect_id, outcome, at, final=final)


def _made(call: Call, fields: dict[str, JsonValue]) -> Outcome:
    kind: type[Any] = ModelAnswer if call.kind == "model" else ToolAnswer
    base: dict[str, Any] = {}
    if FAILURE in fields:
        if len(fields) > 1:
            raise BadRequestError(
                "A call fails or is answered: give 'failure' alone, or the fields of an answer."
            )
        kind, failure = Failure, fields[FAILURE]
        fields = failure if isinstance(failure, dict) else {"message": failure}
        base = {"kind": "unable"}
    elif not isinstance(call.outcome, Failure) and call.outcome is not None:
        base = call.outcome.model_dump(mode="json")
    elif kind is ModelAnswer:
        stopped = "tool_use" if fields.get("tool_calls") else "end_turn"
        base = {"model": call.write()["model"], "stop_reason": stopped}
    _check_names(kind, fields)
    try:
        made: Outcome = kind.model_validate(_patched(base, fields))
        return made if isinstance(made, Failure) else as_recorded(made)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        name = ".".join(map(str, detail["loc"]))
        raise BadRequestError(
            f"The changed answer cannot be used: {name} {_shown(detail['input'])} has a form that"
            f" {_where(kind)} does not have."
        ) from error
    except EffectError as error:
        raise BadRequestError(str(error)) from error


def _patched(base: JsonValue, patch: JsonValue) -> JsonValue:
    """Change what a JSON Merge Patch (RFC 7396) names: null takes out, arrays change whole."""
    if not isinstance(patch, dict):
        return patch
    patched = dict(base) if isinstance(base, dict) else {}
    for name, value in patch.items():
        if value is None:
            patched.pop(name, None)
        else:
            patched[name] = _patched(patched.get(name), value)
    return patched


def _check_names(kind: type[Any], fields: dict[str, JsonValue]) -> None:
    for name in fields:
        if name not in kind.model_fields:
            known = ", ".join(kind.model_fields)
            also = "" if kind is Failure else f", or {FAILURE!r} alone"
            raise BadRequestError(
                f"{_where(kind)[0].upper()}{_where(kind)[1:]} has no field {name!r}; it has"
                f" {known}{also}."
            )


def _where(kind: type[Any]) -> str:
    if kind is Failure:
        return "a failure"
    return f"the answer of a {'model' if kind is ModelAnswer else 'tool'}"


def _document(outcome: Outcome | None) -> dict[str, JsonValue]:
    if outcome is None:
        return {}
    document: dict[str, JsonValue] = outcome.model_dump(mode="json")
    return {FAILURE: document} if isinstance(outcome, Failure) else document


def _shown(value: Any) -> str:
    return cut(repr(value), LONGEST)
