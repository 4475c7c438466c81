"""AsyncTeams: the part of the Python API that forms teams, watches and changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from application.teaming import THRESHOLD, needs_of_skills, needs_of_tasks
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.teaming import TeamView
    from domain.planning import PlannedTask


class AsyncTeams(AsyncStatistics):
    """Forms and watches teams for asynchronous programs; a part of `AsyncHansard`."""

    async def form_team(
        self,
        name: str,
        skills: Sequence[str] = (),
        *,
        tasks: Sequence[PlannedTask] = (),
        size: int | None = None,
        department: str | None = None,
    ) -> TeamView:
        """Form a team of active specialists for skills, for the tasks of a plan, or for both.

        It is chosen by diversity of skills, fitness for what is needed, and how near the members
        are to each other; `TeamView.formation` says by which figures, and out of whom. Its
        `members` can be the `team` of a `Procedure`.

        Args:
            name: lower-case letters, digits, `_` and `-`; unique among the teams that stand.
            size: members; by default one for each skill and task, at most eight.
            department: only its specialists.

        Raises:
            BadRequestError: nothing is needed, or the name, the size or a need cannot be used.
            DuplicateTeamNameError: a team of this name stands.
            NotFoundError: there is no such department.
            TeamError: there are not enough specialists.
            UnavailableError: the database cannot be used.
        """
        needs = (*needs_of_skills(skills), *needs_of_tasks(tasks))
        form = partial(self._house.teaming.form, size=size, department=department)
        return await asyncio.to_thread(form, name, needs)

    async def team(self, name: str, at: Moment | None = None) -> TeamView:
        """Show the latest team of a name, also as it was at a past moment.

        Raises:
            NotFoundError: there was none by then.
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(lambda: self._house.teaming.show(name, self._until(at)))

    async def teams(
        self, at: Moment | None = None, *, dissolved: bool = False
    ) -> tuple[TeamView, ...]:
        """List the teams that stand, or stood at a past moment, oldest first.

        Args:
            dissolved: list also those that stood before.

        Raises:
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(
            lambda: self._house.teaming.teams(self._until(at), dissolved=dissolved)
        )

    async def assess_team(self, name: str, threshold: float = THRESHOLD) -> TeamView:
        """Record how a team did since its members joined: success, pace and balance of load.

        Args:
            threshold: performance, 0 to 1, under which a member is weak.

        Raises:
            BadRequestError: the threshold is not between 0 and 1.
            NotFoundError: no team of this name stands.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(self._house.teaming.assess, name, threshold)

    async def reform_team(
        self, name: str, threshold: float = THRESHOLD, *, replace: Sequence[str] = ()
    ) -> TeamView:
        """Assess a team, and exchange its weak members for the best others there are.

        Args:
            replace: handles of members to exchange whatever they did.

        Raises:
            BadRequestError: somebody to be replaced is no member, or the threshold is not between
                0 and 1.
            NotFoundError: no team of this name stands.
            TeamError: there are not enough specialists.
            UnavailableError: the database cannot be used.
        """
        reform = partial(self._house.teaming.reform, replace=replace)
        return await asyncio.to_thread(reform, name, threshold)

    async def dissolve_team(self, name: str, reason: str) -> TeamView:
        """Let a team go; its history stays.

        Raises:
            NotFoundError: no team of this name stands.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(self._house.teaming.dissolve, name, reason)
