"""Teams: commands and queries on teams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast
from uuid import UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from application.assigning import Assigner
from application.directory import load_directory
from application.errors import BadRequestError, ConflictError, NotFoundError
from application.ports import Clock, Entry, EventLog, IdFactory
from application.teaming.assessing import assess_team, why_reformed
from application.teaming.choosing import choose_formation
from application.teaming.past_work import PastWork
from application.teaming.views import TeamView, team_views
from domain.event import Envelope
from domain.team import DuplicateTeamNameError, Team, TeamName, TeamNeed, TeamStatus

T = TypeVar("T")

TEAMS = UUID("019a0000-0000-7000-8000-000000000002")
"""Namespace of the streams of teams: two who form one of the same name at once meet."""

THRESHOLD = 0.6
"""Performance under which a team or a member is not good enough, unless told otherwise."""

NAME: TypeAdapter[str] = TypeAdapter(TeamName)
MAX_SIZE = 20
DEFAULT_MAX_SIZE = 8
MAX_DECISIONS = 8
"""How often a command is decided anew because somebody else was faster."""


class Teaming:
    """Commands and queries on teams."""

    def __init__(  # noqa: PLR0913, PLR0917 - the ports
        self,
        log: EventLog,
        clock: Clock,
        ids: IdFactory,
        past_work: PastWork,
        assigner: Assigner,
        actor: str,
    ) -> None:
        self._log = log
        self._clock = clock
        self._ids = ids
        self._past_work = past_work
        self._assigner = assigner
        self._actor = actor

    def form(
        self,
        name: str,
        needs: Sequence[TeamNeed],
        *,
        size: int | None = None,
        department: str | None = None,
    ) -> TeamView:
        """Form a team of active specialists for what is needed.

        Args:
            size: members; by default one for each need, at most eight.
            department: only its specialists.

        Raises:
            BadRequestError: nothing is needed, a need stands there twice, nobody can be chosen, or
                the name or size breaks a limit.
            DuplicateTeamNameError: a team of this name stands.
            NotFoundError: there is no such department.
            TeamError: there are not enough specialists.
        """
        _check_name(name)
        _check_needs(needs)
        wanted = min(len(needs), DEFAULT_MAX_SIZE) if size is None else size
        if not 1 <= wanted <= MAX_SIZE:
            raise BadRequestError(f"A team has 1 to {MAX_SIZE} members, not {wanted}.")

        def form() -> TeamView:
            found = self._named(name)
            if found and found[-1].status is TeamStatus.FORMED:
                raise DuplicateTeamNameError(name)
            formation = choose_formation(
                needs,
                wanted,
                directory=load_directory(self._log),
                past_work=self._past_work,
                assigner=self._assigner,
                department=department,
            )
            team_id = uuid5(TEAMS, f"{name}/{len(found)}")
            self._append(Team.form(team_id, name, tuple(needs), formation, self._clock.now()))
            return self.show(name)

        return _decide(form)

    def assess(self, name: str, threshold: float = THRESHOLD) -> TeamView:
        """Record how a team did since its members joined.

        Raises:
            NotFoundError: no team of this name stands.
        """

        def assess() -> TeamView:
            view = self._standing(name)
            team = self._log.load(Team, view.team_id)
            assessment = assess_team(
                team, threshold, directory=load_directory(self._log), past_work=self._past_work
            )
            team.assess(assessment, self._clock.now())
            self._append(team)
            return self.show(name)

        return _decide(assess)

    def reform(
        self, name: str, threshold: float = THRESHOLD, *, replace: Sequence[str] = ()
    ) -> TeamView:
        """Assess a team and exchange its weak members for the best others there are.

        A team that is good enough stays as it is.

        Args:
            replace: handles of members to exchange whatever they did.

        Raises:
            BadRequestError: somebody to be replaced is no member.
            NotFoundError: no team of this name stands.
            TeamError: there are not enough specialists.
        """

        def reform() -> TeamView:
            view = self._standing(name)
            strangers = [handle for handle in replace if handle not in view.members]
            if strangers:
                raise BadRequestError(
                    f"{', '.join(strangers)} cannot be replaced: the members of {name!r} are"
                    f" {', '.join(view.members)}."
                )
            team = self._log.load(Team, view.team_id)
            directory = load_directory(self._log)
            assessment = assess_team(
                team, threshold, directory=directory, past_work=self._past_work
            )
            team.assess(assessment, self._clock.now())
            leaving = tuple(dict.fromkeys((*replace, *assessment.weak)))
            if leaving:
                kept = [handle for handle in team.members if handle not in leaving]
                formation = choose_formation(
                    team.needs,
                    len(team.members),
                    directory=directory,
                    past_work=self._past_work,
                    assigner=self._assigner,
                    kept=kept,
                    without=leaving,
                )
                team.reform(formation, why_reformed(assessment, replace), self._clock.now())
            self._append(team)
            return self.show(name)

        return _decide(reform)

    def dissolve(self, name: str, reason: str) -> TeamView:
        """Let a team go.

        Raises:
            NotFoundError: no team of this name stands.
        """

        def dissolve() -> TeamView:
            team = self._log.load(Team, self._standing(name).team_id)
            team.dissolve(reason, self._clock.now())
            self._append(team)
            return self.show(name)

        return _decide(dissolve)

    def show(self, name: str, at: int | None = None) -> TeamView:
        """Show the latest team of a name, as it was at a position (None: now).

        Raises:
            NotFoundError: there was none by then.
        """
        found = self._named(name, at)
        if not found:
            raise NotFoundError("team", name, "`hansard team list` lists those there are.")
        return found[-1]

    def teams(self, at: int | None = None, *, dissolved: bool = False) -> tuple[TeamView, ...]:
        """List the teams that stood at a position (None: now), oldest first.

        Args:
            dissolved: list also those that stood before.
        """
        return tuple(
            view
            for view in team_views(self._log, at)
            if dissolved or view.status is TeamStatus.FORMED
        )

    def _standing(self, name: str) -> TeamView:
        found = self._named(name)
        if not found or found[-1].status is not TeamStatus.FORMED:
            raise NotFoundError("team", name, "`hansard team list` lists those that stand.")
        return found[-1]

    def _named(self, name: str, at: int | None = None) -> list[TeamView]:
        return [view for view in team_views(self._log, at) if view.name == name]

    def _append(self, team: Team) -> None:
        correlation_id, cause = self._ids.new(), None
        entries = []
        for event in team.collect_events():
            event_id = self._ids.new()
            envelope = Envelope(
                event_id=event_id,
                actor=self._actor,
                correlation_id=correlation_id,
                causation_id=cause,
            )
            entries.append(Entry(cast("Any", event), envelope))
            cause = cause or event_id
        if entries:
            self._log.append(entries)


def _check_name(name: str) -> None:
    try:
        NAME.validate_python(name)
    except ValidationError as error:
        raise BadRequestError(
            f"{name!r} cannot be the name of a team: give 2 to 41 lower-case letters, digits, '_'"
            " and '-', a letter first."
        ) from error


def _check_needs(needs: Sequence[TeamNeed]) -> None:
    if not needs:
        raise BadRequestError("A team is formed for skills or tasks; name at least one.")
    keys = [need.key for need in needs]
    for key in keys:
        if keys.count(key) > 1:
            raise BadRequestError(f"{key!r} is needed twice; give each need its own key.")


def _decide(command: Callable[[], T]) -> T:
    for _ in range(MAX_DECISIONS - 1):
        try:
            return command()
        except ConflictError:
            continue
    return command()
