"""Workflows from Python, on a real database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import hansard
from application.errors import BadRequestError
from domain.session import SessionStatus
from hansard import patterns as p

GROWTH = p.workflow(
    "growth",
    p.chain(
        p.task(
            "year",
            "Compute a year.",
            agent="ANA_003",
            tool="evaluate_expression",
            arguments={"expression": "{{input.amount}} * 2"},
        ),
        p.task(
            "decade",
            "Compute ten.",
            agent="ANA_003",
            tool="evaluate_expression",
            arguments={"expression": "{{year.data.value}} * 10"},
        ),
    ),
    inputs={"amount": None},
)


def test_a_workflow_runs_from_ordinary_and_from_asynchronous_programs(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"database_url": database_url, "output_root": tmp_path / "out"}
    with hansard.open(**settings) as h:
        view = h.run_workflow(GROWTH, "How much?", values={"amount": 3})
        same = h.run("How much?", workflow=GROWTH, values={"amount": 3})
        assert h.check_workflow("chain").name == "chain"
        with pytest.raises(BadRequestError, match="has no goal of its own"):
            h.run_workflow(GROWTH, values={"amount": 3})
        with pytest.raises(BadRequestError, match="needs a value for 'amount'"):
            h.run_workflow(GROWTH, "How much?")
        stranger = p.workflow("s", p.chain(p.task("a", "Do.", agent="NOBODY_1")))
        with pytest.raises(BadRequestError, match="unknown agent 'NOBODY_1'"):
            h.run_workflow(stranger, "Go")

    async def run() -> None:
        async with await hansard.open_async(**settings) as again:
            seen = await again.session(view.session_id)
            assert seen == view
            bound = await again.bind_workflow(GROWTH, {"amount": 4})
            assert (await again.run_workflow(bound, "And 4?")).status is SessionStatus.COMPLETED

    assert view.status is same.status is SessionStatus.COMPLETED
    assert view.tasks[0].result is not None
    assert view.tasks[0].result.data["value"] == 60
    asyncio.run(run())
