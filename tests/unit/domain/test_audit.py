"""Audit: a look is one event in a stream of its own."""

from __future__ import annotations

from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.audit import Access, Audit, ExportedFile, Look
from tests.support.given_when_then import AT

ACCESS = Access(
    look=Look.EXPORT,
    system_user="root",
    session_id=UUID(int=7),
    filters={"agent": "FIN_007", "confidence_under": 0.5},
    as_of=100,
    decisions=3,
    export=ExportedFile(format="csv", sha256="a" * 64, size=10),
)


def test_a_look_is_one_event_in_a_stream_of_its_own() -> None:
    audit = Audit.note(UUID(int=1), ACCESS, AT)

    [event] = audit.collect_events()
    assert isinstance(event, Audit.Created)
    assert (event.originator_id, event.originator_version) == (UUID(int=1), 1)
    assert event.access == audit.access == ACCESS
    assert event.timestamp == AT


@pytest.mark.parametrize(
    "wrong", [{"as_of": -1}, {"decisions": -1}, {"system_user": " "}, {"look": "peek"}]
)
def test_what_makes_no_sense_is_no_access(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Access.model_validate(ACCESS.model_dump() | wrong)
