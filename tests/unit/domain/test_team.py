"""C6: teams are formed, assessed, reformed and dissolved."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.errors import TransitionError
from domain.team import (
    Assessment,
    Formation,
    MemberFigures,
    Team,
    TeamNeed,
    TeamStatus,
    performance_of,
)
from domain.teaming import TeamScore

NOW = datetime(2026, 10, 3, tzinfo=UTC)
NEEDS = (TeamNeed(key="charts", skills=("charts",)),)


def formation(*members: str, position: int = 10) -> Formation:
    return Formation(
        members=members,
        score=TeamScore.of(0.5, 0.5, 0.5),
        assigned={"charts": members[0]},
        considered=(),
        search="exact",
        compared=1,
        knowledge_position=position,
    )


def team() -> Team:
    return Team.form(UUID(int=1), "artists", NEEDS, formation("A", "B"), NOW)


def test_members_that_stay_keep_the_position_at_which_they_joined() -> None:
    formed = team()

    formed.reform(formation("A", "C", position=30), "B failed", NOW)

    assert formed.members == ("A", "C")
    assert formed.joined_at == {"A": 10, "C": 30}
    assert formed.reformations == 1
    event = formed.collect_events()[-1]
    assert isinstance(event, Team.Reformed)
    assert (event.left, event.joined) == (("B",), ("C",))


def test_a_team_of_the_same_members_is_not_reformed() -> None:
    formed = team()

    formed.reform(formation("A", "B", position=30), "no reason", NOW)

    assert len(formed.collect_events()) == 1


def test_an_assessment_holds_until_members_are_exchanged() -> None:
    formed = team()
    assessment = Assessment(
        performance=0.9, threshold=0.6, members=(), weak=(), knowledge_position=20
    )

    formed.assess(assessment, NOW)
    assert formed.assessment == assessment
    formed.reform(formation("A", "C"), "B left", NOW)
    assert formed.assessment is None


def test_a_dissolved_team_takes_no_command() -> None:
    formed = team()
    formed.dissolve("done", NOW)

    assert formed.status is TeamStatus.DISSOLVED
    with pytest.raises(TransitionError, match="'dissolved' and cannot be reformed"):
        formed.reform(formation("C"), "why", NOW)


@pytest.mark.parametrize(
    ("figures", "expected_s", "mean_load", "performance"),
    [
        ({"completed": 0, "failed": 0}, None, 0.0, None),
        ({"completed": 4, "failed": 0, "mean_s": 2.0}, 2.0, 0.0, 1.0),
        ({"completed": 2, "failed": 2, "mean_s": 2.0}, 2.0, 0.0, 0.7),
        ({"completed": 4, "failed": 0, "mean_s": 4.0}, 2.0, 0.0, 0.9),
        ({"completed": 4, "failed": 0, "mean_s": 2.0, "load": 4}, 2.0, 1.0, 0.85),
    ],
)
def test_performance_weighs_success_pace_and_balance(
    figures: dict[str, float],
    expected_s: float | None,
    mean_load: float,
    performance: float | None,
) -> None:
    member = MemberFigures.model_validate({"handle": "A", **figures})

    assert performance_of(member, expected_s, mean_load) == performance
