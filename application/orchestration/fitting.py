"""Fitting: whether a result is what the terms of its task ask for."""

from __future__ import annotations

from application.json_schema import misfits
from domain.task import Result
from domain.workflow import Terms


def unfit(result: Result, terms: Terms) -> str | None:
    """Say what a result lacks: data that fit the output schema, or files; None when it fits."""
    wrong = () if terms.output_schema is None else misfits(terms.output_schema, dict(result.data))
    if wrong:
        return f"The data of the result do not fit the output schema: {'; '.join(wrong)}."
    handed_in = {artefact.path for artefact in result.artefacts}
    missing = [name for name in terms.outputs if name not in handed_in]
    if missing:
        there = ", ".join(sorted(handed_in)) or "none"
        return f"The result lacks the files {', '.join(missing)}; handed in: {there}."
    return None
