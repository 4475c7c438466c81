"""Looking back: sessions, views of past moments, decisions with their reasons, and figures."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from application.auditing.views import ExplainedDecisionView, LinkView, WhyView
from application.views import AgentView, SessionView, TaskView
from domain.value import Value
from projections.agent_statistics import AgentStatisticsView
from projections.delegation_audit import DelegationView
from projections.session_list import SessionSummaryView
from tests.acceptance.conftest import MainJob

Link = dict[str, Any]


@pytest.fixture(scope="module")
def chains(main_job: MainJob) -> dict[str, list[Link]]:
    """The chain of events of every task of the main job, by its key."""
    return {
        task["key"]: main_job.hansard.document("why", task["task_id"])["chain"]
        for task in main_job.view["tasks"]
    }


def link(chain: list[Link], kind: str) -> Link:
    return next(link for link in chain if link["type"] == kind)


def count(chain: list[Link], kind: str, until: int) -> int:
    return sum(link["type"] == kind and link["position"] <= until for link in chain)


def has_fields(document: dict[str, Any], kind: type[Value]) -> bool:
    optional = {name for name, field in kind.model_fields.items() if field.exclude_if is not None}
    return document.keys() | optional == kind.model_fields.keys()


def test_the_newest_session_comes_first_in_the_list(main_job: MainJob) -> None:
    page = main_job.hansard.document("sessions")

    newest, oldest = page["items"]
    assert page["next"] is None
    assert has_fields(newest, SessionSummaryView)
    assert (newest["session_id"], newest["status"]) == (main_job.session, "completed")
    assert oldest["session_id"] == main_job.earlier["session_id"]
    assert newest["tasks"] == 4
    assert {"FIN_007", "ANA_003", "ANA_007"} < set(newest["agents"])


def test_a_long_list_comes_in_pages(main_job: MainJob) -> None:
    first = main_job.hansard.document("sessions", "--limit", "1")
    second = main_job.hansard.document("sessions", "--limit", "1", "--before", str(first["next"]))

    ids = [page["items"][0]["session_id"] for page in (first, second)]
    assert ids == [main_job.session, main_job.earlier["session_id"]]
    assert second["next"] is None


def test_a_session_is_shown_as_it_ended(main_job: MainJob) -> None:
    shown = main_job.hansard.document("show", main_job.session)

    assert has_fields(shown, SessionView)
    assert all(has_fields(task, TaskView) for task in shown["tasks"])
    assert shown == main_job.view
    assert main_job.hansard.document("show") == shown


def test_a_past_moment_has_only_what_had_happened(
    main_job: MainJob, chains: dict[str, list[Link]]
) -> None:
    moment = link(chains["extract"], "task.completed")["position"]

    view = main_job.hansard.document("show", "--at", str(moment))

    tasks = {task["key"]: task for task in view["tasks"]}
    assert (view["status"], view["answer"]) == ("running", "")
    assert [turn["speaker"] for turn in view["turns"]] == ["USER"]
    assert tasks["extract"]["result"] == main_job.task("extract")["result"]
    for key in ("metrics", "charts", "report"):
        assert tasks[key]["status"] != "completed"
        assert tasks[key]["result"] is None
    assert view["artefacts"] == tasks["extract"]["result"]["artefacts"]
    for key, task in tasks.items():
        assert task["model_calls"] == count(chains[key], "task.model_answered", moment)
        assert task["tool_calls"] == count(chains[key], "task.tool_answered", moment)


def test_a_moment_means_the_same_as_position_as_event_and_as_time(
    main_job: MainJob, chains: dict[str, list[Link]]
) -> None:
    decomposed = link(chains["request"], "task.decomposed")
    links = [link for chain in chains.values() for link in chain]
    time = datetime.fromisoformat(decomposed["recorded_at"])

    by_position = main_job.hansard.document("show", "--at", str(decomposed["position"]))
    by_event = main_job.hansard.document("show", "--at", decomposed["event_id"])
    by_time = main_job.hansard.document("show", "--at", decomposed["recorded_at"])

    assert by_event == by_position
    assert by_position["position"] == decomposed["position"]
    for other in links:
        happened = datetime.fromisoformat(other["recorded_at"]) <= time
        assert happened == (other["position"] <= by_time["position"])


def test_the_same_moment_always_has_the_same_state_hash(
    main_job: MainJob, chains: dict[str, list[Link]]
) -> None:
    moments = [str(link(chains["report"], kind)["position"]) for kind in TURNING_POINTS]
    hashes = [
        main_job.hansard.document("show", "--at", moment)["state_hash"]
        for moment in (*moments, *moments)
    ]

    assert hashes[: len(moments)] == hashes[len(moments) :]
    assert len({*hashes, main_job.view["state_hash"]}) == len(moments) + 1


TURNING_POINTS = ("task.created", "task.completed")


def test_the_list_of_sessions_can_be_seen_as_it_was(
    main_job: MainJob, chains: dict[str, list[Link]]
) -> None:
    moment = str(link(chains["metrics"], "task.started")["position"])

    page = main_job.hansard.document("sessions", "--at", moment)

    assert [item["status"] for item in page["items"]] == ["running", "completed"]


def test_the_audit_lists_every_decision(main_job: MainJob) -> None:
    everything = main_job.hansard.document("audit")["items"]
    of_session = main_job.hansard.document("audit", main_job.session)["items"]

    assert all(has_fields(item, DelegationView) for item in everything)
    assert {item["session_id"] for item in everything} == {
        main_job.session,
        main_job.earlier["session_id"],
    }
    assert of_session == [item for item in everything if item["session_id"] == main_job.session]
    handed = {(item["task_key"], item["from_agent"], item["to_agent"]) for item in of_session}
    for task in main_job.view["tasks"]:
        for giver, taker in zip(task["path"], task["path"][1:], strict=False):
            assert (task["key"], giver, taker) in handed
    for item in of_session:
        assert item["to_agent"] in {candidate["handle"] for candidate in item["candidates"]}
        assert item["outcome"] == "completed"


def test_the_audit_can_be_narrowed_down(main_job: MainJob) -> None:
    everything = main_job.hansard.document("audit")["items"]
    middle = everything[len(everything) // 2]
    time = datetime.fromisoformat(middle["recorded_at"])

    for options, belongs in (
        (("--agent", "FIN_007"), lambda item: "FIN_007" in (item["from_agent"], item["to_agent"])),
        (("--department", "analytics"), lambda item: item["department"] == "analytics"),
        (("--strategy", middle["strategy"]), lambda item: item["strategy"] == middle["strategy"]),
        (("--outcome", "failed"), lambda item: item["outcome"] == "failed"),
        (
            ("--since", middle["recorded_at"]),
            lambda item: datetime.fromisoformat(item["recorded_at"]) >= time,
        ),
        (
            ("--until", middle["recorded_at"]),
            lambda item: datetime.fromisoformat(item["recorded_at"]) < time,
        ),
    ):
        narrowed = main_job.hansard.document("audit", *options)["items"]
        assert narrowed == [item for item in everything if belongs(item)], options


@pytest.mark.parametrize("key", ["request", "extract", "metrics", "charts", "report"])
def test_each_task_can_be_explained(main_job: MainJob, key: str) -> None:
    task = main_job.task(key)

    document = main_job.hansard.document("why", task["task_id"])

    assert has_fields(document, WhyView)
    assert document["task"] == {name: task[name] for name in task if name != "parallelism"}
    assert all(has_fields(view, ExplainedDecisionView) for view in document["decisions"])
    assert all(has_fields(link, LinkView) for link in document["chain"])
    assert [view["to_agent"] for view in document["decisions"]] == task["path"][1:]
    positions = [link["position"] for link in document["chain"]]
    assert positions == sorted(set(positions))
    assert document["chain"][0]["text"] == main_job.view["request"]
    assert document["chain"][-1]["type"] == "session.completed"


def test_each_decision_is_explained_by_its_candidates(main_job: MainJob) -> None:
    task = main_job.task("metrics")

    for view in main_job.hansard.document("why", task["task_id"])["decisions"]:
        decision = view["decision"]
        best = max(candidate["score"] for candidate in decision["candidates"])
        chosen = [c for c in decision["candidates"] if c["handle"] == decision["chosen"]]
        assert [candidate["score"] for candidate in chosen] == [best]
        assert decision["reason"]
        assert 0 <= decision["confidence"] <= 1
        assert decision["knowledge_position"] < view["position"]


def test_each_decision_is_explained_by_what_its_decider_knew(main_job: MainJob) -> None:
    task = main_job.task("metrics")

    for view in main_job.hansard.document("why", task["task_id"])["decisions"]:
        known = view["knowledge"]
        handles = {agent["handle"] for agent in known["agents"]}
        assert {candidate["handle"] for candidate in view["decision"]["candidates"]} <= handles
        assert known["organisation_position"] == view["decision"]["knowledge_position"]
        assert known["session_position"] < view["position"]
        assert known["intent"] == main_job.view["intent"]
        assert view["policy"] == main_job.view["policy"]
        assert (view["outcome"], view["own"]["tool_calls"]) == ("completed", task["tool_calls"])


def test_each_link_of_an_explanation_is_proven(main_job: MainJob) -> None:
    document = main_job.hansard.document("why", main_job.task("report")["task_id"])

    key = main_job.hansard.succeed("checkpoint-key").strip()
    for view in (*document["decisions"], *document["chain"]):
        proof = view["inclusion"]
        assert (proof["position"], proof["verified"]) == (view["position"], True)
        assert (proof["key"], proof["note"]) == (key, "")
    stages = [link["stage"] for link in document["chain"]]
    assert list(dict.fromkeys(stages)) == [
        *("request", "intent", "handover", "plan", "assignment", "delegation", "work"),
        *("result", "answer"),
    ]


def test_the_audit_is_exported_for_a_spreadsheet_for_programs_and_for_outsiders(
    main_job: MainJob, tmp_path: Path
) -> None:
    listed = main_job.hansard.document("audit", main_job.session)["items"]
    files = {name: tmp_path / f"decisions.{name}" for name in ("csv", "jsonl", "json")}

    written = {
        name: main_job.hansard.document("audit", main_job.session, "--export", str(file))
        for name, file in files.items()
    }

    assert {each["decisions"] for each in written.values()} == {len(listed)}
    with files["csv"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["decision_id"] for row in rows] == [item["decision_id"] for item in listed]
    lines = files["jsonl"].read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == listed
    bundle = files["json"]
    assert [each["decision"] for each in json.loads(bundle.read_text("utf-8"))["decisions"]] == (
        listed
    )
    check = [sys.executable, "-I", "-S", written["json"]["program"], str(bundle), "--key"]
    good = subprocess.run(
        [*check, written["json"]["key"]], capture_output=True, text=True, check=False
    )
    bundle.write_text(bundle.read_text("utf-8").replace("FIN_007", "FIN_008"), encoding="utf-8")
    bad = subprocess.run(
        [*check, written["json"]["key"]], capture_output=True, text=True, check=False
    )
    assert (good.returncode, bad.returncode) == (0, 7)
    assert good.stdout.startswith(f"PROVEN: {len(listed)} decisions")


def test_who_looked_at_the_audit_is_recorded(main_job: MainJob) -> None:
    looker = main_job.hansard.given(HANSARD_ACTOR="auditor-7")
    before = looker.document("audit", "--accesses", "--actor", "auditor-7")["items"]

    page = looker.document("audit", main_job.session, "--agent", "FIN_007")

    *earlier, look = looker.document("audit", "--accesses", "--actor", "auditor-7")["items"]
    assert earlier[: len(before)] == before
    assert look["access"]["session_id"] == main_job.session
    assert look["access"]["filters"]["agent"] == "FIN_007"
    assert look["access"]["decisions"] == len(page["items"])
    assert main_job.hansard.document("show", main_job.session) == main_job.view


def test_statistics_add_up_to_what_the_sessions_took(main_job: MainJob) -> None:
    page = main_job.hansard.document("stats")

    assert all(has_fields(item, AgentStatisticsView) for item in page["items"])
    tasks = [*main_job.view["tasks"], *main_job.earlier["tasks"]]
    for name in ("model_calls", "tool_calls"):
        assert sum(item[name] for item in page["items"]) == sum(task[name] for task in tasks)
    by_agent = {item["agent"]: item for item in page["items"]}
    assert by_agent["FIN_007"]["tasks_completed"] == 2
    assert by_agent["ANA_003"]["success_rate"] == 1


def test_statistics_of_one_agent(main_job: MainJob) -> None:
    (item,) = main_job.hansard.document("stats", "ANA_007")["items"]

    assert (item["agent"], item["tasks_completed"]) == ("ANA_007", 1)
    assert main_job.hansard.document("stats", "SUP_001")["items"] == []


def test_the_whole_organisation_is_listed(main_job: MainJob) -> None:
    agents = main_job.hansard.document("agents", "list")

    levels = [agent["level"] for agent in agents]
    assert all(has_fields(agent, AgentView) for agent in agents)
    assert {level: levels.count(level) for level in levels} == {
        "L-1": 1,
        "L0": 1,
        "L1": 14,
        "L2": 103,
    }
    assert len({agent["handle"] for agent in agents}) == len(agents)


def test_agents_can_be_searched_and_shown(main_job: MainJob) -> None:
    drawers = main_job.hansard.document(
        "agents", "list", "--skill", "charts", "--department", "analytics"
    )
    shown = main_job.hansard.document("agents", "show", "ANA_007")

    assert "ANA_007" in {agent["handle"] for agent in drawers}
    assert all("charts" in agent["skills"] for agent in drawers)
    assert shown in drawers
    assert shown["supervisor"] == "DIR_ANALYTICS"
    assert "draw_chart" in shown["tools"]
