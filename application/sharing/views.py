"""Views of sharing: what is shared in a session, as of a position."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from domain.value import Value

RENDERED_LENGTH = 4_000
"""Characters that a prompt has for what is shared."""


class SharedValueView(Value):
    """What an agent shares under a name.

    Attributes:
        position: of the event since which it is so; 0 where that was erased.
        recorded_at: time of that event; None where it was erased.
        session_id: the session in which it was written; of what a fork inherited its ancestor.
    """

    agent: str
    key: str
    value: JsonValue
    position: int = 0
    recorded_at: datetime | None = None
    session_id: UUID | None = None


class SharedContextView(Value):
    """What is shared in a session.

    Attributes:
        position: of the log, as of which it is so.
        values: by agent and key, in that order.
    """

    session_id: UUID
    position: int
    values: tuple[SharedValueView, ...]

    @property
    def merged(self) -> dict[str, dict[str, JsonValue]]:
        """All values, by agent and key."""
        merged: dict[str, dict[str, JsonValue]] = {}
        for each in self.values:
            merged.setdefault(each.agent, {})[each.key] = each.value
        return merged

    def of(self, agent: str) -> dict[str, JsonValue]:
        """One agent's values, by key."""
        return self.merged.get(agent, {})

    def rendered(self, length: int = RENDERED_LENGTH) -> str:
        """Say it for a prompt: a line for each value, cut where there is no room for more.

        What models wrote is untrusted; it is quoted as JSON, so that no value can pretend to be
        another line.
        """
        lines: list[str] = []
        left = length
        for number, each in enumerate(self.values):
            line = f"{each.agent} {each.key}: {json.dumps(each.value, ensure_ascii=False)}"
            if len(line) + 1 > left:
                lines.append(f"({len(self.values) - number} more)")
                break
            lines.append(line)
            left -= len(line) + 1
        return "\n".join(lines)


class SharedWriteView(Value):
    """Something that was shared.

    Attributes:
        position: where it was recorded.
        repeated: whether it had been recorded before, for the same effect.
    """

    session_id: UUID
    agent: str
    key: str
    position: int
    repeated: bool = False


class SharedMergeView(Value):
    """A shared context that took over another one.

    Attributes:
        position: where it was recorded; None when there was nothing new.
        changed: what is shared in another way than before.
    """

    session_id: UUID
    from_session_id: UUID
    position: int | None
    changed: tuple[SharedValueView, ...]
