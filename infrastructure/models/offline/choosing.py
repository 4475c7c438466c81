"""Choosing: routes, bids and answers to handoffs, by skills and shared words."""

from __future__ import annotations

from application.briefs import Bid, BidBrief, Choice, ConsiderBrief, RouteBrief, Verdict
from infrastructure.models.offline.fitness import Fitness, fitness, fitness_for, fittest

DURATION_S = 1.0
"""What the rules take for one task, tools included, on a small machine."""

RULE = "By rules: 70 % for skills the task names, 30 % for words shared with the description."


def choose(brief: RouteBrief) -> Choice:
    """Choose the candidate that fits best; nobody when none shares a skill or a word."""
    best = fittest(brief.candidates, brief.task)
    if best is None:
        names = ", ".join(agent.handle for agent in brief.candidates) or "none"
        return Choice(
            agent=None,
            confidence=0.0,
            reason=f"None of the candidates ({names}) shares a skill or a word with the task.",
        )
    agent, found = best
    return Choice(
        agent=agent.handle, confidence=found.score, reason=f"{agent.handle} {found.said}. {RULE}"
    )


def bid(brief: BidBrief) -> Bid:
    """Offer to do a task, as sure as the agent fits it; the rules cost nothing."""
    found = fitness_for(brief.agent, brief.task)
    return Bid(
        willing=found.score > 0,
        confidence=found.score,
        cost_usd=0.0,
        duration_s=DURATION_S if found.score > 0 else 0.0,
        reason=f"{brief.agent.handle} {found.said}. {RULE}",
    )


def consider(brief: ConsiderBrief) -> Verdict:
    """Accept a handoff when its request, or the task, asks for what the agent can do."""
    handoff = brief.handoff
    asked = fitness(brief.agent, (), f"{handoff.request} {handoff.context}")
    own = fitness_for(brief.agent, brief.task)
    best: Fitness = max((asked, own), key=lambda found: found.score)
    if best.score > 0:
        return Verdict(accepted=True, reason=f"{brief.agent.handle} {best.said}.")
    skills = ", ".join(brief.agent.skills) or "none"
    return Verdict(
        accepted=False,
        reason=(
            f"{brief.agent.handle} shares no skill and no word with what {handoff.from_agent} asks"
            f" for; its skills are: {skills}."
        ),
    )
