"""Calculate: computes the arithmetic that a request consists of."""

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.calculation import read_expression
from infrastructure.models.offline.language import detect_language
from infrastructure.models.offline.work import Call, StoppedError, Work, use
from infrastructure.tools.schemas import EvaluateExpressionAnswer, EvaluateExpressionArguments


def calculate(brief: ExecuteBrief) -> Work[Submission]:
    """Compute the request's expression and show how it was read."""
    expression = read_expression(brief.request, detect_language(brief.request))
    if expression is None:
        raise StoppedError(f"The request {brief.request!r} is no arithmetic expression.")
    call = Call("evaluate_expression", EvaluateExpressionArguments(expression=expression))
    (answer,) = yield from use(call)
    value = EvaluateExpressionAnswer.model_validate(answer.content)
    return Submission(
        done=True,
        summary=f"**{value.text}**\n\nComputed as `{expression}`.",
        data={"expression": expression, "value": value.value, "text": value.text},
    )
