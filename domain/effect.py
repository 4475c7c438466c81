"""Effect: a call to the outside world (a model or a tool), its answer and its failures."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue

from domain.artefact import Artefact
from domain.value import PERSONAL, NonEmptyText, NonEmptyWords, Value, Words, later

Count = Annotated[int, Field(ge=0)]


class Usage(Value):
    """Tokens of one model call, as the provider counted them.

    Attributes:
        input_tokens: without those that were read from or written to the provider's cache.
    """

    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0

    @property
    def context_tokens(self) -> int:
        """All tokens that went in, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


class ToolCall(Value):
    """A model's wish to use a tool.

    Attributes:
        call_id: the provider's id of the call, unique within one answer.
        arguments: untrusted JSON from the model; the tool's schema validates it.
    """

    call_id: NonEmptyText
    tool: NonEmptyText
    arguments: Annotated[dict[str, JsonValue], PERSONAL]


class ModelAnswer(Value):
    """What a model answered to one call.

    Attributes:
        model: the model that really served the call, as the provider names it.
        text: untrusted text.
        stop_reason: the provider's word for why it stopped.
        cost_usd: price of the call in US dollars; None when no price is known.
        duration_ms: wall time of the call in milliseconds.
    """

    model: NonEmptyText
    text: Words = ""
    tool_calls: tuple[ToolCall, ...] = ()
    stop_reason: str
    usage: Usage = Usage()
    cost_usd: Decimal | None = None
    duration_ms: Annotated[float, Field(ge=0)] = 0.0


class ToolAnswer(Value):
    """What a tool answered to one call.

    Attributes:
        content: JSON that the calling agent sees; untrusted.
        artefacts: files the call wrote.
        duration_ms: wall time of the call in milliseconds.
    """

    content: Annotated[JsonValue, PERSONAL]
    artefacts: tuple[Artefact, ...] = ()
    duration_ms: Annotated[float, Field(ge=0)] = 0.0


class FailureKind(StrEnum):
    """Why an effect or a task failed; decides on retry and on the exit code."""

    BAD_INPUT = "bad_input"
    NOT_ALLOWED = "not_allowed"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    CONTEXT_OVERFLOW = "context_overflow"
    REFUSED = "refused"
    BAD_ANSWER = "bad_answer"
    UNABLE = "unable"
    DEPENDENCY = "dependency"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


TRANSIENT = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.TIMED_OUT,
        FailureKind.UNREACHABLE,
        FailureKind.CONTEXT_OVERFLOW,
    }
)
"""Failures after which the same effect may be tried again."""


class Failure(Value):
    """A failure as it is recorded and shown.

    Attributes:
        message: one sentence for the user: what is wrong, with which value, what to do.
        retry_after_s: seconds the provider asked to wait, if it did.
        found: what there was by then, as Markdown; untrusted.
        artefacts: files that were written by then.
    """

    kind: FailureKind
    message: NonEmptyWords
    retry_after_s: Annotated[float, Field(ge=0)] | None = None
    found: Words = later("")
    artefacts: tuple[Artefact, ...] = later(())

    @property
    def told(self) -> str:
        """The message, and what was found by then, as Markdown."""
        return f"{self.message}\n\nFound by then:\n\n{self.found}" if self.found else self.message


class EffectKind(StrEnum):
    """Which port performs an effect."""

    MODEL = "model"
    TOOL = "tool"


class PendingEffect(Value):
    """An effect whose answer is not recorded yet.

    Attributes:
        attempt: 1 for the first try of this effect.
        agent: handle of the agent on whose behalf it is performed.
        call: the tool call, for a tool effect.
        failed: whether the latest attempt failed, so that another one is due.
        purpose: what a model is asked for; empty for a tool.
        model: model that is asked; empty for a tool.
        first_model: model that was asked in the first attempt; empty for a tool.
    """

    effect_id: UUID
    kind: EffectKind
    attempt: Annotated[int, Field(ge=1)]
    agent: NonEmptyText
    purpose: str = ""
    model: str = ""
    first_model: str = ""
    call: ToolCall | None = None
    failed: bool = False
