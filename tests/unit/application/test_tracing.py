"""Tracing: a session keeps its place in the caller's trace, from its first event to its last."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import BadRequestError
from application.tracing import EXAMPLE, check_traceparent
from tests.support.office import Office, charter, office

LATER = "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-may-come"
IDS = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    return st.text("0123456789abcdef", min_size=digits, max_size=digits)


@given(
    hexadecimal(32).filter(lambda it: int(it, 16)),
    hexadecimal(16).filter(lambda it: int(it, 16)),
    hexadecimal(2),
)
def test_any_ids_but_zero_are_taken(trace_id: str, parent_id: str, flags: str) -> None:
    traceparent = f"00-{trace_id}-{parent_id}-{flags}"

    assert check_traceparent(f" {traceparent}\n") == traceparent


def test_a_later_version_may_say_more() -> None:
    assert check_traceparent(LATER) == LATER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        EXAMPLE.upper(),
        EXAMPLE[:-1],
        EXAMPLE + "-",
        EXAMPLE + "-more",
        EXAMPLE.replace("-", "_"),
        "ff" + EXAMPLE[2:],
        f"00-{'0' * 32}-{IDS[1]}-01",
        f"00-{IDS[0]}-{'0' * 16}-01",
        f"00-{IDS[0][:-1]}-{IDS[1]}-01",
        f"00-{IDS[0]}-{IDS[1]}-0g",
        f"00-{IDS[0]}-{IDS[1]}-\u0660\u0661",
        LATER + "\n" + LATER,
        LATER + "x" * 300,
    ],
)
def test_what_is_no_traceparent_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadRequestError, match="none of W3C Trace Context") as caught:
        check_traceparent(text)

    assert repr(text) in str(caught.value)
    assert EXAMPLE in str(caught.value)


def traceparents(desk: Office) -> set[str | None]:
    return {recorded.envelope.traceparent for recorded in desk.events()}


def test_every_event_of_a_session_keeps_the_traceparent() -> None:
    desk = office()

    asyncio.run(desk.sessions.run(charter(), desk.heard.append, traceparent=EXAMPLE))

    assert traceparents(desk) == {EXAMPLE}
    assert desk.heard[-1].type == "session.completed"


def test_a_session_without_a_caller_that_traces_keeps_none() -> None:
    desk = office()

    desk.run()

    assert traceparents(desk) == {None}


@pytest.mark.parametrize("ending", ["resumed", "cancelled"])
def test_who_takes_a_session_up_goes_on_in_its_trace(ending: str) -> None:
    desk = office()
    session_id = desk.ids.new()

    async def be_lost() -> None:
        running = asyncio.ensure_future(
            desk.sessions.run(
                charter(), desk.heard.append, session_id=session_id, traceparent=EXAMPLE
            )
        )
        desk.model.when_asked["metrics"] = running.cancel
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(be_lost())
    desk.model.when_asked.clear()
    before = len(desk.events())
    if ending == "resumed":
        desk.resume(session_id)
    else:
        asyncio.run(desk.sessions.cancel(session_id, "Not needed.", desk.heard.append))

    assert len(desk.events()) > before
    assert traceparents(desk) == {EXAMPLE}


def test_only_the_first_event_of_a_session_has_no_cause_and_every_cause_came_before() -> None:
    desk = office()
    desk.resume(desk.interrupt("metrics"))

    positions: dict[object, int] = {}
    for recorded in desk.log.events:
        envelope = recorded.envelope
        first = recorded.type in {"session.opened", "organisation.founded"}
        assert (envelope.causation_id is None) == first, recorded
        assert first or envelope.causation_id in positions, recorded
        assert envelope.session_id in {None, envelope.correlation_id}
        positions[envelope.event_id] = recorded.position
