"""Tests of every way a call can fail, over real HTTP, and of what the failure says."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from application.errors import EffectError
from domain.effect import Failure, FailureKind
from infrastructure.models.anthropic import AnthropicModel
from infrastructure.models.anthropic.failures import retry_after_s
from tests.support import briefs
from tests.support.messages_api import (
    KEY,
    Answer,
    BrokenStream,
    Foreign,
    MessagesApi,
    Refusal,
    Reply,
    Silence,
    Use,
)

INVALID = "invalid_request_error"


def failure_at(base_url: str, *arguments: Any, **options: Any) -> Failure:
    """Ask once and return how it failed."""

    async def ask() -> None:
        model = AnthropicModel(SecretStr(KEY), base_url)
        try:
            await model.answer(briefs.asking(*arguments, **options))
        finally:
            await model.aclose()

    with pytest.raises(EffectError) as caught:
        asyncio.run(ask())
    failure = caught.value.failure
    assert KEY not in failure.message
    assert failure.message.endswith(".")
    assert "\n" not in failure.message
    return failure


def failure_of(reply: Reply, brief: Any = None, **options: Any) -> Failure:
    """Ask the stand-in once; the SDK tries nothing again."""
    with MessagesApi([reply]) as api:
        failure = failure_at(api.base_url, brief or briefs.execute(), **options)
        assert len(api.requests) == 1
        return failure


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Refusal(400, INVALID, "messages: bad"), FailureKind.INTERNAL),
        (
            Refusal(400, INVALID, "prompt is too long: 1012345 tokens > 1000000 maximum"),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (
            Refusal(400, INVALID, "input length and `max_tokens` exceed context limit: 9 + 9 > 10"),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (Refusal(413, "request_too_large", "Too many bytes"), FailureKind.CONTEXT_OVERFLOW),
        (
            Refusal(400, INVALID, "Your credit balance is too low to access the API."),
            FailureKind.QUOTA_EXHAUSTED,
        ),
        (
            Refusal(400, INVALID, "You have reached your specified API usage limits."),
            FailureKind.QUOTA_EXHAUSTED,
        ),
        (Refusal(402, "billing_error", "Check your payment."), FailureKind.QUOTA_EXHAUSTED),
        (
            Refusal(403, "permission_error", "Your credit balance is too low."),
            FailureKind.QUOTA_EXHAUSTED,
        ),
        (
            Refusal(429, "rate_limit_error", "Reached.", code="enforced_spend_limit_reached"),
            FailureKind.QUOTA_EXHAUSTED,
        ),
        (Refusal(400, INVALID, "Disabled.", code="organization_on_hold"), FailureKind.NOT_ALLOWED),
        (Refusal(401, "authentication_error", "invalid x-api-key"), FailureKind.NOT_ALLOWED),
        (Refusal(403, "permission_error", "not for you"), FailureKind.NOT_ALLOWED),
        (Refusal(404, "not_found_error", "model: claude-sonnet-5-5"), FailureKind.NOT_FOUND),
        (Refusal(409, "conflict_error", "Busy"), FailureKind.OVERLOADED),
        (
            Refusal(
                429,
                "rate_limit_error",
                "This request would exceed the rate limit for your organization of 50,000 input"
                " tokens per minute. See the response headers for current usage, or contact sales.",
            ),
            FailureKind.RATE_LIMITED,
        ),
        (Refusal(429, "rate_limit_error", "Ramp.", code="ramp_limit_exceeded"), "rate_limited"),
        (Refusal(500, "api_error", "Internal server error"), FailureKind.OVERLOADED),
        (Refusal(504, "timeout_error", "Timed out"), FailureKind.TIMED_OUT),
        (Refusal(529, "overloaded_error", "Overloaded"), FailureKind.OVERLOADED),
        (Foreign("Bad gateway", 502), FailureKind.OVERLOADED),
        (Foreign("Unavailable", 503), FailureKind.OVERLOADED),
        (Foreign("Slow", 408), FailureKind.TIMED_OUT),
        (Foreign("Slow down", 429), FailureKind.RATE_LIMITED),
        (Foreign("Who are you?", 401), FailureKind.NOT_ALLOWED),
        (Foreign("No such page", 404), FailureKind.NOT_FOUND),
        (Foreign("Teapot", 418), FailureKind.INTERNAL),
        (Foreign(), FailureKind.BAD_ANSWER),
        (Foreign("data: {", content_type="text/event-stream"), FailureKind.BAD_ANSWER),
        (
            Foreign("event: message_start\ndata: {\n\n", content_type="text/event-stream"),
            FailureKind.BAD_ANSWER,
        ),
        (Answer(stop_reason="refusal"), FailureKind.REFUSED),
        (
            Answer("So", stop_reason="model_context_window_exceeded"),
            FailureKind.CONTEXT_OVERFLOW,
        ),
        (Answer(uses=(Use("query_table", '{"sql": "SELECT'),)), FailureKind.BAD_ANSWER),
        (Answer(uses=(Use("query_table", "[1, 2]"),)), FailureKind.BAD_ANSWER),
        (Answer(uses=(Use("query_table", '{"limit": NaN}'),)), FailureKind.BAD_ANSWER),
        (Answer(uses=(Use("query_table", r'{"sql": "\ud83d"}'),)), FailureKind.BAD_ANSWER),
        (BrokenStream(Answer("Well, it is so"), 0), FailureKind.UNREACHABLE),
        (BrokenStream(Answer("Well, it is so"), 5), FailureKind.UNREACHABLE),
        (BrokenStream(Answer("Well, it is so"), 5, politely=True), FailureKind.UNREACHABLE),
        (
            BrokenStream(Answer("Well"), 4, Refusal(529, "overloaded_error", "Overloaded")),
            FailureKind.OVERLOADED,
        ),
        (
            BrokenStream(Answer("Well"), 4, Refusal(429, "rate_limit_error", "Slow down")),
            FailureKind.RATE_LIMITED,
        ),
        (
            BrokenStream(Answer("Well"), 4, Refusal(500, "api_error", "Oops")),
            FailureKind.OVERLOADED,
        ),
        (
            BrokenStream(Answer("Well"), 1, Refusal(400, INVALID, "prompt is too long: 5 > 4")),
            FailureKind.CONTEXT_OVERFLOW,
        ),
    ],
    ids=repr,
)
def test_each_way_of_failing_has_its_kind(reply: Reply, kind: FailureKind) -> None:
    assert failure_of(reply).kind == kind


@pytest.mark.parametrize("silence", [Silence(), Silence(4)])
def test_a_call_that_takes_too_long_times_out_and_is_cut(silence: Silence) -> None:
    with MessagesApi([silence]) as api:
        failure = failure_at(api.base_url, briefs.execute(), timeout_s=0.5)
        assert api.left.wait(timeout=10)
    assert failure == Failure(
        kind=FailureKind.TIMED_OUT,
        message="Model 'claude-sonnet-5-5' did not answer within 0.5 seconds.",
    )


def test_a_service_that_nobody_offers_cannot_be_reached() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        failure = failure_at(base_url, briefs.execute())
    assert failure.kind is FailureKind.UNREACHABLE
    assert failure.message.startswith(f"{base_url} cannot be reached: ")
    assert "ANTHROPIC_BASE_URL" in failure.message


def test_a_password_in_the_address_does_not_get_into_the_record() -> None:
    failure = failure_at("http://me:hunter2@127.0.0.1:9", briefs.execute())
    assert failure.message.startswith("http://127.0.0.1:9 cannot be reached: ")
    assert "hunter2" not in failure.message


def test_a_host_without_an_address_cannot_be_reached() -> None:
    failure = failure_at("http://nowhere.invalid", briefs.execute())
    assert failure.kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize(
    ("brief", "setting"),
    [
        (briefs.interpret(), "HANSARD_MODEL_PERSONAL"),
        (briefs.decompose(), "HANSARD_MODEL_ORCHESTRATOR"),
        (briefs.execute(), "HANSARD_MODEL_SPECIALIST"),
        (briefs.present(), "HANSARD_MODEL_PERSONAL"),
    ],
)
def test_an_unknown_model_is_named_with_the_setting_that_chose_it(brief: Any, setting: str) -> None:
    with MessagesApi([]) as api:
        failure = failure_at(api.base_url, brief, "claude-sonet-5")
    assert failure.kind is FailureKind.NOT_FOUND
    assert "'claude-sonet-5'" in failure.message
    assert setting in failure.message


def test_an_address_without_the_api_says_which_setting_to_check() -> None:
    failure = failure_of(Foreign("No such page", 404))
    assert "ANTHROPIC_BASE_URL" in failure.message


def test_a_wrong_key_says_which_setting_to_check() -> None:
    with MessagesApi([], key="sk-ant-the-right-one") as api:
        failure = failure_at(api.base_url, briefs.execute())
    assert failure.kind is FailureKind.NOT_ALLOWED
    assert "ANTHROPIC_API_KEY" in failure.message


def test_a_service_that_repeats_the_key_does_not_get_it_into_the_record() -> None:
    failure = failure_of(Refusal(401, "authentication_error", f"no such key: {KEY}"))
    assert "***" in failure.message


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "This may harm."}
    failure = failure_of(Answer("I", stop_reason="refusal", stop_details=details))
    assert failure.message == (
        "Model 'claude-sonnet-5-5' refused to answer: This may harm. Rephrase the request, or"
        " choose another model by HANSARD_MODEL_SPECIALIST."
    )


def test_long_words_of_the_service_are_shortened_to_one_line() -> None:
    failure = failure_of(Refusal(500, "api_error", "Oh\nno! " * 1000))
    assert len(failure.message) < 400


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_service_that_asks_to_wait_is_obeyed(status: int) -> None:
    kinds = {429: "rate_limit_error", 503: "api_error", 529: "overloaded_error"}
    reply = Refusal(status, kinds[status], "Later", {"retry-after": "17"})
    assert failure_of(reply).retry_after_s == 17.0


def test_without_a_word_about_waiting_nothing_is_claimed() -> None:
    assert failure_of(Refusal(529, "overloaded_error", "Later")).retry_after_s is None


def test_an_exhausted_quota_is_not_waited_for() -> None:
    reply = Refusal(
        429, "rate_limit_error", "x", {"retry-after": "5"}, code="contract_spend_limit_reached"
    )
    assert failure_of(reply).retry_after_s is None


NOW = datetime(2026, 10, 21, 7, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        ("1.5", 1.5),
        (" 60 ", 60.0),
        ("-3", 0.0),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        ("Wed, 21 Oct 2026 07:28:30 -0000", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_the_time_to_wait_is_read_from_seconds_and_dates(said: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": said}, NOW) == seconds
    assert retry_after_s({}, NOW) is None
