"""The packaged workflows run with the offline model and the real tools."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from application.fold import SessionFold
from domain.session import Charter, SessionStatus
from domain.workflow_inputs import bind
from infrastructure.intake import take_in
from infrastructure.models.offline import OfflineModel
from infrastructure.sharing.toolbox import SharingToolbox
from infrastructure.tools.toolbox import LocalToolbox
from infrastructure.workflows import load_workflow, packaged_workflows
from tests.support.office import IMPATIENT, Office, staffed_log
from tests.support.pattern_stories import surroundings
from tests.support.replaying import verified
from tests.support.sharing import sharing_on

LEDGER = Path(__file__).parents[4] / "examples" / "q4" / "ledger.csv"


@pytest.fixture(scope="module")
def toolbox() -> Iterator[LocalToolbox]:
    made = LocalToolbox(None, 1_000_000)
    yield made
    made.close()


def run(name: str, toolbox: LocalToolbox, folder: Path) -> tuple[Office, SessionFold]:
    workflow = bind(load_workflow(packaged_workflows()[name], surroundings()), {})
    log = staffed_log()
    tools: Any = SharingToolbox(toolbox, sharing_on(log))
    it = Office(model=OfflineModel(), toolbox=tools, log=log)  # type: ignore[arg-type]  # the real ones
    charter = Charter(
        request=workflow.goal or "",
        input_files=take_in([LEDGER]),
        output_folder=str(folder),
        models={"personal": "offline", "orchestrator": "offline", "specialist": "offline"},
        policy=IMPATIENT,
        workflow=workflow,
    )
    fold = asyncio.run(it.sessions.run(charter, it.heard.append))
    assert verified(it.log, fold.session_id).differences == ()
    return it, fold


@pytest.mark.parametrize("name", ["chain", "master_worker"])
def test_a_report_is_made_whatever_the_pattern(
    name: str, toolbox: LocalToolbox, tmp_path: Path
) -> None:
    _, fold = run(name, toolbox, tmp_path)
    assert fold.session.status is SessionStatus.COMPLETED, fold.session.answer
    assert {"report.md", "report.html"} <= {each.path for each in fold.session.artefacts}
    assert "314,190.51" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_tools_alone_compute_side_by_side(toolbox: LocalToolbox, tmp_path: Path) -> None:
    it, fold = run("parallel", toolbox, tmp_path)
    assert "110408.08" in fold.session.answer
    assert it.events("task.model_called") == []
    assert len({task.holder for task in fold.tasks[1:]}) == 3


def test_a_quorum_of_voters_agrees(toolbox: LocalToolbox, tmp_path: Path) -> None:
    it, fold = run("consensus", toolbox, tmp_path)
    assert fold.session.answer.startswith("south")
    (tallied,) = it.events("task.tallied")
    event: Any = tallied.event
    assert (event.tally.outcome, event.tally.required) == ("south", 3)


def test_a_question_is_handed_to_whoever_knows_figures(
    toolbox: LocalToolbox, tmp_path: Path
) -> None:
    it, fold = run("handoff", toolbox, tmp_path)
    assert fold.session.status is SessionStatus.COMPLETED, fold.session.answer
    assert len(it.events("task.handoff_accepted")) == 1
    assert fold.tasks[1].holder == "ANA_006"
