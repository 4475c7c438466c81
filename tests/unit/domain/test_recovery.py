"""Recovery: which failures are tried again, and after how many seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.effect import TRANSIENT, Failure, FailureKind
from domain.policy import Policy
from domain.recovery import compression_after, wait_before_retry

POLICY = Policy(max_attempts=6, retry_wait_s=1.0, max_wait_s=120.0)
LASTING = sorted(set(FailureKind) - TRANSIENT)
WAITING = sorted(TRANSIENT - {FailureKind.CONTEXT_OVERFLOW})


def failure(kind: FailureKind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=kind, message="No.", retry_after_s=retry_after_s)


@pytest.mark.parametrize("kind", WAITING)
def test_the_wait_doubles_with_each_failure(kind: FailureKind) -> None:
    waits = [wait_before_retry([failure(kind)] * count, POLICY) for count in range(1, 6)]

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_the_wait_grows_no_further_than_the_longest_allowed() -> None:
    policy = Policy(max_attempts=10, retry_wait_s=10.0, max_wait_s=30.0)

    assert wait_before_retry([failure(FailureKind.TIMED_OUT)] * 5, policy) == 30.0


@pytest.mark.parametrize("asked", [0.0, 0.5, 60.0, 120.0])
def test_the_providers_own_word_is_obeyed(asked: float) -> None:
    failures = [failure(FailureKind.RATE_LIMITED)] * 3 + [failure(FailureKind.RATE_LIMITED, asked)]

    assert wait_before_retry(failures, POLICY) == asked


def test_a_provider_that_asks_for_more_than_the_longest_wait_is_given_up() -> None:
    assert wait_before_retry([failure(FailureKind.RATE_LIMITED, 120.1)], POLICY) is None


def test_a_context_overflow_is_tried_again_at_once_and_sends_less_each_time() -> None:
    overflow, busy = failure(FailureKind.CONTEXT_OVERFLOW), failure(FailureKind.OVERLOADED)

    assert wait_before_retry([busy, overflow], POLICY) == 0.0
    assert compression_after([]) == 0
    assert compression_after([overflow, busy, overflow]) == 2


@pytest.mark.parametrize("kind", sorted(TRANSIENT))
def test_the_last_allowed_attempt_is_the_end(kind: FailureKind) -> None:
    failures = [failure(kind)] * POLICY.max_attempts

    assert wait_before_retry(failures, POLICY) is None
    assert wait_before_retry(failures[1:], POLICY) is not None


@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_failure_is_given_up_at_once(kind: FailureKind) -> None:
    assert wait_before_retry([failure(kind, 1.0)], POLICY) is None


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            failure, st.sampled_from(FailureKind), st.none() | st.floats(0, 1e6, allow_nan=False)
        ),
        min_size=1,
        max_size=10,
    )
)
def test_no_wait_is_negative_or_longer_than_allowed(failures: list[Failure]) -> None:
    wait = wait_before_retry(failures, POLICY)

    assert wait is None or 0.0 <= wait <= POLICY.max_wait_s
