"""Means: the model and the tools that a session is run with, and how it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from application.errors import ApplicationError
from application.fold import SessionFold
from application.ports import Model, Toolbox


class NobodyAskedError(ApplicationError):
    """Nobody may be asked: the effect stays pending."""


async def wait(_effect_id: UUID, seconds: float) -> None:
    """Let time pass before an effect is tried again."""
    await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Means:
    """What a session is run with.

    Attributes:
        wait: lets time pass, in seconds, before an effect is tried again.
    """

    model: Model
    toolbox: Toolbox
    wait: Callable[[UUID, float], Awaitable[None]] = wait


ChooseMeans = Callable[[SessionFold, Means], Means]
"""Chooses what a session is run with: given the session and the ordinary means."""
