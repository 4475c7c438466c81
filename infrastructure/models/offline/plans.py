"""Plans: what Nova understands and how MasterMind cuts it into tasks, by rules."""

from __future__ import annotations

from application.briefs import DecomposeBrief, DepartmentBrief, FileBrief, InterpretBrief
from domain.planning import Plan, PlannedTask
from domain.session import Intent
from infrastructure.models.offline.requests import NEEDS_TABLE, Kind, Wish, recognise
from infrastructure.models.offline.teamwork import plan_for_team

ABILITIES = (
    "Offline it can report on a table, answer questions about it, explain changes, draw charts,"
    " forecast from it, calculate, quote a text file and look up past conversations"
)
WIDER = "set ANTHROPIC_API_KEY to let a language model try more."

_COMPLEXITY = {
    Kind.CALCULATE: 0.05,
    Kind.RECALL: 0.1,
    Kind.DESCRIBE: 0.1,
    Kind.DIGEST: 0.15,
    Kind.QUESTION: 0.35,
    Kind.CHART: 0.35,
    Kind.FORECAST: 0.45,
    Kind.DRIVERS: 0.55,
    Kind.REPORT: 0.7,
}


def interpret(brief: InterpretBrief) -> Intent:
    """Say what the user wants, and whether the rules can serve it."""
    wish = recognise(brief.request, brief.files)
    reason = _why_not(wish, brief.files)
    return Intent(
        goal=wish.goal or brief.request, language=wish.language, servable=not reason, reason=reason
    )


def _why_not(wish: Wish, files: tuple[FileBrief, ...]) -> str:
    """Say in at most two sentences why nobody can serve a request; empty when somebody can."""
    if wish.obstacle:
        return f"The offline rules cannot do {wish.obstacle}. {ABILITIES}; {WIDER}"
    if wish.absent:
        given = ", ".join(file.name for file in files) or "none"
        return (
            f"The request names {wish.absent!r}, which was not handed over (files given: {given});"
            " add it with --input, or leave it out of the request."
        )
    if wish.kind is None:
        nothing = "The offline rules found nothing in this request that they can do."
        return f"{nothing} {ABILITIES}; {WIDER}"
    if wish.kind in NEEDS_TABLE and not files:
        return (
            "This needs data, and no file was given; name a table with --input, for example"
            f" --input ledger.csv. Without one the offline rules have nothing to compute; {WIDER}"
        )
    if wish.kind is Kind.DIGEST and not files:
        return f"This needs a text file, and none was given; name one with --input. {ABILITIES}."
    return ""


def plan(brief: DecomposeBrief) -> Plan:
    """Cut a request, or a task of it, into tasks; an empty plan declines and says why."""
    wish = recognise(brief.task.instruction if brief.task else brief.request, brief.files)
    reason = _why_not(wish, brief.files)
    if brief.team:
        known = () if reason or wish.kind is None else _tasks(wish.kind, wish, brief)
        return plan_for_team(brief, known)
    if reason or wish.kind is None:
        return Plan(tasks=(), complexity=0.0, reason=reason)
    tasks = _tasks(wish.kind, wish, brief)
    absent = {str(task.department) for task in tasks} - {d.key for d in brief.departments}
    if absent:
        missing = ", ".join(sorted(absent))
        return Plan(
            tasks=(),
            complexity=0.0,
            reason=f"The organisation has no department {missing}, which this needs; {WIDER}",
        )
    complexity = _COMPLEXITY[wish.kind]
    words = f"{len(tasks)} tasks" if len(tasks) > 1 else "1 task"
    return Plan(
        tasks=tasks,
        complexity=complexity,
        reason=f"Recognised by rules as {wish.kind.value}: {words}.",
    )


def _tasks(kind: Kind, wish: Wish, brief: DecomposeBrief) -> tuple[PlannedTask, ...]:
    goal = wish.goal
    single = {
        Kind.CALCULATE: ("calculate", "Calculate", "analytics", ("metrics",)),
        Kind.DESCRIBE: ("describe", "Describe the files", "analytics", ("data_extraction", "sql")),
        Kind.RECALL: ("recall", "Search past conversations", "administration", ("archiving",)),
        Kind.DIGEST: ("digest", "Quote the text", "administration", ("documents",)),
    }
    if kind in single:
        key, title, department, skills = single[kind]
        return (_task(key, title, goal, _place(brief, department, skills[0]), skills),)
    extract = _extract(kind, wish, brief)
    if kind is Kind.REPORT:
        return (extract, *_report(goal))
    charts = _task("charts", "Draw charts", goal, "analytics", ("charts", "graphs"), ("extract",))
    if kind is Kind.CHART:
        return (extract, charts)
    last = {
        Kind.DRIVERS: ("drivers", "Explain the change", ("analysis", "patterns")),
        Kind.FORECAST: ("forecast", "Forecast", ("forecasting", "modeling")),
        Kind.QUESTION: ("answer", "Answer the question", ("sql", "metrics")),
    }
    key, title, skills = last[kind]
    final = _task(key, title, goal, "analytics", skills, ("extract",))
    return (extract, charts, final) if wish.charts else (extract, final)


def _extract(kind: Kind, wish: Wish, brief: DecomposeBrief) -> PlannedTask:
    files = ", ".join(file.name for file in brief.files)
    named = "the period asked for" if wish.mentions else "all periods"
    instruction = f"Find the table in {files}, read its columns, and extract {named}: {wish.goal}"
    if kind is Kind.REPORT:
        return _task(
            "extract", "Extract the data", instruction, "finance", ("statements", "reporting")
        )
    return _task(
        "extract", "Extract the data", instruction, "analytics", ("data_extraction", "sql")
    )


def _report(goal: str) -> tuple[PlannedTask, ...]:
    return (
        _task(
            "metrics",
            "Compute the metrics",
            f"Compute totals, comparisons, breakdowns and outliers for: {goal}",
            "analytics",
            ("metrics",),
            ("extract",),
        ),
        _task(
            "charts",
            "Draw the charts",
            f"Draw the development by month and the breakdowns for: {goal}",
            "creative",
            ("charts", "graphs"),
            ("extract",),
        ),
        _task(
            "report",
            "Assemble the report",
            f"Write the report from the figures and charts handed in: {goal}",
            "finance",
            ("reporting", "statements"),
            ("extract", "metrics", "charts"),
        ),
    )


def _place(brief: DecomposeBrief, department: str, skill: str) -> str:
    """Keep the usual department; another one that has the skill stands in when it is missing."""
    offering: list[DepartmentBrief] = [d for d in brief.departments if skill in d.skills]
    if any(d.key == department for d in brief.departments) or not offering:
        return department
    return offering[0].key


def _task(  # noqa: PLR0913, PLR0917 - one line for each field of a planned task
    key: str,
    title: str,
    instruction: str,
    department: str,
    skills: tuple[str, ...],
    depends_on: tuple[str, ...] = (),
) -> PlannedTask:
    return PlannedTask(
        key=key,
        title=title,
        instruction=instruction,
        department=department,
        skills=skills,
        depends_on=depends_on,
    )
