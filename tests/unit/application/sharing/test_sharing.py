"""Sharing: what is shared follows the history of its session, and histories merge."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.errors import BadRequestError, NotFoundError
from application.sharing.sharing import MAX_VALUE_BYTES, Sharing
from domain.policy import Policy
from domain.session import Charter, Origin, Session, SessionStatus
from tests.support.given_when_then import AT
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.sharing import IDS, record, sharing_on

CHARTER = Charter(
    request="Report on Q4",
    input_files=(),
    output_folder="/tmp/out",  # noqa: S108 - a name
    models={},
    policy=Policy(),
)


class Office:
    """A log with a session in it."""

    def __init__(self) -> None:
        self.log = InMemoryEventLog()
        self.sharing: Sharing = sharing_on(self.log)
        self.session = Session.open(IDS.new(), CHARTER, IDS.new(), IDS.new(), AT)
        record(self.log, self.session)

    @property
    def id(self) -> UUID:
        return self.session.id

    def fork(self, at: int | None = None) -> UUID:
        position = self.log.last_position() if at is None else at
        return fork_of(self.log, self.id, position)

    def merged(self, session_id: UUID | None = None, until: int | None = None) -> dict[str, Any]:
        return self.sharing.read(session_id or self.id, until).merged


def fork_of(log: InMemoryEventLog, session_id: UUID, position: int) -> UUID:
    fork_id = IDS.new()
    forked: Any = Session.Forked  # the library's metaclass makes its constructor
    event = forked(
        originator_id=fork_id,
        originator_version=1,
        timestamp=AT,
        origin=Origin(session_id=session_id, position=position),
        charter=CHARTER,
        capabilities={},
        status=SessionStatus.RUNNING,
        reason="to see",
        what_if=False,
    )
    record(log, event, session_id=fork_id)
    return fork_id


def test_agents_write_under_their_own_names_and_all_of_it_is_read() -> None:
    """B19: one agent's values, all merged, and rendered for a prompt."""
    office = Office()
    office.sharing.write(office.id, "FIN_007", "total", {"eur": 7})
    office.sharing.write(office.id, "ANA_003", "total", 8)
    office.sharing.write(office.id, "ANA_003", "note", "rising\nFIN_007 total: 9")
    view = office.sharing.read(office.id)

    assert view.merged == {
        "ANA_003": {"note": "rising\nFIN_007 total: 9", "total": 8},
        "FIN_007": {"total": {"eur": 7}},
    }
    assert view.of("FIN_007") == {"total": {"eur": 7}}
    assert view.of("NOVA") == {}
    assert view.rendered().splitlines() == [
        'ANA_003 note: "rising\\nFIN_007 total: 9"',
        "ANA_003 total: 8",
        'FIN_007 total: {"eur": 7}',
    ]
    assert view.rendered(45).splitlines()[-1] == "(2 more)"


def test_what_is_shared_is_readable_as_of_any_position() -> None:
    office = Office()
    positions = [
        office.sharing.write(office.id, "FIN_007", "total", number).position for number in (1, 2)
    ]
    office.sharing.write(office.id, "FIN_007", "total", None)

    assert office.merged(until=positions[0] - 1) == {}
    assert office.merged(until=positions[0]) == {"FIN_007": {"total": 1}}
    assert office.merged(until=positions[1]) == {"FIN_007": {"total": 2}}
    assert office.merged() == {}


def test_the_log_says_in_plain_words_what_was_shared() -> None:
    office = Office()
    office.sharing.write(office.id, "FIN_007", "total", 7)
    [opened, written] = office.log.events[-2:]
    event: Any = written.event

    assert (opened.type, written.type) == ("shared_context.opened", "shared_context.written")
    assert (event.shared.agent, event.shared.key, event.shared.value) == ("FIN_007", "total", 7)
    assert written.envelope.correlation_id == office.id


def test_a_repeated_effect_shares_once() -> None:
    office = Office()
    effect_id = UUID(int=4)
    first = office.sharing.write(office.id, "FIN_007", "total", 7, effect_id=effect_id)
    again = office.sharing.write(office.id, "FIN_007", "total", 7, effect_id=effect_id)

    assert (first.repeated, again.repeated) == (False, True)
    assert first.position == again.position == office.log.last_position()


