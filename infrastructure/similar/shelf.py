"""EmbedderShelf: the embedders that a process uses, each loaded once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from application.errors import BadRequestError
from infrastructure.embedders.errors import EmbedderUnavailableError
from infrastructure.embedders.registry import embedder_named

if TYPE_CHECKING:
    from infrastructure.embedders.port import Embedder
    from infrastructure.settings import Settings


class EmbedderShelf:
    """Gives embedders by their names in the settings; may be used from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: dict[str, Embedder] = {}
        self._lock = Lock()

    def get(self, name: str) -> Embedder:
        """Give an embedder that was chosen before.

        Raises:
            EmbedderUnavailableError: it cannot be used now, or is no longer installed.
        """
        try:
            return self.choose(name)
        except BadRequestError as error:
            raise EmbedderUnavailableError(str(error)) from error

    def choose(self, name: str) -> Embedder:
        """Give an embedder that somebody names.

        Raises:
            BadRequestError: there is no such embedder, or something it needs is missing.
            EmbedderUnavailableError: it cannot be used now.
        """
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = embedder_named(name, self._settings)
            return self._loaded[name]
