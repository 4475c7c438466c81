"""Teaming: teams are formed for what is needed, watched, changed when they do badly, and let go."""

from __future__ import annotations

from application.teaming.choosing import needs_of_skills, needs_of_tasks
from application.teaming.past_work import PastWork, Work
from application.teaming.teams import THRESHOLD, Teaming
from application.teaming.views import TeamView

__all__ = [
    "THRESHOLD",
    "PastWork",
    "TeamView",
    "Teaming",
    "Work",
    "needs_of_skills",
    "needs_of_tasks",
]
