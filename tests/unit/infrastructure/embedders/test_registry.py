"""Registry: a setting becomes an embedder, or says what is missing."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from application.errors import BadRequestError
from infrastructure.embedders.listing import list_embedders
from infrastructure.embedders.registry import embedder_named
from infrastructure.settings import load_settings

URL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("setting", "name", "dimensions"),
    [("static", "static-256-v1", 256), ("deterministic", "deterministic-64-v1", 64)],
)
def test_what_needs_nothing_is_opened(setting: str, name: str, dimensions: int) -> None:
    embedder = embedder_named(setting, load_settings())

    assert (embedder.name, embedder.dimensions) == (name, dimensions)


def test_an_endpoints_name_holds_model_and_dimensions() -> None:
    settings = load_settings(embedder_base_url=URL, embedder_dimensions=256)

    embedder = embedder_named("openai:text-embedding-3-small", settings)

    assert embedder.name == "openai:text-embedding-3-small:256"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("word2vec", "There is no embedder 'word2vec': set HANSARD_EMBEDDER to 'static'"),
        ("openai:", "There is no embedder 'openai:'"),
        ("openai:m", "'openai:m' needs the address of its endpoint: set HANSARD_EMBEDDER_BASE_URL"),
        ("minilm", "'minilm' is not installed: run `hansard embedders install minilm`"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(setting: str, told: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        embedder_named(setting, load_settings())

    assert told in str(caught.value)


def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_shown() -> None:
    settings = load_settings(embedder_base_url=URL, embedder_api_key="sk-two\nlines")

    with pytest.raises(BadRequestError, match="HANSARD_EMBEDDER_API_KEY holds") as caught:
        embedder_named("openai:m", settings)

    assert "sk-two" not in str(caught.value)


@pytest.fixture
def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name.startswith("onnx") else found(name, package)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)


@pytest.mark.usefixtures("without_extra")
def test_a_missing_extra_is_named() -> None:
    with pytest.raises(BadRequestError, match=r"needs onnxruntime: run `pip install 'hansard\["):
        embedder_named("minilm", load_settings())


def test_the_list_says_what_each_embedder_still_needs() -> None:
    static, minilm, endpoint = list_embedders(load_settings())

    assert (static.setting, static.chosen, static.needs) == ("static", True, None)
    assert static.bytes is not None
    assert (minilm.chosen, minilm.needs) == (False, "hansard embedders install minilm")
    assert (endpoint.setting, endpoint.chosen) == ("openai:<model>", False)
    assert endpoint.needs == "set HANSARD_EMBEDDER_BASE_URL"


@pytest.mark.usefixtures("without_extra")
def test_the_list_says_that_the_extra_is_missing() -> None:
    assert list_embedders(load_settings())[1].needs == "pip install 'hansard[onnx]'"


def test_the_list_shows_the_endpoint_that_is_chosen() -> None:
    settings = load_settings(embedder="openai:nomic-embed-text", embedder_base_url=URL)

    static, _, endpoint = list_embedders(settings)

    assert not static.chosen
    assert (endpoint.setting, endpoint.chosen, endpoint.needs) == (
        "openai:nomic-embed-text",
        True,
        None,
    )
