"""AnthropicModel: asks a language model over the Messages API and reads its streamed answer."""

from __future__ import annotations

import asyncio
import math
import re
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic import SecretStr

from application.errors import EffectError
from application.ports import ModelRequest
from application.prompts import compose_within
from domain.effect import ModelAnswer
from infrastructure.models.anthropic.failures import Call, failure_of, foreign_errors, timed_out
from infrastructure.models.anthropic.messages import Parameters, to_parameters
from infrastructure.models.anthropic.reading import AnswerReader
from infrastructure.models.prices import price_usd

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

DEFAULT_BASE_URL = "https://api.anthropic.com"
CREDENTIALS = re.compile(r"//[^/@]*@")
PROVIDER = "anthropic"
CONNECT_TIMEOUT_S = 10.0
DEFAULT_MAX_OUTPUT_TOKENS = 16_000
"""Room for a report and for the thinking that current models do before it."""


class AnthropicModel:
    """A model of Anthropic, or of a service that speaks its Messages API.

    Every call is streamed: a long answer that arrives in one piece leaves the connection idle
    until proxies cut it, and an idle one cannot be told from a dead one. The SDK retries nothing,
    because every attempt is an event of ours.

    Args:
        base_url: the service's address; None for Anthropic's own.
        max_output_tokens: the longest answer, thinking included.
    """

    def __init__(
        self,
        api_key: SecretStr,
        base_url: str | None = None,
        max_output_tokens: int = DEFAULT_MAX_OUTPUT_TOKENS,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url or DEFAULT_BASE_URL
        self._max_output_tokens = max_output_tokens
        # The connections of a client belong to the event loop that opened them.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncAnthropic] = (
            WeakKeyDictionary()
        )

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call.

        Raises:
            EffectError: the call failed; its failure says how and whether to try again.
        """
        call = Call(
            base_url=CREDENTIALS.sub("//", self._base_url),
            model=request.model,
            purpose=request.brief.purpose,
            timeout_s=request.timeout_s,
            secret=self._api_key,
        )
        call.require_usable_key()
        prompt = compose_within(request.brief, request.compression, request.max_context_tokens)
        longest = min(self._max_output_tokens, request.max_output_tokens or math.inf)
        parameters = to_parameters(prompt, request.model, int(longest))
        started = perf_counter()
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await self._ask(parameters, call)
        except TimeoutError as error:
            raise EffectError(timed_out(call)) from error
        except foreign_errors() as error:
            raise EffectError(failure_of(error, call)) from error
        return answer.model_copy(
            update={
                "cost_usd": price_usd(answer.model, answer.usage, PROVIDER),
                "duration_ms": (perf_counter() - started) * 1000,
            }
        )

    async def aclose(self) -> None:
        """Close the connections that the running event loop opened."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    async def _ask(self, parameters: Parameters, call: Call) -> ModelAnswer:
        from anthropic import Timeout

        connect_s = min(CONNECT_TIMEOUT_S, call.timeout_s)
        stream = await self._client().messages.create(
            **parameters, stream=True, timeout=Timeout(call.timeout_s, connect=connect_s)
        )
        reader = AnswerReader(call)
        async with stream:
            async for event in stream:
                reader.take(event)
        return reader.finish()

    def _client(self) -> AsyncAnthropic:
        from anthropic import AsyncAnthropic

        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = AsyncAnthropic(
                api_key=self._api_key.get_secret_value(), base_url=self._base_url, max_retries=0
            )
            self._clients[loop] = client
        return client
