"""C6: teams are formed for what is needed, watched, and changed when they do badly."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.registration import deactivate_agent
from application.teaming import Teaming, TeamView, Work, needs_of_skills, needs_of_tasks
from domain.planning import PlannedTask
from domain.team import DuplicateTeamNameError, TeamStatus
from domain.teaming import TeamError
from infrastructure.assignment import HungarianAssigner
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import staffed_log
from tests.support.scripted import CountingIds, SteadyClock

SKILLS = ("charts", "reporting", "forecasting")


class KnownWork:
    """Past work that a test lays down.

    Attributes:
        works: by handle.
        pairs: how often two agents worked together.
        asked: positions since which work was asked for, by handle.
        until: position up to which it was asked for.
    """

    def __init__(self) -> None:
        self.works: dict[str, Work] = {}
        self.pairs: dict[tuple[str, str], int] = {}
        self.asked: dict[str, int] = {}
        self.until = 0

    def work(self, since: Mapping[str, int], until: int) -> Mapping[str, Work]:
        self.until = until
        self.asked = dict(since)
        return {handle: self.works[handle] for handle in since if handle in self.works}

    def together(self, until: int) -> Mapping[tuple[str, str], int]:
        self.until = until
        return self.pairs


class House:
    """Teaming on a log in which the packaged organisation is registered."""

    def __init__(self) -> None:
        self.log = staffed_log()
        self.past = KnownWork()
        self.ids, self.clock = CountingIds(start=5_000), SteadyClock()
        self.teaming = Teaming(
            self.log, self.clock, self.ids, self.past, HungarianAssigner(), "tester"
        )

    def form(self, name: str = "artists", size: int | None = None) -> TeamView:
        return self.teaming.form(name, needs_of_skills(SKILLS), size=size)


@pytest.fixture
def house() -> House:
    return House()


def test_a_team_has_somebody_for_each_need_and_says_who_and_out_of_whom(house: House) -> None:
    view = house.form()

    skills = {
        each.handle: each.fitness
        for each in view.formation.considered
        if each.handle in view.members
    }
    assert len(view.members) == 3
    assert set(view.formation.assigned) == set(SKILLS)
    assert set(view.formation.assigned.values()) == set(view.members)
    assert all(max(fitness.values()) >= 0.8 for fitness in skills.values())
    assert len(view.formation.considered) == 103
    assert house.log.events[-1].envelope.actor == "tester"
    assert house.log.events[-1].type == "team.formed"


def test_a_need_of_a_plan_weighs_its_words_too(house: House) -> None:
    task = PlannedTask(key="draw", title="Draw", instruction="Draw charts.", skills=("charts",))

    view = house.teaming.form("drawers", needs_of_tasks([task]))

    assert view.formation.assigned["draw"] == view.members[0]


def test_who_failed_before_is_passed_over(house: House) -> None:
    first = house.form(size=1).members[0]
    house.past.works = {first: Work(completed=0, failed=8)}

    again = house.form("others", size=1)

    assert again.members[0] != first
    considered = {each.handle: each for each in again.formation.considered}
    assert considered[first].reliability == 0.2


def test_who_worked_together_is_nearer(house: House) -> None:
    apart = house.form()
    house.past.pairs = {
        (one, other): 50 for one in apart.members for other in apart.members if one < other
    }

    near = house.form("friends")

    assert near.formation.score.communication < apart.formation.score.communication
    assert near.formation.score.score > apart.formation.score.score


def test_two_teams_of_one_name_cannot_stand_but_may_follow_each_other(house: House) -> None:
    first = house.form()
    with pytest.raises(DuplicateTeamNameError, match="'artists' stands already"):
        house.form()

    house.teaming.dissolve("artists", "season is over")
    second = house.form()

    assert first.team_id != second.team_id
    assert [view.team_id for view in house.teaming.teams()] == [second.team_id]
    assert len(house.teaming.teams(dissolved=True)) == 2
    assert house.teaming.show("artists", first.position).team_id == first.team_id


def test_who_forms_the_same_team_at_once_is_told_that_it_stands(house: House) -> None:
    rival = Teaming(house.log, house.clock, house.ids, house.past, HungarianAssigner(), "rival")

    def overtake() -> None:
        house.log.before_append = lambda: None
        rival.form("artists", needs_of_skills(SKILLS))

    house.log.before_append = overtake

    with pytest.raises(DuplicateTeamNameError):
        house.form()


def test_an_assessment_tells_what_members_did_since_they_joined(house: House) -> None:
    formed = house.form()
    good, slow, idle = formed.members
    house.past.works = {
        good: Work(completed=4, failed=0, mean_s=1.0),
        slow: Work(completed=4, failed=0, mean_s=3.0, load=3),
    }

    view = house.teaming.assess("artists")

    assert view.assessment is not None
    figures = {each.handle: each.performance for each in view.assessment.members}
    assert figures[good] == 1.0
    assert figures[slow] == pytest.approx(0.6 + 0.2 * 2 / 3 + 0.2 / 3, abs=1e-3)
    assert figures[idle] is None
    assert view.assessment.weak == ()
    assert set(house.past.asked.values()) == {formed.formation.knowledge_position}


def test_a_team_that_does_well_stays_as_it_is(house: House) -> None:
    formed = house.form()
    house.past.works = dict.fromkeys(formed.members, Work(completed=3, failed=0, mean_s=1.0))

    view = house.teaming.reform("artists")

    assert view.members == formed.members
    assert view.reformations == 0


def test_weak_members_are_exchanged_and_the_reason_is_kept(house: House) -> None:
    formed = house.form()
    weak = formed.members[0]
    house.past.works = {weak: Work(completed=1, failed=5, mean_s=1.0)}

    view = house.teaming.reform("artists")

    assert weak not in view.members
    assert set(formed.members[1:]) <= set(view.members)
    event = house.log.events[-1].event
    assert event.left == (weak,)  # type: ignore[attr-defined]
    assert f"{weak} reaches 0." in event.reason  # type: ignore[attr-defined]
    assert view.assessment is None


def test_a_member_that_takes_no_work_any_more_is_exchanged(house: House) -> None:
    gone = house.form().members[0]
    deactivate_agent(house.log, house.ids, house.clock, gone, "on leave")

    view = house.teaming.reform("artists")

    assert gone not in view.members
    assert gone not in {each.handle for each in view.formation.considered}


def test_a_member_can_be_replaced_by_name_and_a_stranger_cannot(house: House) -> None:
    first, *others = house.form().members

    assert first not in house.teaming.reform("artists", replace=[first]).members
    with pytest.raises(BadRequestError, match="cannot be replaced"):
        house.teaming.reform("artists", replace=[first])
    assert set(others) <= set(house.teaming.show("artists").members)


def test_a_dissolved_team_takes_no_command_and_its_history_stays(house: House) -> None:
    house.form()
    view = house.teaming.dissolve("artists", "done")

    assert (view.status, view.reason) == (TeamStatus.DISSOLVED, "done")
    for command in (house.teaming.assess, house.teaming.reform):
        with pytest.raises(NotFoundError):
            command("artists")
    assert house.teaming.show("artists").members


@pytest.mark.parametrize("name", ["", "A", "two words", "x" * 50, "1st"])
def test_a_name_that_breaks_the_rules_is_refused(house: House, name: str) -> None:
    with pytest.raises(BadRequestError, match="cannot be the name of a team"):
        house.form(name)


def test_impossible_teams_are_refused_with_the_reason(house: House) -> None:
    with pytest.raises(BadRequestError, match="name at least one"):
        house.teaming.form("empty", ())
    with pytest.raises(BadRequestError, match="1 to 20 members, not 21"):
        house.form(size=21)
    with pytest.raises(TeamError, match="out of 7 candidates"):
        house.teaming.form("many", needs_of_skills(SKILLS), size=9, department="analytics")
    with pytest.raises(NotFoundError, match="department 'magic'"):
        house.teaming.form("magic", needs_of_skills(SKILLS), department="magic")
    with pytest.raises(NotFoundError, match="team 'nobody'"):
        house.teaming.show("nobody")
    with pytest.raises(BadRequestError, match="needed twice"):
        house.teaming.form("twice", needs_of_skills(SKILLS) * 2)


def test_who_is_always_slower_gives_up(house: House) -> None:
    house.form()

    def disturb() -> None:
        raise ConflictError("somebody was faster")

    house.log.before_append = disturb

    with pytest.raises(ConflictError):
        house.teaming.assess("artists")


def test_an_empty_organisation_has_nobody_to_choose() -> None:
    teaming = Teaming(
        InMemoryEventLog(), SteadyClock(), CountingIds(), KnownWork(), HungarianAssigner(), "t"
    )

    with pytest.raises(BadRequestError, match="no specialist takes work"):
        teaming.form("nobody", needs_of_skills(SKILLS))
