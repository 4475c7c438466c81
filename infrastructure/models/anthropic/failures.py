"""Failures: what went wrong with a call, told from the SDK's errors in our own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

from pydantic import SecretStr

from application.errors import EffectError
from domain.effect import TRANSIENT, Failure, FailureKind

if TYPE_CHECKING:
    from anthropic import APIStatusError

WORDS_LENGTH = 300
SERVER_ERROR = 500

SETTINGS = {
    "interpret": "HANSARD_MODEL_PERSONAL",
    "decompose": "HANSARD_MODEL_ORCHESTRATOR",
    "execute": "HANSARD_MODEL_SPECIALIST",
    "present": "HANSARD_MODEL_PERSONAL",
    "route": "HANSARD_MODEL_ORCHESTRATOR",
    "bid": "HANSARD_MODEL_SPECIALIST",
    "consider": "HANSARD_MODEL_SPECIALIST",
    "validate": "HANSARD_MODEL_ORCHESTRATOR",
    "judge": "HANSARD_MODEL_ORCHESTRATOR",
    "assemble": "HANSARD_MODEL_ORCHESTRATOR",
    "monitor": "HANSARD_MODEL_ORCHESTRATOR",
    "recover": "HANSARD_MODEL_ORCHESTRATOR",
}
"""The setting that usually names the model of each purpose."""

KINDS_BY_TYPE = {
    "authentication_error": FailureKind.NOT_ALLOWED,
    "permission_error": FailureKind.NOT_ALLOWED,
    "billing_error": FailureKind.QUOTA_EXHAUSTED,
    "not_found_error": FailureKind.NOT_FOUND,
    "request_too_large": FailureKind.CONTEXT_OVERFLOW,
    "rate_limit_error": FailureKind.RATE_LIMITED,
    "timeout_error": FailureKind.TIMED_OUT,
    "overloaded_error": FailureKind.OVERLOADED,
    "conflict_error": FailureKind.OVERLOADED,
    "api_error": FailureKind.OVERLOADED,
}
"""By the type an error names, which an error inside a stream has beside its status 200.

https://platform.claude.com/docs/en/api/errors
"""

KINDS_BY_STATUS = {
    401: FailureKind.NOT_ALLOWED,
    402: FailureKind.QUOTA_EXHAUSTED,
    403: FailureKind.NOT_ALLOWED,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMED_OUT,
    409: FailureKind.OVERLOADED,
    413: FailureKind.CONTEXT_OVERFLOW,
    429: FailureKind.RATE_LIMITED,
    504: FailureKind.TIMED_OUT,
}
"""By status, for answers of proxies; other ones of 500 and above mean overload."""

KINDS_BY_CODE = {
    "contract_spend_limit_reached": FailureKind.QUOTA_EXHAUSTED,
    "enforced_spend_limit_reached": FailureKind.QUOTA_EXHAUSTED,
    "linked_organization_spend_limit_reached": FailureKind.QUOTA_EXHAUSTED,
    "linked_organization_billing_unavailable": FailureKind.QUOTA_EXHAUSTED,
    "organization_on_hold": FailureKind.NOT_ALLOWED,
}
"""By the code that names a cause; it says more than type and status."""

QUOTA_PHRASES = (
    "credit balance",
    "spend limit",
    "usage limit",
    "billing",
    "quota",
)
MONEY_STATUSES = frozenset({400, 402, 403, 429})
"""Words of errors about money, and the statuses under which they come without a code."""

OVERFLOW_PHRASES = (
    "prompt is too long",
    "exceed context limit",
    "context window",
    "too many total text bytes",
)
"""Words of a 400 about a prompt that the model cannot hold."""


@dataclass(frozen=True, slots=True)
class Call:
    """What failures say about the call they belong to.

    Attributes:
        base_url: without the user and password that it may hold.
        secret: the key; no message ever shows it.
    """

    base_url: str
    model: str
    purpose: str
    timeout_s: float
    secret: SecretStr

    def require_usable_key(self) -> None:
        """Make sure that the key can stand in a header, else drivers show it in their errors.

        Raises:
            EffectError: the key is empty or holds blanks, line breaks or non-ASCII characters.
        """
        key = self.secret.get_secret_value()
        if not (key and key.isascii() and key.isprintable() and " " not in key):
            message = (
                "ANTHROPIC_API_KEY is empty or holds characters that no key has, such as blanks or"
                " line breaks; copy it again."
            )
            raise EffectError(Failure(kind=FailureKind.NOT_ALLOWED, message=message))

    def quote(self, words: str) -> str:
        """Shorten foreign words to one line without the key."""
        key = self.secret.get_secret_value()
        line = " ".join(words.replace(key, "***").split()).rstrip(".")
        return line if len(line) <= WORDS_LENGTH else f"{line[: WORDS_LENGTH - 1]}…"


def foreign_errors() -> tuple[type[Exception], ...]:
    """Name what a call can raise: the SDK lets errors of its HTTP client and of JSON through."""
    import httpx2
    from anthropic import AnthropicError

    return (AnthropicError, httpx2.HTTPError, ValueError)


def failure_of(error: Exception, call: Call) -> Failure:
    """Tell what one of the foreign errors means."""
    import httpx2
    from anthropic import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        return _refusal_of_service(error, call)
    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    if isinstance(cause, httpx2.TimeoutException) and not isinstance(cause, httpx2.ConnectTimeout):
        return timed_out(call)
    if isinstance(error, APIConnectionError):
        return _unreachable(cause, call)
    if isinstance(error, httpx2.HTTPError):
        return answer_broken_off(call)
    return foreign_answer(call)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read how long the service asks to wait: a number of seconds, or a date.

    Args:
        headers: of the answer; names in any case when the mapping says so.
        now: with a zone.

    Returns:
        Seconds, 0 for a date that has passed; None when nothing readable was said.
    """
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - now).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a zone
            return None
    return max(seconds, 0.0) if isfinite(seconds) else None