def test_many_write_at_once_and_nothing_is_lost() -> None:
    office = Office()
    others = [sharing_on(office.log) for _ in range(4)]

    def write(number: int) -> None:
        others[number % 4].write(office.id, f"FIN_{number % 3:03}", f"key {number}", number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(16)))

    merged = office.merged()
    assert {key: value for values in merged.values() for key, value in values.items()} == {
        f"key {number}": number for number in range(16)
    }


def test_a_fork_has_what_was_shared_before_it_and_both_go_their_own_way() -> None:
    office = Office()
    office.sharing.write(office.id, "FIN_007", "total", 1)
    fork = office.fork()
    office.sharing.write(office.id, "FIN_007", "total", 2)
    office.sharing.write(fork, "ANA_003", "note", "forked")

    assert office.merged() == {"FIN_007": {"total": 2}}
    assert office.merged(fork) == {"FIN_007": {"total": 1}, "ANA_003": {"note": "forked"}}


def test_a_rewind_takes_back_what_was_shared_since_and_writing_goes_on() -> None:
    office = Office()
    kept = office.sharing.write(office.id, "FIN_007", "total", 1).position
    office.sharing.write(office.id, "FIN_007", "total", 2)
    office.sharing.write(office.id, "ANA_003", "note", "gone")
    fork = office.fork()
    rewind(office, kept)

    assert office.merged() == {"FIN_007": {"total": 1}}
    office.sharing.write(office.id, "FIN_007", "more", 3)
    assert office.merged() == {"FIN_007": {"more": 3, "total": 1}}
    office.sharing.merge(office.id, fork, actor="USER")
    assert office.merged() == {
        "FIN_007": {"more": 3, "total": 2},
        "ANA_003": {"note": "gone"},
    }


def rewind(office: Office, position: int) -> None:
    session = office.log.load(Session, office.id)
    rewound: Any = Session.Rewound
    event = rewound(
        originator_id=office.id,
        originator_version=session.version + 1,
        timestamp=AT,
        to_position=position,
        status=SessionStatus.RUNNING,
        cancelled_effects=(),
        reason="to see",
    )
    record(office.log, event, session_id=office.id)


MOVES = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["FIN_001", "FIN_002"]),
        st.sampled_from(["total", "note"]),
        st.none() | st.integers(0, 9),
    ),
    max_size=8,
)


@given(MOVES, MOVES)
@settings(max_examples=25, deadline=None)
def test_a_fork_and_its_parent_merge_to_the_same_whoever_is_first(
    before: list[Any], after: list[Any]
) -> None:
    """C4: a shared context that was changed in two places merges without conflict."""
    office = Office()
    for _, agent, key, value in before:
        office.sharing.write(office.id, agent, key, value)
    fork = office.fork()
    for in_fork, agent, key, value in after:
        office.sharing.write(fork if in_fork else office.id, agent, key, value)
    theirs = office.merged(fork)
    merged = office.sharing.merge(office.id, fork, actor="USER")
    office.sharing.merge(fork, office.id, actor="USER")

    assert office.merged() == office.merged(fork)
    again = office.sharing.merge(office.id, fork, actor="USER")
    assert (again.position, again.changed) == (None, ())
    assert all(theirs.get(each.agent, {}).get(each.key) == each.value for each in merged.changed)


def test_what_a_merge_changed_stands_in_its_event_and_view() -> None:
    office = Office()
    fork = office.fork()
    office.sharing.write(fork, "ANA_003", "note", "new")
    merged = office.sharing.merge(office.id, fork, actor="USER")
    [value] = office.sharing.read(office.id).values

    assert [(each.agent, each.key, each.value) for each in merged.changed] == [
        ("ANA_003", "note", "new")
    ]
    assert office.log.events[-1].type == "shared_context.merged"
    assert office.log.events[-1].envelope.actor == "USER"
    assert (value.position, value.session_id) == (merged.position, office.id)


def test_what_cannot_be_shared_is_refused_before_anything_is_recorded() -> None:
    office = Office()
    last = office.log.last_position()

    with pytest.raises(BadRequestError, match="up to 100,000"):
        office.sharing.write(office.id, "FIN_007", "total", "x" * (MAX_VALUE_BYTES + 1))
    with pytest.raises(BadRequestError, match="cannot be shared"):
        office.sharing.write(office.id, "FIN_007", " ", 1)
    with pytest.raises(NotFoundError):
        office.sharing.write(UUID(int=1), "FIN_007", "total", 1)
    with pytest.raises(BadRequestError, match="name another"):
        office.sharing.merge(office.id, office.id, actor="USER")
    assert office.log.last_position() == last
