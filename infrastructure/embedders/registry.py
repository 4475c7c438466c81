"""Registry of embedders: which there are, and how a setting becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.errors import BadRequestError

if TYPE_CHECKING:
    from infrastructure.embedders.port import Embedder
    from infrastructure.settings import Settings

STATIC = "static"
MINILM = "minilm"
DETERMINISTIC = "deterministic"
OPENAI = "openai:"
"""Begins the name of a model behind an OpenAI-compatible endpoint."""


def embedder_named(name: str, settings: Settings) -> Embedder:
    """Open an embedder; what it needs is loaded now.

    Args:
        name: `static`, `minilm`, `openai:<model>`, or `deterministic`.
        settings: where models are kept, and what reaches the endpoint.

    Raises:
        BadRequestError: there is no such embedder, or something it needs is missing.
        EmbedderUnavailableError: what is installed cannot be loaded.
    """
    if name == STATIC:
        from infrastructure.embedders.static import StaticEmbedder  # noqa: PLC0415 - heavy

        return StaticEmbedder()
    if name == MINILM:
        return _minilm(settings)
    if name == DETERMINISTIC:
        from infrastructure.embedders.deterministic import DeterministicEmbedder  # noqa: PLC0415

        return DeterministicEmbedder()
    model = name.removeprefix(OPENAI)
    if model in {name, ""}:
        raise BadRequestError(
            f"There is no embedder {name!r}: set HANSARD_EMBEDDER to {STATIC!r}, {MINILM!r}, or"
            f" {OPENAI + '<model>'!r} for a model behind an OpenAI-compatible endpoint."
        )
    return _endpoint(name, model, settings)


def _minilm(settings: Settings) -> Embedder:
    from infrastructure.embedders.installation import find_installed, require_extra  # noqa: PLC0415

    require_extra("onnxruntime")
    found = find_installed(settings.home)
    if found is None:
        raise BadRequestError(
            f"The embedder {MINILM!r} is not installed: run `hansard embedders install minilm`, or"
            f" set HANSARD_EMBEDDER to {STATIC!r}."
        )
    from infrastructure.embedders.minilm import MiniLmEmbedder  # noqa: PLC0415

    return MiniLmEmbedder(found.model, found.name, found.dimensions)


def _endpoint(name: str, model: str, settings: Settings) -> Embedder:
    if settings.embedder_base_url is None:
        raise BadRequestError(
            f"The embedder {name!r} needs the address of its endpoint: set"
            " HANSARD_EMBEDDER_BASE_URL, for example to 'http://localhost:11434/v1'."
        )
    from infrastructure.embedders.endpoint import EndpointEmbedder  # noqa: PLC0415

    return EndpointEmbedder(
        model,
        settings.embedder_base_url,
        key=settings.embedder_api_key,
        dimensions=settings.embedder_dimensions,
    )