def timed_out(call: Call) -> Failure:
    """Tell that no answer was complete in time."""
    return _failure(
        FailureKind.TIMED_OUT,
        f"Model {call.model!r} did not answer within {call.timeout_s:g} seconds.",
    )


def answer_broken_off(call: Call) -> Failure:
    """Tell that the connection was lost while the answer arrived."""
    return _failure(
        FailureKind.UNREACHABLE,
        f"The connection to {call.base_url} broke off while model {call.model!r} answered.",
    )


def foreign_answer(call: Call) -> Failure:
    """Tell that whatever answered does not speak the Messages API."""
    return _failure(
        FailureKind.BAD_ANSWER,
        f"{call.base_url} answered something other than the Messages API does;"
        " check ANTHROPIC_BASE_URL.",
    )


def bad_tool_call(call: Call, tool: str) -> Failure:
    """Tell that a tool call's arguments are no JSON object."""
    return _failure(
        FailureKind.BAD_ANSWER,
        f"Model {call.model!r} called {tool!r} with arguments that are no valid JSON object.",
    )


def refused(call: Call, explanation: str) -> Failure:
    """Tell that the model, or a safeguard before it, declined to answer."""
    why = f": {call.quote(explanation)}." if explanation.strip() else "."
    return _failure(
        FailureKind.REFUSED,
        f"Model {call.model!r} refused to answer{why} Rephrase the request, or choose another"
        f" model by {SETTINGS[call.purpose]}.",
    )


def window_exceeded(call: Call) -> Failure:
    """Tell that prompt and answer together were too long."""
    return _failure(
        FailureKind.CONTEXT_OVERFLOW, f"The prompt is too long for model {call.model!r}."
    )


def _refusal_of_service(error: APIStatusError, call: Call) -> Failure:
    words = call.quote(error.api_message or error.message)
    kind = _kind_of(error, words.lower())
    headers = error.response.headers
    return Failure(
        kind=kind,
        message=_explain(kind, error, call, words),
        retry_after_s=retry_after_s(headers, datetime.now(UTC)) if kind in TRANSIENT else None,
    )


def _kind_of(error: APIStatusError, words: str) -> FailureKind:
    if error.error_code in KINDS_BY_CODE:
        return KINDS_BY_CODE[error.error_code]
    status = error.status_code
    if status in MONEY_STATUSES and any(phrase in words for phrase in QUOTA_PHRASES):
        return FailureKind.QUOTA_EXHAUSTED
    if error.type in KINDS_BY_TYPE:
        return KINDS_BY_TYPE[error.type]
    if any(phrase in words for phrase in OVERFLOW_PHRASES):
        return FailureKind.CONTEXT_OVERFLOW
    if status in KINDS_BY_STATUS:
        return KINDS_BY_STATUS[status]
    return FailureKind.OVERLOADED if status >= SERVER_ERROR else FailureKind.INTERNAL


def _explain(kind: FailureKind, error: APIStatusError, call: Call, words: str) -> str:
    model = f"model {call.model!r}"
    setting = SETTINGS[call.purpose]
    if kind is FailureKind.NOT_FOUND and error.type is None:
        return foreign_answer(call).message
    sentences = {
        FailureKind.NOT_ALLOWED: f"{call.base_url} does not let this key use {model}: {words}."
        " Check ANTHROPIC_API_KEY.",
        FailureKind.NOT_FOUND: f"There is no {model} at {call.base_url}: {words}. Set {setting}"
        " (or HANSARD_MODEL) to one that this key may use.",
        FailureKind.QUOTA_EXHAUSTED: f"The account of this key has no credit left for {model}:"
        f" {words}. Raise the limit or buy credit, or use another ANTHROPIC_API_KEY.",
        FailureKind.RATE_LIMITED: f"{call.base_url} limits the rate of calls to {model}: {words}.",
        FailureKind.OVERLOADED: f"{call.base_url} cannot serve {model} now: {words}.",
        FailureKind.TIMED_OUT: f"{call.base_url} gave up waiting for {model}: {words}.",
        FailureKind.CONTEXT_OVERFLOW: f"The prompt is too long for {model}: {words}.",
    }
    default = f"{call.base_url} did not accept the request for {model}: {words}."
    return sentences.get(kind, default)


def _unreachable(cause: BaseException | None, call: Call) -> Failure:
    why = call.quote(str(cause or "")) or "no connection"
    return _failure(
        FailureKind.UNREACHABLE,
        f"{call.base_url} cannot be reached: {why}. Check the network and ANTHROPIC_BASE_URL.",
    )


def _failure(kind: FailureKind, message: str) -> Failure:
    return Failure(kind=kind, message=message)
