"""Recovery: the ladder of what is done about failures, from a second try to giving up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from pydantic import Field

from domain.effect import TRANSIENT, Failure, FailureKind
from domain.value import NonEmptyText, NonEmptyWords, Value

if TYPE_CHECKING:
    from domain.policy import Policy  # a policy holds the rules of recovery


class Rung(StrEnum):
    """Steps of the recovery ladder, from the cheapest to the last."""

    WAIT = "wait"
    LONGER_TIMEOUT = "longer_timeout"
    COMPRESS = "compress"
    OTHER_MODEL = "other_model"
    OTHER_AGENT = "other_agent"
    SUPERVISOR = "supervisor"
    GIVE_UP = "give_up"


AGAIN = frozenset({Rung.WAIT, Rung.LONGER_TIMEOUT, Rung.COMPRESS, Rung.OTHER_MODEL})
"""Rungs on which the same effect is tried again."""

AGENT_FAILURES = frozenset({FailureKind.UNABLE, FailureKind.BAD_ANSWER})
"""Failures of who does the work, rather than of what it is done with: another one may succeed."""

NOT_SERVED = frozenset(
    {FailureKind.QUOTA_EXHAUSTED, FailureKind.NOT_FOUND, FailureKind.NOT_ALLOWED}
)
"""Failures that no further try of the same model mends: no money, no such model, no right to it."""


class RecoveryRules(Value):
    """What the recovery ladder may spend before work is given up.

    Attributes:
        rate_limit_wait_s: seconds to wait for a provider that limits the rate and does not say
            until when.
        max_timeout_s: seconds that the time-out of a repeated attempt is doubled up to.
        max_compressions: how often a context that is too long may be shortened further.
        patience: how often an overloaded or unreachable model is waited for before another one is
            asked; where there is no other one, the policy's `max_attempts` holds.
        other_models: models that may be asked instead, by the name of the model, best first.
        max_agents: agents that may try a task, the first included, before it is escalated.
        escalate: whether a task that its department cannot do goes back to who gave it there.
    """

    rate_limit_wait_s: Annotated[float, Field(ge=0)] = 60.0
    max_timeout_s: Annotated[float, Field(gt=0)] = 1_200.0
    max_compressions: Annotated[int, Field(ge=0)] = 3
    patience: Annotated[int, Field(ge=0)] = 2
    other_models: dict[str, tuple[NonEmptyText, ...]] = {}
    max_agents: Annotated[int, Field(ge=1)] = 2
    escalate: bool = True


class Recovery(Value):
    """What is done about a failure.

    Attributes:
        effect_id: the effect that failed; None where the work as a whole did.
        wait_s: seconds before the next attempt.
        timeout_s: seconds the next attempt may take; None for what the policy says.
        model: model that is asked in the next attempt; None for the one that was asked at first.
        agent: handle of the agent that the task goes back to, to do it or to pass it on.
    """

    rung: Rung
    reason: NonEmptyWords
    effect_id: UUID | None = None
    wait_s: float = 0.0
    timeout_s: float | None = None
    model: NonEmptyText | None = None
    agent: NonEmptyText | None = None

    @property
    def again(self) -> bool:
        """Whether the same effect is tried again."""
        return self.rung in AGAIN


def wait_before_retry(failures: Sequence[Failure], policy: Policy) -> float | None:
    """Tell how many seconds to wait before the next attempt; None to give up.

    This holds where a policy has no rules of recovery. The provider's own word is obeyed; without
    one the wait doubles with each failure. A context overflow is retried at once, because the next
    attempt sends less.

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


def recover(
    effect_id: UUID, failures: Sequence[Failure], model: str, timeout_s: float, policy: Policy
) -> Recovery:
    """Tell what is done about the latest failure of an effect; the last rung is to give it up.

    It depends on nothing but the failures so far and the policy, so it can be recomputed.

    Args:
        failures: of all attempts of one effect so far, oldest first; at least one.
        model: model that was asked at first; empty for a tool.
        timeout_s: seconds that the first attempt might take.

    Raises:
        ValueError: the policy has no rules of recovery.
    """
    if policy.recovery is None:
        raise ValueError("the policy has no rules of recovery")
    ladder = _Ladder(effect_id, policy, policy.recovery, model, timeout_s)
    for failure in failures[:-1]:
        ladder.climb(failure)
    return ladder.climb(failures[-1])


