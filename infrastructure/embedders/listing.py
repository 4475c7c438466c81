"""Listing of embedders: which there are here, and what each still needs."""

from __future__ import annotations

import importlib.util
from importlib.resources import files
from typing import TYPE_CHECKING

from domain.value import Value
from infrastructure.embedders.installation import NAME as MINILM_NAME
from infrastructure.embedders.installation import find_installed
from infrastructure.embedders.registry import MINILM, OPENAI, STATIC

if TYPE_CHECKING:
    from infrastructure.settings import Settings

ENDPOINT = f"{OPENAI}<model>"


class EmbedderStatus(Value):
    """An embedder as this installation has it.

    Attributes:
        setting: what HANSARD_EMBEDDER calls it.
        name: of the model with its version; None where the endpoint says it.
        dimensions: of its vectors; None where the endpoint says it.
        bytes: size of its files; None where there are none.
        chosen: whether the settings name it.
        needs: what to do before it can be used; None when it can.
    """

    setting: str
    name: str | None
    dimensions: int | None
    bytes: int | None
    chosen: bool
    needs: str | None


def list_embedders(settings: Settings) -> tuple[EmbedderStatus, ...]:
    """List the embedders, the default one first; nothing is loaded and nobody is called."""
    return (_static(settings), _minilm(settings), _endpoint(settings))


def _static(settings: Settings) -> EmbedderStatus:
    from infrastructure.embedders.static import DIMENSIONS, NAME, TABLE  # noqa: PLC0415 - heavy

    table = files("infrastructure.embedders").joinpath(TABLE).read_bytes()
    return EmbedderStatus(
        setting=STATIC,
        name=NAME,
        dimensions=DIMENSIONS,
        bytes=len(table),
        chosen=settings.embedder == STATIC,
        needs=None,
    )


def _minilm(settings: Settings) -> EmbedderStatus:
    found = find_installed(settings.home)
    modules = ["onnxruntime"] if found else ["onnx", "onnxruntime"]
    needs = None if found else "hansard embedders install minilm"
    if not all(map(importlib.util.find_spec, modules)):
        needs = "pip install 'hansard[onnx]'"
    return EmbedderStatus(
        setting=MINILM,
        name=found.name if found else MINILM_NAME,
        dimensions=found.dimensions if found else None,
        bytes=found.bytes if found else None,
        chosen=settings.embedder == MINILM,
        needs=needs,
    )


def _endpoint(settings: Settings) -> EmbedderStatus:
    chosen = settings.embedder.startswith(OPENAI)
    return EmbedderStatus(
        setting=settings.embedder if chosen else ENDPOINT,
        name=None,
        dimensions=settings.embedder_dimensions,
        bytes=None,
        chosen=chosen,
        needs=None if settings.embedder_base_url else "set HANSARD_EMBEDDER_BASE_URL",
    )
