"""Authority: prints the chain from the user's words to a result, and the grounds of decisions."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hansard.cli.figures import NOTHING, count, duration, money
from hansard.cli.looking import STATUS_STYLES, facts, table_of
from hansard.cli.terminal import clean

if TYPE_CHECKING:
    from application.auditing.views import (
        ExplainedDecisionView,
        KnowledgeView,
        LinkView,
        WhyView,
    )
    from application.integrity import InclusionView
    from domain.policy import Policy
    from domain.spending import Spent

STAGES = {
    "request": "The user asked",
    "intent": "What was understood",
    "handover": "Handed over",
    "plan": "Planned",
    "assignment": "Assigned",
    "delegation": "Decided",
    "work": "Done",
    "result": "Result",
    "answer": "What the user was told",
    "steering": "Steered",
}


def print_why(out: Console, view: WhyView) -> None:
    """Print an explanation."""
    task = view.task
    rows: list[tuple[str, str | Text]] = [
        ("Task", f"{task.key} ({task.task_id})"),
        ("Session", str(view.session_id)),
        ("Asked", task.instruction),
        ("Status", Text(task.status.value, style=STATUS_STYLES.get(task.status.value, ""))),
        ("Passed through", " > ".join(task.path)),
        ("Took", spent(view.own)),
    ]
    if view.inclusive != view.own:
        rows.append(("With those below", spent(view.inclusive)))
    if view.taken_back_at is not None:
        rows.append(("Taken back", f"by the rewind at position {view.taken_back_at}"))
    rows.append(("Proofs", proofs(view)))
    out.print(facts(*rows))
    for decision in view.decisions:
        _print_decision(out, decision)
    _print_chain(out, view)


def spent(view: Spent) -> str:
    """Say what work took."""
    cost = "no known price" if view.cost_usd is None else f"{money(view.cost_usd)} USD"
    return (
        f"{count(view.model_calls)} model and {count(view.tool_calls)} tool calls,"
        f" {count(view.input_tokens)}+{count(view.output_tokens)} tokens, {cost}"
    )


def proofs(view: WhyView) -> Text:
    """Say how the proofs of all links stand."""
    found = {each.position: each.inclusion for each in view.chain if each.inclusion is not None}
    found |= {each.position: each.inclusion for each in view.decisions if each.inclusion}
    wrong = [each for each in found.values() if each.covered and not each.verified]
    uncovered = [each for each in found.values() if not each.covered]
    if wrong:
        return Text(f"{len(wrong)} of {len(found)} events are not what was signed", style="red")
    newest = next((each for each in found.values() if each.verified), None)
    text = Text(f"{len(found) - len(uncovered)} of {len(found)} events verified")
    if newest is not None:
        text.append(f", signed at position {newest.tree_size}\nroot {newest.root}")
        text.append(f"\nby {clean(newest.key or '')}")
    if uncovered:
        text.append(f"\n{len(uncovered)} not covered yet: {clean(uncovered[0].note)}")
    return text


def _print_decision(out: Console, view: ExplainedDecisionView) -> None:
    decision = view.decision
    out.print(Text(f"\n{view.from_agent} > {view.to_agent or 'nobody'}", style="bold"))
    out.print(Text(clean(decision.reason)))
    out.print(
        facts(
            ("Decision", f"{decision.decision_id} at position {view.position}"),
            ("By", f"strategy {decision.strategy}, confidence {decision.confidence:.2f}"),
            ("Policy", _policy(view.policy, decision.policy_version)),
            ("Outcome", _line(f"{view.outcome.value} {view.outcome_detail}")),
            ("Waited, worked", f"{duration(view.waiting_ms)}, {duration(view.working_ms)}"),
            ("Proof", _proof(view.inclusion)),
        )
    )
    table = table_of("Candidate", "", "Score", "Parts")
    for candidate in decision.candidates:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in candidate.parts.items())
        is_chosen = candidate.handle == decision.chosen
        said = "chosen" if is_chosen else "rejected"
        style = "bold green" if is_chosen else ""
        table.add_row(candidate.handle, said, f"{candidate.score:.2f}", clean(parts), style=style)
    out.print(table)
    _print_knowledge(out, view.knowledge)


def _policy(policy: Policy, version: str) -> str:
    numbers = policy.model_dump(exclude={"version"})
    said = ", ".join(
        f"{name} {value:g}" for name, value in numbers.items() if isinstance(value, int | float)
    )
    return f"version {version}: {said}"


def _print_knowledge(out: Console, view: KnowledgeView) -> None:
    ended = ", ".join(f"{task.key} {task.status.value}" for task in view.finished) or "none"
    where = f"position {view.organisation_position}, roster {view.roster or 'none'}"
    out.print(Text("What the decider knew", style="dim"))
    known = facts(
        ("Organisation", f"as of {where}"),
        ("Session", f"as of position {view.session_position}"),
        ("Intent", view.intent.goal if view.intent else NOTHING),
        ("Ended tasks", ended),
        ("Spent by then", spent(view.spent)),
    )
    out.print(Padding(known, (0, 0, 0, 2), expand=False))
    table = table_of("Agent", "Department", "Active", "Skills")
    for agent in view.agents:
        skills = ", ".join(agent.skills)
        if agent.department_skills:
            skills = f"its department: {', '.join(agent.department_skills)}"
        active = "yes" if agent.active else "no"
        table.add_row(agent.handle, agent.department or NOTHING, active, clean(skills))
    out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _print_chain(out: Console, view: WhyView) -> None:
    out.print(Text("\nChain of authority", style="bold"))
    for stage, links in groupby(view.chain, key=lambda link: link.stage):
        out.print(Text(STAGES[stage.value], style="cyan"))
        table = table_of("Position", "Event", "By", "Proof", "What")
        table.show_header = False
        for link in links:
            what = _line(link.text)
            table.add_row(str(link.position), link.type, link.actor, _mark(link), what)
        out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _mark(link: LinkView) -> Text:
    proof = link.inclusion
    if proof is None:
        return Text(NOTHING)
    if proof.verified:
        return Text(f"verified, path of {proof.path_length}", style="green")
    return Text("NOT what was signed", style="red") if proof.covered else Text("not covered yet")


def _proof(proof: InclusionView | None) -> Text:
    if proof is None:
        return Text(NOTHING)
    text = Text(f"leaf {proof.leaf_hash}")
    if proof.verified:
        return text.append(
            f"\nverified by {proof.path_length} hashes up to the root signed at position"
            f" {proof.tree_size}"
        )
    return text.append(f"\n{clean(proof.note)}", style="red" if proof.covered else "")