def given_up(effect_id: UUID, failures: Sequence[Failure]) -> Recovery:
    """Say that an effect is not tried again.

    Args:
        failures: of all its attempts, oldest first.
    """
    times = "1 try" if len(failures) == 1 else f"{len(failures)} tries"
    reason = f"{_named(failures[-1])} after {times}, and nothing else is left to try."
    return Recovery(rung=Rung.GIVE_UP, effect_id=effect_id, reason=reason)


def longer_timeout(effect_id: UUID, tool: str, was_s: float, rules: RecoveryRules) -> Recovery:
    """Say how long a tool may take the next time, after it was too slow.

    Args:
        was_s: seconds that it might take.
    """
    longer = max(min(2 * was_s, rules.max_timeout_s), was_s)
    reason = f"{tool} took longer than {was_s:g} s; it may take {longer:g} s the next time."
    return Recovery(rung=Rung.LONGER_TIMEOUT, effect_id=effect_id, reason=reason, timeout_s=longer)


@dataclass
class _Ladder:
    """Where on the ladder an effect stands."""

    effect_id: UUID
    policy: Policy
    rules: RecoveryRules
    first_model: str
    first_timeout_s: float

    def __post_init__(self) -> None:
        self.model = self.first_model
        self.timeout_s = self.first_timeout_s
        self.others = list(self.rules.other_models.get(self.first_model, ()))
        self.failures: list[Failure] = []
        self.tries = 0
        self.overloads = 0
        self.compressions = 0

    def climb(self, failure: Failure) -> Recovery:
        """Take in a failure, and tell what is done about it."""
        self.tries += 1
        self.failures.append(failure)
        step = self._again(failure) if self.tries < self.policy.max_attempts else None
        return step or self._elsewhere(failure)

    def _again(self, failure: Failure) -> Recovery | None:
        """Try the same model again, where that may help."""
        if failure.kind is FailureKind.TIMED_OUT:
            return self._longer()
        if failure.kind is FailureKind.CONTEXT_OVERFLOW:
            return self._shorter()
        if failure.kind is FailureKind.RATE_LIMITED:
            return self._later(failure, self.rules.rate_limit_wait_s)
        if failure.kind in (FailureKind.OVERLOADED, FailureKind.UNREACHABLE):
            self.overloads += 1
            if self.overloads > self.rules.patience and self.others:
                return None
            return self._later(failure, self.policy.retry_wait_s * 2.0 ** (self.overloads - 1))
        return None

    def _longer(self) -> Recovery | None:
        longer = min(2 * self.timeout_s, self.rules.max_timeout_s)
        if longer <= self.timeout_s:
            return None
        was, self.timeout_s = self.timeout_s, longer
        return self._step(
            Rung.LONGER_TIMEOUT, f"No answer came within {was:g} s; it may take {longer:g} s now."
        )

    def _shorter(self) -> Recovery | None:
        if self.compressions >= self.rules.max_compressions:
            return None
        self.compressions += 1
        return self._step(
            Rung.COMPRESS, f"The context is too long; it is shortened, step {self.compressions}."
        )

    def _later(self, failure: Failure, usual_s: float) -> Recovery | None:
        said = failure.retry_after_s
        wait_s = min(usual_s, self.policy.max_wait_s) if said is None else said
        if wait_s > self.policy.max_wait_s:
            return None
        why = "the provider says so" if said is not None else "the provider does not say how long"
        return self._step(Rung.WAIT, f"{_named(failure)}; {why}, so {wait_s:g} s pass.", wait_s)

    def _elsewhere(self, failure: Failure) -> Recovery:
        """Ask another model, where that may help and there is one."""
        movable = failure.kind in TRANSIENT or failure.kind in NOT_SERVED
        if not (movable and self.others):
            return given_up(self.effect_id, self.failures)
        was, self.model = self.model, self.others.pop(0)
        self.tries = self.overloads = 0
        return self._step(Rung.OTHER_MODEL, f"{_named(failure)} with {was}; {self.model} is asked.")

    def _step(self, rung: Rung, reason: str, wait_s: float = 0.0) -> Recovery:
        return Recovery(
            rung=rung,
            effect_id=self.effect_id,
            reason=reason,
            wait_s=wait_s,
            timeout_s=None if self.timeout_s == self.first_timeout_s else self.timeout_s,
            model=None if self.model == self.first_model else self.model,
        )


def _named(failure: Failure) -> str:
    words = failure.kind.value.replace("_", " ")
    return words[:1].upper() + words[1:]
