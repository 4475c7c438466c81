"""The session list tells what was asked, how it ended and what it took, at any position."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.session import SessionStatus
from projections.session_list import SessionSummaryView, list_sessions
from tests.support.histories import CHAIN
from tests.support.read_side import ReadSide


def only_session(read_side: ReadSide, at: int | None = None) -> SessionSummaryView:
    with read_side.read_models.reading() as connection:
        (found,) = list_sessions(connection, at=at).items
    return found


def test_a_session_shows_its_request_its_end_and_what_it_took(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session("Report on Q4")
    read_side.runner().catch_up()
    found = only_session(read_side)
    assert found.session_id == told.session_id
    assert found.request == "Report on Q4"
    assert found.status is SessionStatus.COMPLETED
    assert found.answer == "Report"
    assert found.agents == tuple(sorted(("MM_001", "DIR_FINANCE", "FIN_007")))
    assert (found.tasks, found.model_calls, found.tool_calls) == (1, 1, 1)
    assert (found.input_tokens, found.output_tokens) == (105, 20)
    assert found.cost_usd == Decimal("0.0125")
    assert found.ended_at is not None
    assert found.opened_at <= found.ended_at
    assert set(found.agents) <= set(CHAIN)


def test_a_session_is_shown_as_it_stood_at_a_position(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    told.call_model(task)
    before = read_side.log.last_position()
    told.call_model(task)
    told.end("cancel", "Stop it.")
    read_side.runner().catch_up()
    then, now = only_session(read_side, at=before), only_session(read_side)
    assert (then.status, then.model_calls, then.ended_at) == (SessionStatus.RUNNING, 1, None)
    assert (now.status, now.model_calls, now.answer) == (SessionStatus.CANCELLED, 2, "Stop it.")


def test_a_session_without_prices_has_no_cost_rather_than_none_to_pay(read_side: ReadSide) -> None:
    told = read_side.open_session()
    task = told.create_task()
    told.answer_model(task, told.call_model(task), cost_usd=None)
    read_side.runner().catch_up()
    assert only_session(read_side).cost_usd is None


def test_sessions_come_newest_first_and_page_by_page(read_side: ReadSide) -> None:
    told = [read_side.open_session(f"Request {number}").session_id for number in range(7)]
    read_side.runner().catch_up()
    found, before = [], None
    with read_side.read_models.reading() as connection:
        while True:
            page = list_sessions(connection, before=before, limit=3)
            found.append([session.session_id for session in page.items])
            if page.next is None:
                break
            before = page.next
    newest_first = told[::-1]
    assert found == [newest_first[:3], newest_first[3:6], newest_first[6:]]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("complete", SessionStatus.COMPLETED),
        ("decline", SessionStatus.DECLINED),
        ("fail", SessionStatus.FAILED),
        ("cancel", SessionStatus.CANCELLED),
    ],
)
def test_sessions_can_be_asked_for_by_how_they_stand(
    read_side: ReadSide, how: str, status: SessionStatus
) -> None:
    running = read_side.open_session()
    ended = read_side.open_session()
    ended.end(how)
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        (found,) = list_sessions(connection, status=status).items
        (still_running,) = list_sessions(connection, status=SessionStatus.RUNNING).items
    assert (found.session_id, found.status) == (ended.session_id, status)
    assert still_running.session_id == running.session_id


def test_an_empty_list_says_that_it_holds_nothing_yet(read_side: ReadSide) -> None:
    with read_side.read_models.reading() as connection:
        page = list_sessions(connection)
    assert (page.position, page.items, page.next) == (0, (), None)


def test_an_answer_says_the_position_it_was_computed_at(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    last = read_side.log.last_position()
    read_side.runner().catch_up(until=5)
    with read_side.read_models.reading() as connection:
        assert list_sessions(connection).position == 5
        assert list_sessions(connection, at=3).position == 3
        assert list_sessions(connection, at=last).position == 5


def found_by(read_side: ReadSide, text: str, at: int | None = None) -> list[str]:
    with read_side.read_models.reading() as connection:
        return [view.request for view in list_sessions(connection, text=text, at=at).items]


def test_sessions_are_found_by_words_of_request_and_answer(read_side: ReadSide) -> None:
    for request, answer in (
        ("Report on apples", "# Fruit\n\nApples sold well in the north."),
        ("Report on pears", "# Fruit\n\nPears did not sell."),
        ("Forecast apples", "Nothing can be said."),
    ):
        read_side.open_session(request).end("complete", answer)
    failed = read_side.open_session("Chart of plums")
    failed.end("fail", "It got as far as the quarter of plums.")
    read_side.runner().catch_up()

    assert found_by(read_side, "APPLES") == ["Forecast apples", "Report on apples"]
    assert found_by(read_side, "apples north") == ["Report on apples"]
    assert found_by(read_side, "report sell") == ["Report on pears"]
    assert found_by(read_side, "quarter luck") == ["Chart of plums"]  # why it failed counts too
    assert found_by(read_side, "apples pears") == []
    assert found_by(read_side, "%'; --") == []
    assert found_by(read_side, "\x00") == []


def test_an_answer_is_not_found_before_it_was_given(read_side: ReadSide) -> None:
    told = read_side.open_session("Report on apples")
    before = read_side.log.last_position()
    told.end("complete", "They sold in the north.")
    read_side.runner().catch_up()

    assert found_by(read_side, "north") == ["Report on apples"]
    assert found_by(read_side, "north", at=before) == []
    assert found_by(read_side, "apples", at=before) == ["Report on apples"]


def test_sessions_opened_after_a_position_can_be_asked_for(read_side: ReadSide) -> None:
    read_side.open_session("First")
    between = read_side.log.last_position()
    second = read_side.open_session("Second")
    read_side.runner().catch_up()

    with read_side.read_models.reading() as connection:
        (found,) = list_sessions(connection, after=between).items
    assert found.session_id == second.session_id


def test_a_session_completed_without_a_word_is_listed(read_side: ReadSide) -> None:
    read_side.open_session().end("complete", "")
    statuses = read_side.runner().catch_up()

    assert not any(status.stopped for status in statuses)
    assert only_session(read_side).answer == ""
