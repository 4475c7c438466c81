"""Recovery: whether a failed effect is tried again, and after how long."""

from __future__ import annotations

from collections.abc import Sequence

from domain.effect import TRANSIENT, Failure, FailureKind
from domain.policy import Policy


def wait_before_retry(failures: Sequence[Failure], policy: Policy) -> float | None:
    """Tell how many seconds to wait before the next attempt; None to give up.

    The provider's own word is obeyed; without one the wait doubles with each failure. A context
    overflow is retried at once, because the next attempt sends less.

    Args:
        failures: of all attempts of one effect so far, oldest first.
    """
    latest = failures[-1]
    if latest.kind not in TRANSIENT or len(failures) >= policy.max_attempts:
        return None
    if latest.kind is FailureKind.CONTEXT_OVERFLOW:
        return 0.0
    if latest.retry_after_s is not None:
        return latest.retry_after_s if latest.retry_after_s <= policy.max_wait_s else None
    return min(policy.retry_wait_s * 2.0 ** (len(failures) - 1), policy.max_wait_s)


def compression_after(failures: Sequence[Failure]) -> int:
    """Tell how far the next attempt must shorten its context: once per overflow so far."""
    return sum(failure.kind is FailureKind.CONTEXT_OVERFLOW for failure in failures)
