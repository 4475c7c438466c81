"""B23: a breaker opens after failures in a row, lets one call try, and closes when it works."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.breaker import (
    BEFORE,
    COUNTED,
    Breaker,
    BreakerRules,
    BreakerState,
    Change,
    Circuit,
    Guarded,
)
from domain.effect import EffectKind, FailureKind
from domain.errors import TransitionError
from tests.support.given_when_then import AT

RULES = BreakerRules(failures=3, cooldown_s=10.0, max_cooldown_s=25.0)
BUSY = FailureKind.OVERLOADED
CLAUDE = Guarded(kind=EffectKind.MODEL, name="claude")


def opened() -> Circuit:
    circuit = Circuit(RULES)
    for _ in range(3):
        circuit.settle(BUSY, AT, probe=False)
    return circuit


def test_it_opens_after_failures_in_a_row_and_says_how_long_to_wait() -> None:
    circuit = Circuit(RULES)

    changes = [circuit.settle(BUSY, AT, probe=False) for _ in range(3)]
    refused = circuit.admit(AT + timedelta(seconds=4))

    assert changes == [None, None, Change(BreakerState.OPEN, AT, 3, BUSY, 10.0)]
    assert (refused.passes, refused.wait_s) == (False, 6.0)


@pytest.mark.parametrize("other", [None, *(kind for kind in FailureKind if kind not in COUNTED)])
def test_whatever_shows_that_it_works_begins_the_count_anew(other: FailureKind | None) -> None:
    circuit = Circuit(RULES)

    for kind in (BUSY, BUSY, other, BUSY, BUSY):
        assert circuit.settle(kind, AT, probe=False) is None

    assert circuit.state is BreakerState.CLOSED


def test_after_the_wait_one_call_tries_and_the_others_do_not_pass() -> None:
    circuit = opened()
    later = AT + timedelta(seconds=10)

    first, second = circuit.admit(later), circuit.admit(later)

    assert (first.passes, first.probe) == (True, True)
    assert first.change == Change(BreakerState.HALF_OPEN, later)
    assert (second.passes, second.wait_s) == (False, None)


def test_a_call_that_succeeds_closes_it() -> None:
    circuit = opened()
    later = AT + timedelta(seconds=10)
    circuit.admit(later)

    change = circuit.settle(None, later, probe=True)

    assert change == Change(BreakerState.CLOSED, later)
    assert circuit.admit(later).passes


def test_each_try_that_fails_doubles_the_wait_up_to_the_longest() -> None:
    circuit, at, waits = opened(), AT, []

    for _ in range(3):
        at += timedelta(seconds=100)
        circuit.admit(at)
        change = circuit.settle(BUSY, at, probe=True)
        waits.append(change.cooldown_s if change else None)

    assert waits == [20.0, 25.0, 25.0]


def test_a_try_that_is_stopped_leaves_the_next_one_free() -> None:
    circuit = opened()
    later = AT + timedelta(seconds=10)
    circuit.admit(later)

    circuit.withdraw()

    assert circuit.admit(later).probe


def test_answers_to_calls_from_before_it_opened_change_nothing() -> None:
    circuit = opened()

    assert circuit.settle(None, AT, probe=False) is None
    assert circuit.state is BreakerState.OPEN


def test_a_model_and_a_tool_of_the_same_name_have_breakers_of_their_own() -> None:
    tool = Guarded(kind=EffectKind.TOOL, name="claude")

    assert CLAUDE.stream == Guarded(kind=EffectKind.MODEL, name="claude").stream != tool.stream


def test_a_state_that_cannot_follow_is_not_recorded() -> None:
    breaker = Breaker.install(CLAUDE, AT)

    with pytest.raises(TransitionError):
        breaker.change("here", Change(BreakerState.HALF_OPEN, AT))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, *FailureKind]), st.integers(0, 60), st.booleans()),
        max_size=40,
    )
)
def test_whatever_happens_the_changes_can_be_recorded_and_at_most_one_call_tries(
    calls: list[tuple[FailureKind | None, int, bool]],
) -> None:
    circuit, breaker, at = Circuit(RULES), Breaker.install(CLAUDE, AT), AT
    for kind, seconds, is_stopped in calls:
        at += timedelta(seconds=seconds)
        admission = circuit.admit(at)
        changes = [admission.change]
        if admission.probe:
            assert not circuit.admit(at).passes
        if admission.passes and is_stopped and admission.probe:
            circuit.withdraw()
        elif admission.passes:
            changes.append(circuit.settle(kind, at, probe=admission.probe))
        for change in filter(None, changes):
            assert breaker.states.get("here", BreakerState.CLOSED) in BEFORE[change.to]
            breaker.change("here", change)
    if breaker.states.get("here") is not BreakerState.HALF_OPEN:
        assert breaker.states.get("here", BreakerState.CLOSED) is circuit.state
