"""What-ifs on a real database, with the real tools and the offline model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hansard
from application.errors import BadRequestError
from application.what_if import (
    AnswerChange,
    CapabilitiesChange,
    ModelChange,
    PolicyChange,
    PromptChange,
    WhatIfView,
)
from domain.event import RecordedEvent
from domain.session import SessionStatus
from tests.support.command import LEDGER, REQUEST
from tests.support.processes import guided

IRRELEVANT = PolicyChange(field="max_wait_s", value=60)


@pytest.fixture
def h(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


def files_of(view: Any) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(view.output_folder).iterdir()}


def test_the_main_job_is_served_whole_with_its_files(h: hansard.Hansard) -> None:
    parent = h.run(REQUEST, [LEDGER])

    tried = h.what_if(parent.session_id, IRRELEVANT, dry_run=True)
    made = h.what_if(parent.session_id, IRRELEVANT)

    for view in (tried, made):
        assert view.divergence is None
        assert view.served == view.could_serve
        assert view.served.tool_calls > 10
        assert (view.spent.model_calls, view.spent.tool_calls) == (0, 0)
        assert view.same_answer
    assert files_of(made) == files_of(parent)
    assert made.output_folder != parent.output_folder
    folders = {path.name for path in Path(parent.output_folder).parent.iterdir()}
    assert folders == {str(parent.session_id), str(made.session_id)}


def test_a_file_that_changed_is_made_again(h: hansard.Hansard) -> None:
    parent = h.run(REQUEST, [LEDGER])
    before = files_of(parent)
    (Path(parent.output_folder) / "report.md").write_text("Somebody was here.")

    view = h.what_if(parent.session_id, IRRELEVANT)

    assert (view.repeated.tool_calls, view.repeated.model_calls) == (1, 0)
    assert view.divergence is None
    assert files_of(view) == before


def test_what_ifs_count_nowhere_and_can_be_shown(h: hansard.Hansard) -> None:
    parent = h.run(REQUEST, [LEDGER])
    lists = (
        h.sessions,
        h.stats,
        h.orchestrator,
        lambda: h.usage("model"),
        h.turns,
        h.audit,
        lambda: h.similar("financial report"),
    )
    before = [_figures(ask()) for ask in lists]

    change = CapabilitiesChange(agent="ANA_003", remove_tools=("query_table",))
    view = h.what_if(parent.session_id, change, reason="Does it need SQL?")

    assert [_figures(ask()) for ask in lists] == before
    assert view.session_id is not None
    shown = h.session(view.session_id)
    assert shown.status is view.fork.status is SessionStatus.FAILED
    assert h.lineage(view.session_id).what_if
    assert [fork.reason for fork in h.lineage(parent.session_id).forks] == ["Does it need SQL?"]
    assert h.unfinished() == []
    assert h.session(parent.session_id) == parent


def _figures(page: Any) -> Any:
    return page.model_dump(exclude={"position", "lag", "similar_in_ms", "took_ms"})


def test_one_answer_changes_what_comes_after_it_and_nothing_before(h: hansard.Hansard) -> None:
    heard: list[RecordedEvent] = []
    parent = h.run("What is 6 * 7?", on_event=heard.append)
    tool = next(each for each in heard if each.type == "task.tool_answered")
    change = AnswerChange(at=str(tool.envelope.event_id), answer={"content": {"text": "43"}})

    view = h.what_if(parent.session_id, change)

    assert view.divergence is not None
    assert (view.divergence.kind, view.divergence.position) == ("answer", tool.position)
    assert view.origin.position < tool.position
    assert view.given.tool_calls == 1
    assert "43" in view.fork.answer
    assert not view.same_answer
    assert view.session_id is not None
    assert h.verify_replay(view.session_id).is_verified


def test_a_stopped_what_if_is_resumed_from_the_record(h: hansard.Hansard) -> None:
    parent = h.run(REQUEST, [LEDGER])
    change = PromptChange(agent="FIN_007", description="An accountant of the old school.")

    view = h.what_if(parent.session_id, change, no_live=True)

    assert view.stopped
    assert view.session_id is not None
    heard: list[RecordedEvent] = []
    ended = h.resume(view.session_id, on_event=heard.append)
    assert ended.status is SessionStatus.COMPLETED
    assert ended.answer == parent.answer
    assert _work_of(parent) == _work_of(ended)


def _work_of(view: Any) -> Any:
    return [(task.key, task.model_calls, task.tool_calls) for task in view.tasks]


def test_models_that_cannot_be_asked_are_refused_before_anything_is_made(
    h: hansard.Hansard,
) -> None:
    parent = h.run("What is 6 * 7?")

    with pytest.raises(BadRequestError, match="No model 'gpt-x' is known"):
        h.what_if(parent.session_id, ModelChange(role="personal", model="gpt-x"))
    with pytest.raises(BadRequestError, match="needs a key"):
        h.what_if(parent.session_id, ModelChange(role="personal", model="claude-x"))
    with pytest.raises(BadRequestError, match="choose one"):
        h.what_if(parent.session_id, IRRELEVANT, offline=True, no_live=True)
    assert h.lineage(parent.session_id).forks == ()

    view = h.what_if(
        parent.session_id, ModelChange(role="personal", model="claude-x"), offline=True
    )
    assert view.fork.status is SessionStatus.COMPLETED
    assert view.spent.model_calls == 2


KILLED = """
import sys
import hansard
from application.what_if import PolicyChange

url, out, session, count = sys.argv[1:]
heard = 0

def tell(recorded):
    global heard
    heard += 1
    if heard == int(count):
        print("there", flush=True)
        sys.stdin.readline()

with hansard.open(database_url=url, output_root=out) as h:
    h.what_if(session, PolicyChange(field="max_wait_s", value=60), on_event=tell)
"""


@pytest.mark.parametrize("count", [1, 40])
def test_a_killed_what_if_is_finished_from_the_record(
    h: hansard.Hansard, database_url: str, tmp_path: Path, count: int
) -> None:
    parent = h.run(REQUEST, [LEDGER])
    arguments = (database_url, str(tmp_path / "out"), str(parent.session_id), str(count))
    with guided(KILLED, *arguments) as process:
        assert process.heard() == "there"
        process.kill()
    (fork,) = h.lineage(parent.session_id).forks

    ended = h.resume(fork.session_id)

    assert fork.what_if
    assert ended.status is SessionStatus.COMPLETED
    assert ended.answer == parent.answer
    assert files_of(ended) == files_of(parent)
    assert _work_of(ended) == _work_of(parent)
    assert h.unfinished() == []


def test_documents_of_what_ifs_are_read_back(h: hansard.Hansard) -> None:
    parent = h.run("What is 6 * 7?")

    view = h.what_if(parent.session_id, IRRELEVANT, dry_run=True)

    assert WhatIfView.model_validate_json(view.model_dump_json()) == view
