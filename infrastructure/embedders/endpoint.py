"""Endpoint embedder: any model behind an OpenAI-compatible `/embeddings`.

The protocol: https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from application.errors import BadRequestError
from infrastructure.embedders.answers import (
    ForeignAnswerError,
    Refusal,
    read_refusal,
    read_vectors,
)
from infrastructure.embedders.errors import EmbedderRejectedError, EmbedderUnavailableError
from infrastructure.embedders.unit_length import to_unit_length

if TYPE_CHECKING:
    import httpx2

AT_ONCE = 64
"""Texts of one request."""

LONGEST_TEXT = 8000
"""Characters that are sent of a text; models take about as many tokens, or fewer."""

ATTEMPTS = 4
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""A service that asks for a longer one is unavailable; whoever called may come back."""

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
LONGEST_CALL_S = 60.0
"""After that no further attempt begins: somebody may be waiting."""

HARMLESS = "A short sentence."
"""Tells a text that is rejected from a request that is rejected whatever it says."""


class EndpointEmbedder:
    """A model behind an endpoint; safe to share among threads."""

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        key: SecretStr | None = None,
        dimensions: int | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare to call.

        Args:
            model: as the endpoint names it.
            base_url: the address before `/embeddings`.
            key: sent as a bearer token; never shown.
            dimensions: asked for; by default as many as the model gives.
            sleep: waits between attempts, for seconds.

        Raises:
            BadRequestError: the key cannot stand in a header.
        """
        self._model = model
        self._asked = dimensions
        self._sleep = sleep
        self._endpoint = Endpoint(base_url, key)

    @cached_property
    def dimensions(self) -> int:
        """Length of every vector; asks the endpoint once when the settings do not say it.

        Raises:
            EmbedderUnavailableError: the endpoint cannot be used now.
        """
        if self._asked is not None:
            return self._asked
        try:
            return len(self._call([HARMLESS])[0])
        except RequestRejectedError as error:
            raise _misset(error) from error

    @property
    def name(self) -> str:
        """Name of model and dimensions; the address does not count, as a model may move."""
        return f"openai:{self._model}:{self.dimensions}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: see the port."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        spoken = [index for index, text in enumerate(texts) if text.strip()]
        for first in range(0, len(spoken), AT_ONCE):
            part = spoken[first : first + AT_ONCE]
            for index, vector in zip(part, self._embed(part, texts), strict=True):
                rows[index] = vector
        return to_unit_length(rows)

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()

    def _embed(self, part: list[int], texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Embed some of the texts; find the one that is rejected by halving."""
        try:
            vectors = self._call([_sendable(texts[index]) for index in part])
        except RequestRejectedError as error:
            if len(part) == 1:
                self._reject(part[0], error)
            middle = len(part) // 2
            yield from self._embed(part[:middle], texts)
            yield from self._embed(part[middle:], texts)
            return
        if vectors.shape[1] != self.dimensions:
            raise EmbedderUnavailableError(
                f"The model {self._model!r} at {self._endpoint.shown} gives {vectors.shape[1]}"
                f" dimensions instead of {self.dimensions}: correct or unset"
                " HANSARD_EMBEDDER_DIMENSIONS."
            )
        yield from vectors

    def _reject(self, index: int, error: RequestRejectedError) -> NoReturn:
        try:
            self._call([HARMLESS])
        except RequestRejectedError:
            raise _misset(error) from error
        raise EmbedderRejectedError(str(error), index) from error

    def _call(self, texts: list[str]) -> NDArray[np.float32]:
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        until = time.monotonic() + LONGEST_CALL_S
        pauses = [FIRST_PAUSE_S * 2**attempt for attempt in range(ATTEMPTS - 1)]
        while isinstance(outcome := self._endpoint.post(body), Refusal):
            if outcome.is_about_texts:
                raise RequestRejectedError(outcome.message)
            if not pauses or not outcome.passes:
                raise EmbedderUnavailableError(outcome.message, outcome.retry_after_s)
            pause = max(pauses.pop(0), outcome.retry_after_s or 0.0)
            if pause > min(LONGEST_PAUSE_S, until - time.monotonic()):
                raise EmbedderUnavailableError(outcome.message, outcome.retry_after_s)
            self._sleep(pause)
        return self._read(outcome, len(texts))

    def _read(self, content: bytes, count: int) -> NDArray[np.float32]:
        try:
            return read_vectors(content, count)
        except ForeignAnswerError as error:
            raise EmbedderUnavailableError(
                f"{self._endpoint.shown} answered something other than embeddings ({error}): check"
                " HANSARD_EMBEDDER_BASE_URL."
            ) from error


def _misset(error: RequestRejectedError) -> EmbedderUnavailableError:
    return EmbedderUnavailableError(
        f"{error} It rejects any text: check the name of the model in HANSARD_EMBEDDER, and"
        " HANSARD_EMBEDDER_DIMENSIONS."
    )


def _sendable(text: str) -> str:
    """Shorten a text, and take out what UTF-8 cannot say."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode()


class RequestRejectedError(Exception):
    """The endpoint did not accept a request, and would not accept it later."""


class Endpoint:
    """The address with its key, which it shows nowhere.

    Attributes:
        shown: the address, without the user and password that it may hold.
    """

    def __init__(self, base_url: str, key: SecretStr | None) -> None:
        self._url = base_url.rstrip("/") + "/embeddings"
        self._key = require_usable(key)
        scheme, _, rest = base_url.partition("://")
        self.shown = f"{scheme}://{rest.rpartition('@')[2]}"

    @cached_property
    def _client(self) -> httpx2.Client:
        import httpx2

        return httpx2.Client(timeout=httpx2.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S))

    def post(self, body: dict[str, Any]) -> bytes | Refusal:
        """Send a request once.

        Returns:
            The content of a good answer, or why there is none.
        """
        import httpx2

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            answer = self._client.post(self._url, json=body, headers=headers)
        except httpx2.TimeoutException:
            return Refusal(f"{self.shown} did not answer in time.", passes=True)
        except httpx2.HTTPError as error:
            return Refusal(
                f"{self.shown} cannot be reached: {self._quoted(str(error)) or 'no connection'}."
                " Check the network and HANSARD_EMBEDDER_BASE_URL.",
                passes=True,
            )
        if answer.is_success:
            return answer.content
        return read_refusal(answer, self.shown, self._quoted)

    def close(self) -> None:
        """Close connections; a later call opens new ones."""
        with suppress(KeyError):
            self.__dict__.pop("_client").close()

    def _quoted(self, words: str) -> str:
        if self._key:
            words = words.replace(self._key, "***")
        return " ".join(words.split()).rstrip(".")


def require_usable(key: SecretStr | None) -> str:
    """Read a key that can stand in a header, else drivers would show it in their errors.

    Raises:
        BadRequestError: it holds blanks, line breaks or non-ASCII characters.
    """
    value = key.get_secret_value() if key is not None else ""
    if value.isascii() and value.isprintable() and " " not in value:
        return value
    raise BadRequestError(
        "HANSARD_EMBEDDER_API_KEY holds characters that no key has, such as blanks or line breaks;"
        " copy it again."
    )
