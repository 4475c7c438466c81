"""What-ifs on scripted ports: a session that was run, and what is asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from application.errors import ConflictError, EffectError
from application.ports import ModelRequest
from application.what_if import Change, Choices, WhatIfs, WhatIfView
from domain.artefact import Artefact
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.event import RecordedEvent
from tests.support.office import Q4_PLAN, Q4_SCRIPT, Office
from tests.support.scripted import (
    Replies,
    ScriptedModel,
    answer,
    call,
    propose,
    submit,
    use,
)

BUSY = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
EVENTFUL: dict[str, Replies] = {
    "decompose": [answer(text="I would rather talk."), [BUSY, propose(Q4_PLAN)]],
    "metrics": [
        answer(
            call("query_table", "a", sql="1"),
            call("query_table", "b", sql="2"),
            call("write_document", "c", title="no right"),
        ),
        [BUSY, BUSY, submit("Revenue is 60.", revenue=60)],
    ],
    "charts": [use("draw_chart", title="By month"), answer(), submit("Drawn.")],
}
"""A repaired plan, failures that pass, tools at once, one of them not allowed, a repair."""

LATER: dict[str, Replies] = {
    **Q4_SCRIPT,
    "report": [submit("# Q4\n\nRevenue is 61.")],
    "present": [answer(text="Here is your report: revenue is 61.")],
}
"""What models answer once the revenue is another."""


@dataclass
class KeptFiles:
    """Files that are all there as they were, but for some.

    Attributes:
        lost: paths of those that are not.
        copied: paths of those that were copied, in order.
    """

    lost: set[str] = field(default_factory=set)
    copied: list[str] = field(default_factory=list)

    def copy(
        self, artefacts: Sequence[Artefact], _source: Path, target: Path | None
    ) -> tuple[str, ...]:
        """Copy files; see the port."""
        paths = [artefact.path for artefact in artefacts]
        if target is not None:
            self.copied += [path for path in paths if path not in self.lost]
        return tuple(path for path in paths if path in self.lost)


class SilentModel:
    """A model that nobody may ask."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Refuse, and remember that it was asked."""
        self.requests.append(request)
        message = "Nobody may ask."
        raise EffectError(Failure(kind=FailureKind.REFUSED, message=message))


@dataclass
class Questioner:
    """Asks what if, in an office whose session was run."""

    office: Office
    files: KeptFiles = field(default_factory=KeptFiles)
    model: Any = field(default_factory=SilentModel)

    @property
    def what_ifs(self) -> WhatIfs:
        """The use cases, with a model of their own."""
        sessions = replace(self.office.sessions, model=self.model)
        return WhatIfs(sessions, self.files, lambda each: Path("/out") / str(each), check_subject)

    def ask(self, session_id: UUID, change: Change, **choices: Any) -> WhatIfView:
        """Ask, and run the fork."""
        return asyncio.run(
            self.what_ifs.ask(session_id, change, Choices(**choices), self.office.heard.append)
        )


def check_subject(subject: str) -> None:
    """Know of one subject who was forgotten."""
    if subject == "forgotten":
        message = "The subject 'forgotten' was forgotten."
        raise ConflictError(message)


def questioner(it: Office, script: Any = None) -> Questioner:
    """Ask in an office; the models of what-ifs follow the script, or may not be asked."""
    return Questioner(it, model=SilentModel() if script is None else ScriptedModel(script))


def position_of(it: Office, type_: str, number: int = 0) -> int:
    """Tell where the n-th event of a type stands."""
    events: list[RecordedEvent] = it.events(type_)
    return events[number].position
