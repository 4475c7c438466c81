"""Replaying: the main job is gone through again, verified, and verified from its bundle alone."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.conftest import MainJob
from tests.support.command import Command


def test_every_decision_of_the_main_job_is_recomputed(main_job: MainJob) -> None:
    found = main_job.hansard.document("replay", main_job.session, "--verify")

    assert found["is_verified"] is True
    assert found["differences"] == []
    assert found["state_hash"] == main_job.view["state_hash"]
    assert found["decisions"] > found["inputs"] > 0
    assert (found["model_calls_made"], found["tool_calls_made"]) == (0, 0)


def test_the_main_job_is_verified_from_its_bundle_where_there_is_nothing_else(
    main_job: MainJob, program: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.json"
    main_job.hansard.succeed("export-proof", main_job.session, "--out", bundle)
    key = main_job.hansard.succeed("checkpoint-key").strip()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    found = Command(program, elsewhere, {}).document(
        "replay", "--verify", "--bundle", bundle, "--key", key
    )

    assert found["is_verified"] is True
    assert found["session_id"] == main_job.session
    assert found["key"] == key
    assert list(elsewhere.iterdir()) == []


def test_frames_go_into_a_pipe_line_by_line_and_a_terminal_sees_the_tree(main_job: MainJob) -> None:
    lines = main_job.hansard.succeed("replay", main_job.session).splitlines()
    screen = main_job.hansard.show("replay", main_job.session, "--speed", "max")

    assert " session.opened USER: " in lines[0]
    assert " session.completed " in lines[-1]
    assert screen.code == 0
    assert f"Event {len(lines)} of {len(lines)}" in screen.text
    for task in main_job.view["tasks"]:
        assert f"{task['key']} completed {task['holder']}" in screen.text
