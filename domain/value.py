"""Value: the immutable, validated building block of commands, events and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NonEmptyText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text with at least one visible character; surrounding white space is dropped."""

SubjectId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$")]
"""Name of the person a session is run for. It is never erased, so it names nobody by itself."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Mark of what a person said, or of what was made of it: erasure takes it, and nothing else.

    Ids, handles, names of models, tools, skills and departments, numbers and times are not marked,
    so that what happened can still be audited.
    """


PERSONAL = Personal()

Words = Annotated[str, PERSONAL]
"""Text that erasure takes."""

NonEmptyWords = Annotated[NonEmptyText, PERSONAL]
"""Text with at least one visible character that erasure takes."""


def later(default: Any = None) -> Any:
    """Declare a field that stored events may lack: its default is not written.

    So an event that was recorded before the field existed is written again byte by byte.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default))


class Value(BaseModel):
    """Compare by content, never change, and reject unknown fields and numbers JSON cannot say."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
