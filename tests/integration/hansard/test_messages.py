"""Messages and shared contexts by the Python API, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import JsonValue

import hansard
from application.errors import BadRequestError, EffectError, NotFoundError
from application.messaging.errors import NoReplyError
from application.ports import ToolRequest, Workspace
from domain.effect import ToolCall
from domain.message import DeadReason, MessageStatus, MessageType

NOVA, MASTERMIND = "NOVA_001", "MM_001"


@pytest.fixture
def h(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


def test_agents_of_the_organisation_send_each_other_messages(h: hansard.Hansard) -> None:
    sent = h.send_message(NOVA, "Hello", priority="urgent", time_to_live_s=60)
    nowhere = h.send_message("NOBODY", {"a": 1})

    assert (sent.dead, nowhere.dead) == (None, DeadReason.UNKNOWN_RECIPIENT)
    got = h.receive_message(NOVA, timeout_s=5)
    assert got is not None
    assert (got.message_id, got.content) == (sent.message_id, {"text": "Hello"})
    assert h.message(sent.message_id).status is MessageStatus.DELIVERED
    assert h.message(sent.message_id, at=sent.position).status is MessageStatus.WAITING
    [dead] = h.dead_letters().items
    assert dead.message_id == nowhere.message_id
    assert [row.agent for row in h.message_queues().items] == ["NOBODY", NOVA]
    [row] = h.message_deliveries().items
    assert (row.sent, row.delivered, row.dead, row.waiting) == (2, 1, 1, 0)
    with pytest.raises(BadRequestError, match="time_to_live_s -1"):
        h.send_message(NOVA, "x", time_to_live_s=-1)
    with pytest.raises(NotFoundError):
        h.message("00000000-0000-0000-0000-000000000001")


def test_topics_and_calls_are_there_for_ordinary_programs(h: hansard.Hansard) -> None:
    h.subscribe(NOVA, "finance.#")
    made = h.publish("finance.q4", "It is done.", from_agent=MASTERMIND)
    got = h.receive_message(NOVA, timeout_s=5)

    assert made.subscribers == (NOVA,)
    assert got is not None
    assert got.topic == "finance.q4"
    assert [(each.agent, each.pattern) for each in h.subscriptions()] == [(NOVA, "finance.#")]
    assert h.reply_to_message(got, "Thanks", type=MessageType.TEXT).dead is None
    with pytest.raises(NoReplyError):
        h.ask_agent(NOVA, "Are you there?", timeout_s=0.01)


def test_what_is_shared_in_a_session_is_kept_merged_and_forgotten_with_its_subject(
    h: hansard.Hansard,
) -> None:
    """B19, C4: on a real session, a fork of it, and a person who is forgotten."""
    session = h.run("What is 2 + 2?", subject="customer-42")
    first = h.share(session.session_id, "note", "secret words", agent=MASTERMIND)
    fork = h.fork(session.session_id, first.position, reason="to see")
    assert fork.session_id is not None
    h.share(fork.session_id, "total", 4)
    merged = h.merge_shared_context(session.session_id, fork.session_id)
    message = h.send_message(NOVA, "more secret words", session=session.session_id)

    assert [(each.agent, each.key) for each in merged.changed] == [("USER", "total")]
    assert h.shared_context(session.session_id, at=first.position).merged == {
        MASTERMIND: {"note": "secret words"}
    }
    h.forget("customer-42", reason="asked for it")
    assert h.shared_context(session.session_id).values == ()
    assert h.message(message.message_id).message.content != {"text": "more secret words"}


def test_an_agent_shares_by_a_tool_and_a_repeated_effect_shares_once(
    h: hansard.Hansard, tmp_path: Path
) -> None:
    session = h.run("What is 2 + 2?")
    toolbox = h._inner._house.sessions.toolbox
    workspace = Workspace(session.session_id, (), tmp_path)

    def request(tool: str, **arguments: JsonValue) -> ToolRequest:
        call = ToolCall(call_id="1", tool=tool, arguments=arguments)
        return ToolRequest(UUID(int=9), MASTERMIND, call, workspace, 10.0)

    share = request("share_value", key="total", value={"eur": 4})
    answers = [asyncio.run(toolbox.use(share)) for _ in range(2)]
    read = asyncio.run(toolbox.use(request("read_shared_values")))

    assert answers[0].content == answers[1].content
    assert read.content == {"values": {MASTERMIND: {"total": {"eur": 4}}}}
    assert {"share_value", "read_shared_values"} <= toolbox.names
    assert [brief.name for brief in toolbox.briefs({"share_value", "list_files"})] == [
        "list_files",
        "share_value",
    ]
    with pytest.raises(EffectError, match="key"):
        asyncio.run(toolbox.use(request("share_value", value=1)))
