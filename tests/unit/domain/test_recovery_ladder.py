"""B23: what is done about each kind of failure, rung by rung."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.effect import Failure, FailureKind
from domain.policy import STANDARD, Policy
from domain.recovery import Recovery, RecoveryRules, Rung, recover

EFFECT = UUID(int=1)
OTHERS = {"small": ("large", "huge")}
KINDS = list(FailureKind)


def failed(kind: FailureKind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=kind, message="No.", retry_after_s=retry_after_s)


def policy(**rules: object) -> Policy:
    return Policy(retry_wait_s=1.0, recovery=RecoveryRules.model_validate(rules))


def climb(failures: Sequence[Failure], chosen: Policy, model: str = "small") -> list[Recovery]:
    return [
        recover(EFFECT, failures[: number + 1], model, 300.0, chosen)
        for number in range(len(failures))
    ]


def rungs(kind: FailureKind, times: int, chosen: Policy) -> list[Rung]:
    return [each.rung for each in climb([failed(kind)] * times, chosen)]


def test_after_a_time_out_the_next_attempt_may_take_twice_as_long() -> None:
    recoveries = climb([failed(FailureKind.TIMED_OUT)] * 4, policy())

    assert [each.rung for each in recoveries] == [
        *(Rung.LONGER_TIMEOUT, Rung.LONGER_TIMEOUT, Rung.GIVE_UP, Rung.GIVE_UP),
    ]
    assert [each.timeout_s for each in recoveries[:2]] == [600.0, 1200.0]
    assert all(each.wait_s == 0 for each in recoveries)


def test_a_limited_rate_is_waited_for_as_the_provider_says_and_else_a_minute() -> None:
    said, unsaid = (
        recover(EFFECT, [failed(FailureKind.RATE_LIMITED, after)], "small", 300.0, STANDARD)
        for after in (7.5, None)
    )

    assert (said.rung, said.wait_s) == (Rung.WAIT, 7.5)
    assert (unsaid.rung, unsaid.wait_s) == (Rung.WAIT, 60.0)


def test_a_wait_over_the_limit_is_not_begun() -> None:
    [alone] = climb([failed(FailureKind.RATE_LIMITED, 3_600.0)], policy())
    [helped] = climb([failed(FailureKind.RATE_LIMITED, 3_600.0)], policy(other_models=OTHERS))

    assert alone.rung is Rung.GIVE_UP
    assert (helped.rung, helped.model) == (Rung.OTHER_MODEL, "large")


@pytest.mark.parametrize(
    "kind", [FailureKind.QUOTA_EXHAUSTED, FailureKind.NOT_FOUND, FailureKind.NOT_ALLOWED]
)
def test_without_quota_or_right_the_same_model_is_never_asked_again(kind: FailureKind) -> None:
    alone = climb([failed(kind, 1.0)], policy())
    helped = climb([failed(kind)] * 3, policy(other_models=OTHERS))

    assert [each.rung for each in alone] == [Rung.GIVE_UP]
    assert [(each.rung, each.model) for each in helped] == [
        (Rung.OTHER_MODEL, "large"),
        (Rung.OTHER_MODEL, "huge"),
        (Rung.GIVE_UP, None),
    ]


def test_a_context_that_is_too_long_is_compressed_step_by_step() -> None:
    chosen = policy(max_compressions=2, other_models={"small": ("large",)})

    assert rungs(FailureKind.CONTEXT_OVERFLOW, 4, chosen) == [
        *(Rung.COMPRESS, Rung.COMPRESS, Rung.OTHER_MODEL, Rung.GIVE_UP),
    ]


@pytest.mark.parametrize("kind", [FailureKind.OVERLOADED, FailureKind.UNREACHABLE])
def test_overload_is_waited_for_ever_longer_and_then_another_model_is_asked(
    kind: FailureKind,
) -> None:
    recoveries = climb([failed(kind)] * 6, policy(other_models={"small": ("large",)}))

    assert [(each.rung, each.wait_s, each.model) for each in recoveries] == [
        (Rung.WAIT, 1.0, None),
        (Rung.WAIT, 2.0, None),
        (Rung.OTHER_MODEL, 0.0, "large"),
        (Rung.WAIT, 1.0, "large"),
        (Rung.WAIT, 2.0, "large"),
        (Rung.WAIT, 4.0, "large"),
    ]


def test_without_another_model_overload_is_waited_for_until_all_tries_are_spent() -> None:
    assert rungs(FailureKind.OVERLOADED, 4, policy()) == [*(Rung.WAIT,) * 3, Rung.GIVE_UP]


@pytest.mark.parametrize(
    "kind",
    [FailureKind.INTERNAL, FailureKind.REFUSED, FailureKind.BAD_INPUT, FailureKind.BAD_ANSWER],
)
def test_what_is_unknown_or_final_is_given_up_with_the_reason(kind: FailureKind) -> None:
    [recovery] = climb([failed(kind)], policy(other_models=OTHERS))

    assert recovery.rung is Rung.GIVE_UP
    assert recovery.reason.endswith("after 1 try, and nothing else is left to try.")


def test_another_model_keeps_the_time_that_the_first_one_was_given() -> None:
    failures = [failed(FailureKind.TIMED_OUT), failed(FailureKind.QUOTA_EXHAUSTED)]

    recovery = climb(failures, policy(other_models=OTHERS))[-1]

    assert (recovery.model, recovery.timeout_s) == ("large", 600.0)


def test_without_rules_there_is_no_ladder() -> None:
    with pytest.raises(ValueError, match="no rules"):
        recover(EFFECT, [failed(FailureKind.TIMED_OUT)], "small", 300.0, Policy())


@settings(deadline=None)
@given(
    st.lists(
        st.builds(failed, st.sampled_from(KINDS), st.none() | st.floats(0, 500)),
        min_size=12,
        max_size=12,
    ),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from([{}, OTHERS]),
)
def test_whatever_fails_the_ladder_ends_and_never_waits_longer_than_allowed(
    failures: list[Failure], attempts: int, patience: int, others: dict[str, tuple[str, ...]]
) -> None:
    rules = RecoveryRules(patience=patience, other_models=others)
    chosen = Policy(max_attempts=attempts, recovery=rules)

    recoveries = climb(failures, chosen)
    ended = next(number for number, each in enumerate(recoveries) if not each.again)

    assert ended < attempts * (3 if others else 1)
    for failure, each in zip(failures, recoveries[: ended + 1], strict=False):
        assert each.wait_s <= chosen.max_wait_s
        assert each.effect_id == EFFECT
        if failure.kind is FailureKind.QUOTA_EXHAUSTED:
            assert each.rung in (Rung.OTHER_MODEL, Rung.GIVE_UP)
