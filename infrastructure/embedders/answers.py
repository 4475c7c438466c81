"""Answers of an OpenAI-compatible endpoint: vectors that can be trusted, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from infrastructure.models.anthropic.failures import retry_after_s

if TYPE_CHECKING:
    import httpx2

WORDS_LENGTH = 300
SERVER_ERROR = 500

PASSING = frozenset({408, 409, 425, 429})
"""Statuses, beside those of 500 and above, after which the same request may succeed."""

ABOUT_TEXTS = frozenset({400, 413, 422})
"""Statuses that may lie in what was sent."""

NO_CREDIT = "insufficient_quota"
"""The code of a 429 that no waiting helps against."""


class ForeignAnswerError(ValueError):
    """The answer is not what the protocol says."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer.

    Attributes:
        message: for people, without secrets.
        passes: the same request may succeed later.
        is_about_texts: another text may be accepted.
        retry_after_s: how long the service asks to wait, in seconds.
    """

    message: str
    passes: bool = False
    is_about_texts: bool = False
    retry_after_s: float | None = None


def read_vectors(content: bytes, count: int) -> NDArray[np.float32]:
    """Read as many vectors as texts were sent, in their order.

    Raises:
        ForeignAnswerError: they are not that many, or not all finite and of one length.
    """
    try:
        rows = orjson.loads(content)["data"]
        # Some services leave the index out; they keep the order.
        placed = {int(row.get("index", place)): row["embedding"] for place, row in enumerate(rows)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ForeignAnswerError("no list of embeddings") from error
    if len(rows) != count or placed.keys() != set(range(count)):
        raise ForeignAnswerError(f"{len(rows)} embeddings for {count} texts")
    try:
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            vectors = np.array([placed[index] for index in range(count)], np.float32)
    except (ValueError, TypeError) as error:
        raise ForeignAnswerError("embeddings that are no lists of equally many numbers") from error
    if vectors.ndim != 2 or vectors.shape[1] == 0 or not np.isfinite(vectors).all():  # noqa: PLR2004 - rows and columns
        raise ForeignAnswerError("embeddings that are no lists of finite numbers")
    return vectors


def read_refusal(answer: httpx2.Response, shown: str, quoted: Callable[[str], str]) -> Refusal:
    """Tell why the service refused.

    Args:
        answer: with a status that is no success.
        shown: the address for people.
        quoted: takes secrets and line breaks out of foreign words.
    """
    words, code = _words_of(answer)
    status = answer.status_code
    said = quoted(words)[:WORDS_LENGTH] or "it said nothing"
    if status in ABOUT_TEXTS:
        return Refusal(f"{shown} rejected a text ({status}: {said}).", is_about_texts=True)
    if code == NO_CREDIT:
        return Refusal(f"The account of this key has no credit left at {shown}: {said}.")
    if status in PASSING or status >= SERVER_ERROR:
        wait = retry_after_s(answer.headers, datetime.now(UTC))
        message = f"{shown} cannot embed texts now ({status}: {said})."
        return Refusal(message, passes=True, retry_after_s=wait)
    return Refusal(
        f"{shown} refused to embed texts ({status}: {said}): check HANSARD_EMBEDDER_API_KEY,"
        " HANSARD_EMBEDDER_BASE_URL and the name of the model in HANSARD_EMBEDDER."
    )


def _words_of(answer: httpx2.Response) -> tuple[str, str]:
    try:
        error: Any = orjson.loads(answer.content)["error"]
        if isinstance(error, dict):
            return str(error.get("message", "")), str(error.get("code", ""))
        return str(error), ""
    except (ValueError, TypeError, KeyError):
        return answer.text, ""
