"""Procedures: which one does a task, by one rule.

The tasks of a product team and votes have procedures of their own. Otherwise a task whose key names
a procedure is done by it, or one whose title an offline plan gives it where
keys say nothing (in sessions of a subject); otherwise the first of its skills that has a procedure
decides. The offline plans use the names below as keys; plans of other models lead here by their
skills.
"""

from __future__ import annotations

from application.briefs import HAND_OFF, ExecuteBrief, HandoffWish, Submission
from domain.effect import Failure
from infrastructure.models.offline.answer import answer_question
from infrastructure.models.offline.calculate import calculate
from infrastructure.models.offline.charts import draw_charts
from infrastructure.models.offline.describe import describe
from infrastructure.models.offline.digest import digest
from infrastructure.models.offline.drivers import find_drivers
from infrastructure.models.offline.extract import extract
from infrastructure.models.offline.fitness import fitness_for, fittest
from infrastructure.models.offline.forecast import forecast
from infrastructure.models.offline.metrics import compute_metrics
from infrastructure.models.offline.recall import recall
from infrastructure.models.offline.report import write_report
from infrastructure.models.offline.rounds import round_procedure
from infrastructure.models.offline.software import ROLE_WORK, ROLES
from infrastructure.models.offline.voting import ballot_of, vote
from infrastructure.models.offline.work import Call, Procedure, StoppedError, Work, try_all

PROCEDURES: dict[str, Procedure] = {
    "answer": answer_question,
    "calculate": calculate,
    "charts": draw_charts,
    "describe": describe,
    "digest": digest,
    "drivers": find_drivers,
    "extract": extract,
    "forecast": forecast,
    "metrics": compute_metrics,
    "recall": recall,
    "report": write_report,
}

TITLES: dict[str, str] = {
    "Answer the question": "answer",
    "Assemble the report": "report",
    "Calculate": "calculate",
    "Compute the metrics": "metrics",
    "Describe the files": "describe",
    "Draw charts": "charts",
    "Draw the charts": "charts",
    "Explain the change": "drivers",
    "Extract the data": "extract",
    "Forecast": "forecast",
    "Quote the text": "digest",
    "Search past conversations": "recall",
}
"""The procedure of each title in the offline plans."""

SKILLS: dict[str, str] = {
    "analysis": "drivers",
    "archiving": "recall",
    "charts": "charts",
    "data_extraction": "extract",
    "documents": "digest",
    "forecasting": "forecast",
    "graphs": "charts",
    "kpi": "metrics",
    "metrics": "metrics",
    "patterns": "drivers",
    "records": "recall",
    "reporting": "report",
    "sql": "answer",
    "statements": "extract",
    "visualization": "charts",
}


def procedure_for(brief: ExecuteBrief) -> Procedure:
    """Find the procedure of a task; one that says so honestly when there is none."""
    in_round = round_procedure(brief)
    if in_round is not None:
        return in_round
    task = brief.task
    if not ROLES.isdisjoint(brief.agent.skills):
        role = next((name for name in (task.key, *task.skills) if name in ROLE_WORK), None)
        if role is not None:
            return ROLE_WORK[role]
    if ballot_of(brief) is not None:
        return vote
    titled = TITLES.get(task.title, "")
    # Who was handed a task was chosen for what it can do, whatever the task says that it needs.
    skills = (*task.skills, *(brief.agent.skills if brief.handoff is not None else ()))
    names = (task.key, titled, *(SKILLS[skill] for skill in skills if skill in SKILLS))
    return next((PROCEDURES[name] for name in names if name in PROCEDURES), _decline)


def _decline(brief: ExecuteBrief) -> Work[Submission]:
    """Hand the task to who fits it better than its holder; say why it cannot be done, else."""
    best = None if brief.last else fittest(brief.handoffs, brief.task)
    if best is not None and best[1].score > fitness_for(brief.agent, brief.task).score:
        request = f"{brief.task.title}: {brief.task.instruction}"
        wish = HandoffWish(target=best[0].handle, request=request)
        (outcome,) = yield from try_all(Call(HAND_OFF, wish))
        if isinstance(outcome, Failure):
            raise StoppedError(f"{best[0].handle} did not take it over: {outcome.message}")
    skills = ", ".join(brief.task.skills) or "none"
    message = (
        f"The offline rules have no procedure for {brief.task.title!r} (skills: {skills}); set"
        " ANTHROPIC_API_KEY to let a language model do it."
    )
    raise StoppedError(message)
