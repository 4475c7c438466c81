"""Gate: once it is closed nothing new begins, and what waits need not wait longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast
from uuid import UUID

import pytest

from application.orchestration.means import Means, NobodyAskedError
from application.working.gate import Gate
from tests.support.scripted import ScriptedModel, ScriptedToolbox, answer

EFFECT = UUID(int=1)


def gate_before() -> tuple[Gate, Means]:
    gate = Gate()
    model = ScriptedModel({"interpret": [answer(text="yes")]})
    return gate, gate.before(Means(model, ScriptedToolbox()))


async def begin(effect: Awaitable[object]) -> None:
    await effect


def test_an_open_gate_lets_everything_through() -> None:
    _, means = gate_before()
    assert means.toolbox.names == ScriptedToolbox().names
    assert means.toolbox.briefs(["read_file"]) == ScriptedToolbox().briefs(["read_file"])
    asyncio.run(begin(means.wait(EFFECT, 0)))


def test_a_closed_gate_lets_nothing_begin() -> None:
    gate, means = gate_before()
    gate.close()
    assert gate.is_closed
    nothing = cast("Any", None)

    for effect in (means.model.answer(nothing), means.toolbox.use(nothing), means.wait(EFFECT, 60)):
        with pytest.raises(NobodyAskedError):
            asyncio.run(begin(effect))


def test_closing_ends_a_wait() -> None:
    gate, means = gate_before()

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(gate.close)
        await means.wait(EFFECT, 60)

    with pytest.raises(NobodyAskedError):
        asyncio.run(wait())
