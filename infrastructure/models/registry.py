"""RoutedModel: sends each call to the adapter that serves the model it names."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from application.errors import BadRequestError, EffectError
from application.ports import Model, ModelRequest
from domain.effect import Failure, FailureKind, ModelAnswer
from infrastructure.models.anthropic import AnthropicModel
from infrastructure.models.offline import OfflineModel

OFFLINE = "offline"
CLAUDE = "claude-"


class ModelSettings(Protocol):
    """What the adapters need to know of the settings."""

    @property
    def anthropic_api_key(self) -> SecretStr | None:
        """The key; None where there is none."""
        ...

    @property
    def anthropic_base_url(self) -> str | None:
        """Address of the service; None for Anthropic's own."""
        ...


class RoutedModel:
    """All models of the house; what an adapter needs is loaded when its first call comes."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._anthropic: AnthropicModel | None = None

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call.

        Raises:
            EffectError: no adapter serves the model, its key is missing, or the call failed.
        """
        return await self._adapter(request.model).answer(request)

    def check(self, model: str, *, needs_key: bool) -> None:
        """Make sure that a model is known, and can be asked.

        Raises:
            BadRequestError: no adapter serves it, or its key is missing.
        """
        try:
            self._adapter(model)
        except EffectError as error:
            if needs_key or error.failure.kind is FailureKind.NOT_FOUND:
                raise BadRequestError(str(error)) from error

    def stand_in(self, model: str) -> str:
        """Name the model that is asked instead of one whose key is missing."""
        lacks_key = model.startswith(CLAUDE) and self._settings.anthropic_api_key is None
        return OFFLINE if lacks_key else model

    async def aclose(self) -> None:
        """Close what the running event loop opened."""
        if self._anthropic is not None:
            await self._anthropic.aclose()

    def _adapter(self, model: str) -> Model:
        if model == OFFLINE:
            return OfflineModel()
        if not model.startswith(CLAUDE):
            raise _error(
                FailureKind.NOT_FOUND,
                f"No model {model!r} is known; there are {OFFLINE!r} and the models of Anthropic,"
                f" whose names start with {CLAUDE!r}.",
            )
        if self._anthropic is None:
            self._anthropic = self._open_anthropic(model)
        return self._anthropic

    def _open_anthropic(self, model: str) -> AnthropicModel:
        key = self._settings.anthropic_api_key
        if key is None:
            raise _error(
                FailureKind.NOT_ALLOWED,
                f"Model {model!r} needs a key: set ANTHROPIC_API_KEY, or choose {OFFLINE!r}.",
            )
        return AnthropicModel(key, self._settings.anthropic_base_url)


def _error(kind: FailureKind, message: str) -> EffectError:
    return EffectError(Failure(kind=kind, message=message))
