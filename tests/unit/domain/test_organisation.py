"""Organisation: handles and ids stay unique, and a roster comes into force once."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.organisation import (
    ORGANISATION_ID,
    Department,
    DuplicateAgentIdError,
    DuplicateAgentNameError,
    Organisation,
    RosterVersion,
)
from tests.support.given_when_then import AT, Happening, given, happened, happenings, when

ANN, BOB = UUID(int=1), UUID(int=2)
FINANCE = Department(key="finance", label="Finance", director="DIR_FINANCE")
ROSTER = RosterVersion(name="standard", sha256="ab")


def organisation(*past: Happening) -> Organisation:
    return given(Organisation, happened(Organisation.Created), *past, stream=ORGANISATION_ID)


def enrolled(**agents: UUID) -> Happening:
    return happened(Organisation.AgentsEnrolled, agents=agents)


def test_a_new_organisation_has_its_fixed_stream_and_nobody_in_it() -> None:
    founded = Organisation.found(AT)

    assert happenings(None, founded) == [happened(Organisation.Created)]
    assert founded.id == ORGANISATION_ID
    assert (founded.agents, founded.departments, founded.roster) == ({}, (), None)


def test_enrolling_gives_handles_to_ids() -> None:
    house = organisation(enrolled(ANN=ANN))

    assert when(house, lambda it: it.enrol({"BOB": BOB}, AT)) == [enrolled(BOB=BOB)]
    assert house.agents == {"ANN": ANN, "BOB": BOB}


def test_enrolling_nobody_changes_nothing() -> None:
    assert when(organisation(), lambda it: it.enrol({}, AT)) == []


def test_a_taken_handle_is_refused() -> None:
    house = organisation(enrolled(ANN=ANN))

    with pytest.raises(DuplicateAgentNameError, match="'ANN' is registered already") as caught:
        house.enrol({"ANN": BOB}, AT)

    assert caught.value.handle == "ANN"
    assert house.collect_events() == []


def test_a_taken_id_is_refused() -> None:
    with pytest.raises(DuplicateAgentIdError, match=str(ANN)) as caught:
        organisation(enrolled(ANN=ANN)).enrol({"BOB": ANN}, AT)

    assert caught.value.agent_id == ANN


def test_two_handles_cannot_share_one_new_id() -> None:
    with pytest.raises(DuplicateAgentIdError):
        organisation().enrol({"ANN": ANN, "BOB": ANN}, AT)


def test_one_bad_agent_keeps_all_of_them_out() -> None:
    house = organisation(enrolled(ANN=ANN))

    with pytest.raises(DuplicateAgentNameError):
        house.enrol({"BOB": BOB, "ANN": UUID(int=3)}, AT)

    assert house.agents == {"ANN": ANN}


def test_a_dismissed_handle_is_free_again() -> None:
    house = organisation(enrolled(ANN=ANN))

    new = when(house, lambda it: it.dismiss(("ANN",), AT))

    assert new == [happened(Organisation.AgentsDismissed, handles=("ANN",))]
    assert when(house, lambda it: it.enrol({"ANN": BOB}, AT)) == [enrolled(ANN=BOB)]


def test_dismissing_strangers_changes_nothing() -> None:
    assert when(organisation(), lambda it: it.dismiss(("ANN",), AT)) == []


def test_a_handle_that_is_named_twice_is_dismissed_once() -> None:
    new = when(organisation(enrolled(ANN=ANN)), lambda it: it.dismiss(("ANN", "ANN"), AT))

    assert new == [happened(Organisation.AgentsDismissed, handles=("ANN",))]


def test_a_roster_comes_into_force_with_its_departments() -> None:
    house = organisation()

    new = when(house, lambda it: it.adopt(ROSTER, (FINANCE,), AT))

    assert new == [happened(Organisation.RosterAdopted, roster=ROSTER, departments=(FINANCE,))]
    assert (house.roster, house.departments) == (ROSTER, (FINANCE,))


def test_the_roster_in_force_changes_nothing() -> None:
    adopted = happened(Organisation.RosterAdopted, roster=ROSTER, departments=(FINANCE,))

    assert when(organisation(adopted), lambda it: it.adopt(ROSTER, (FINANCE,), AT)) == []
