"""The product team over the real SDK and real HTTP, with a stand-in for the models alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import hansard
from domain.session import SessionStatus
from tests.support.messages_api import KEY, MessagesApi, ProductTeamScript


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines what models wrote")
def test_models_in_four_roles_mend_what_failed_and_leave_ten_outputs(
    tmp_path: Path, database_url: str
) -> None:
    """E1, E2, E3: roles over the Messages API; failing tests go to the developer and back."""
    script = ProductTeamScript()
    with (
        MessagesApi(script) as api,
        hansard.open(
            database_url=database_url, anthropic_api_key=KEY, anthropic_base_url=api.base_url
        ) as house,
    ):
        view = house.run_workflow(
            "product-team", "A tool that says words in capital letters", output=tmp_path / "out"
        )
        verified = house.verify_replay(view.session_id)
    assert api.refusals == []
    assert view.failure is None
    assert view.status is SessionStatus.COMPLETED
    assert script.handoffs == ["PT_DEVELOPER", "PT_QUALITY"]
    report = next(task for task in view.tasks if task.key == "quality_report")
    assert report.path == ("PT_LEAD", "PT_QUALITY", "PT_DEVELOPER", "PT_QUALITY")
    assert len(view.artefacts) == 10
    assert "text.upper()" in (tmp_path / "out" / "product.py").read_text()
    assert "1 of 1 tests passed" in (tmp_path / "out" / "quality_report.md").read_text()
    assert verified.differences == ()
    asked = {received.body["model"] for received in api.requests}
    assert asked <= {"claude-haiku-5-5", "claude-sonnet-5-5"}
    systems = {received.body["system"][0]["text"] for received in api.requests}
    assert any("Product manager. Stay with what the requirement says" in text for text in systems)
