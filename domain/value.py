"""Value: the immutable, validated building block of commands, events and decisions."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NonEmptyText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""Text with at least one visible character; surrounding white space is dropped."""


class Value(BaseModel):
    """Compare by content, never change, and reject unknown fields and numbers JSON cannot say."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
