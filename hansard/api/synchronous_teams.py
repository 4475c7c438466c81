"""Teams: the part of the synchronous Python API that forms teams, watches and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from application.teaming import THRESHOLD
from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.teaming import TeamView
    from domain.planning import PlannedTask


class Teams:
    """Forms and watches teams for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncTeams`, which documents it.
    """

    def form_team(
        self: Caller,
        name: str,
        skills: Sequence[str] = (),
        *,
        tasks: Sequence[PlannedTask] = (),
        size: int | None = None,
        department: str | None = None,
    ) -> TeamView:
        """Form a team of active specialists for skills, for the tasks of a plan, or for both."""
        return self._call(
            self._inner.form_team, name, skills, tasks=tasks, size=size, department=department
        )

    def team(self: Caller, name: str, at: Moment | None = None) -> TeamView:
        """Show the latest team of a name, also as it was at a past moment."""
        return self._call(self._inner.team, name, at)

    def teams(
        self: Caller, at: Moment | None = None, *, dissolved: bool = False
    ) -> tuple[TeamView, ...]:
        """List the teams that stand, or stood at a past moment, oldest first."""
        return self._call(self._inner.teams, at, dissolved=dissolved)

    def assess_team(self: Caller, name: str, threshold: float = THRESHOLD) -> TeamView:
        """Record how a team did since its members joined: success, pace and balance of load."""
        return self._call(self._inner.assess_team, name, threshold)

    def reform_team(
        self: Caller, name: str, threshold: float = THRESHOLD, *, replace: Sequence[str] = ()
    ) -> TeamView:
        """Assess a team, and exchange its weak members for the best others there are."""
        return self._call(self._inner.reform_team, name, threshold, replace=replace)

    def dissolve_team(self: Caller, name: str, reason: str) -> TeamView:
        """Let a team go; its history stays."""
        return self._call(self._inner.dissolve_team, name, reason)
