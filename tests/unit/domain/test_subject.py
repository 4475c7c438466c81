"""Subject: a person's name makes their stream, and the name of a subject names nobody by itself."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.subject import Subject, subject_stream
from domain.value import SubjectId
from tests.support.given_when_then import AT

NAMES: TypeAdapter[str] = TypeAdapter(SubjectId)


def test_a_forgotten_subject_says_who_was_forgotten_and_why() -> None:
    subject = Subject.forget("customer-42", "The customer asked for it.", AT)

    [event] = subject.collect_events()
    assert type(event) is Subject.Created
    assert (event.subject, event.reason) == ("customer-42", "The customer asked for it.")
    assert (event.originator_id, event.originator_version) == (subject_stream("customer-42"), 1)


def test_the_stream_of_a_subject_never_changes() -> None:
    assert str(subject_stream("customer-42")) == "3c644d37-66a9-5696-a580-fef153da4a87"
    assert subject_stream("customer-43") != subject_stream("customer-42")


@pytest.mark.parametrize("name", ["customer-42", "a", "7", "crm:eu.1_2", "x" * 200])
def test_a_pseudonym_can_name_a_subject(name: str) -> None:
    assert NAMES.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " ", "anna@example.org", "Anna Schmidt", "-a", ".a", "x" * 201, "a\n", "Ärzte", "a\x00"],
)
def test_what_could_name_somebody_cannot_name_a_subject(name: str) -> None:
    with pytest.raises(ValidationError):
        NAMES.validate_python(name)
