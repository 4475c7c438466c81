"""Endpoint embedder: what is sent, what is believed, and which failures pass."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.embedders.endpoint import AT_ONCE, LONGEST_TEXT, EndpointEmbedder
from infrastructure.embedders.errors import EmbedderRejectedError, EmbedderUnavailableError
from tests.support.embeddings_api import (
    KEY,
    EmbeddingsApi,
    Reply,
    embeddings,
    embeddings_api,
    error,
)
from tests.support.processes import PATIENCE_S

TEXTS = ["the first", "the second", "a third one"]


@pytest.fixture
def api() -> Iterator[EmbeddingsApi]:
    with embeddings_api() as api:
        yield api


@pytest.fixture
def pauses() -> list[float]:
    """How long the embedder would have slept, in seconds."""
    return []


@pytest.fixture
def embedder(api: EmbeddingsApi, pauses: list[float]) -> Iterator[EndpointEmbedder]:
    made = EndpointEmbedder(
        "some-model",
        api.base_url,
        key=SecretStr(KEY),
        dimensions=32,
        sleep=pauses.append,
    )
    with closing(made):
        yield made


def unavailable(embedder: EndpointEmbedder) -> EmbedderUnavailableError:
    with pytest.raises(EmbedderUnavailableError) as caught:
        embedder.embed(TEXTS)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_requests_follow_the_protocol(api: EmbeddingsApi, embedder: EndpointEmbedder) -> None:
    rows = embedder.embed(TEXTS)

    assert api.requests == [
        {
            "path": "/v1/embeddings",
            "model": "some-model",
            "input": TEXTS,
            "encoding_format": "float",
            "dimensions": 32,
        }
    ]
    assert api.headers[0]["authorization"] == f"Bearer {KEY}"
    # The answer came in another order, and was three times too long.
    expected = DeterministicEmbedder().embed(TEXTS)[:, :32]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert rows == pytest.approx(expected, abs=1e-6)


def test_without_a_key_none_is_sent(api: EmbeddingsApi) -> None:
    with closing(EndpointEmbedder("m", api.base_url, dimensions=64)) as embedder:
        embedder.embed(TEXTS)

    assert "authorization" not in api.headers[0]


def test_dimensions_that_nobody_chose_are_the_models_own(api: EmbeddingsApi) -> None:
    with closing(EndpointEmbedder("m", api.base_url)) as embedder:
        assert embedder.name == "openai:m:64"
        embedder.embed(TEXTS)

    assert len(api.requests) == 2
    assert all("dimensions" not in request for request in api.requests)


def test_many_texts_go_in_several_requests_and_empty_ones_in_none(
    api: EmbeddingsApi, embedder: EndpointEmbedder
) -> None:
    texts = [f"text {number}" for number in range(AT_ONCE + 10)]

    rows = embedder.embed(["", *texts, " "])

    assert [len(request["input"]) for request in api.requests] == [AT_ONCE, 10]
    assert rows[1:-1] == pytest.approx(embedder.embed(texts))
    assert not rows[0].any()
    assert not rows[-1].any()


def test_long_texts_are_shortened(api: EmbeddingsApi, embedder: EndpointEmbedder) -> None:
    embedder.embed(["x" * (LONGEST_TEXT + 1)])

    assert len(api.requests[0]["input"][0]) == LONGEST_TEXT


def test_what_passes_is_tried_again_after_growing_pauses(
    api: EmbeddingsApi, embedder: EndpointEmbedder, pauses: list[float]
) -> None:
    api.answer_with(error(500, "oops"), error(429, "slow down"), Reply())

    assert embedder.embed(TEXTS).any()
    assert pauses == [0.5, 1.0, 2.0]
    assert len(api.requests) == 4


def in_five_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)


@pytest.mark.parametrize(
    ("said", "seconds"), [(lambda: "7", 7), (in_five_seconds, 5)], ids=["seconds", "date"]
)
def test_a_wish_for_a_pause_is_granted(
    api: EmbeddingsApi,
    embedder: EndpointEmbedder,
    pauses: list[float],
    said: Callable[[], str],
    seconds: float,
) -> None:
    api.answer_with(error(429, "slow down", Retry_After=said()))

    embedder.embed(TEXTS)

    assert pauses == [pytest.approx(seconds, abs=1.5)]


def test_a_long_pause_is_left_to_the_caller(
    api: EmbeddingsApi, embedder: EndpointEmbedder, pauses: list[float]
) -> None:
    api.answer_with(error(503, "maintenance", Retry_After="600"))

    failed = unavailable(embedder)

    assert failed.retry_after_s == 600
    assert "cannot embed texts now (503: maintenance)" in str(failed)
    assert pauses == []


def test_what_does_not_pass_in_time_is_unavailable(
    api: EmbeddingsApi, embedder: EndpointEmbedder
) -> None:
    api.answer_with(*[error(500, f"my key is {KEY},\nwho is asking?")] * 4)

    assert "(500: my key is ***, who is asking?)" in str(unavailable(embedder))
    assert len(api.requests) == 4


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (error(401, "bad key"), "check HANSARD_EMBEDDER_API_KEY"),
        (error(404, "no such model"), "the name of the model in HANSARD_EMBEDDER"),
        (error(429, "pay first", "insufficient_quota"), "no credit left"),
        (Reply(302, "elsewhere", {"Location": "http://127.0.0.1:9/"}), "refused to embed"),
        (Reply(403, "<html>"), "(403: <html>)"),
        (Reply(403, {"error": "plain words"}), "(403: plain words)"),
    ],
)
def test_what_only_people_can_change_is_not_tried_again(
    api: EmbeddingsApi, embedder: EndpointEmbedder, reply: Reply, told: str
) -> None:
    api.answer_with(reply)

    assert told in str(unavailable(embedder))
    assert len(api.requests) == 1


def vectors(*rows: Any) -> Reply:
    return Reply(body={"data": [{"index": at, "embedding": row} for at, row in enumerate(rows)]})


GOOD = [0.5] * 32


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body="<html>"),
        Reply(body=[]),
        Reply(body={"data": [1, 2, 3]}),
        Reply(body={"data": [{"index": 0, "embedding": GOOD}] * 3}),
        vectors(GOOD, GOOD),
        vectors(GOOD, GOOD, GOOD[:-1]),
        vectors(GOOD, GOOD, "text"),
        vectors(GOOD, GOOD, [*GOOD[:-1], None]),
        vectors(GOOD, GOOD, [*GOOD[:-1], 1e300]),
        vectors([], [], []),
    ],
)
def test_an_answer_that_breaks_the_protocol_is_not_believed(
    api: EmbeddingsApi, embedder: EndpointEmbedder, reply: Reply
) -> None:
    api.answer_with(reply)

    assert "answered something other than embeddings" in str(unavailable(embedder))


def test_the_order_of_the_answer_counts_where_it_has_no_numbers(
    api: EmbeddingsApi, embedder: EndpointEmbedder
) -> None:
    rows = [[1.0] + [0.0] * 31, [0.0, 1.0] + [0.0] * 30, [0.0] * 31 + [1.0]]
    api.answer_with(Reply(body={"data": [{"embedding": row} for row in rows]}))

    assert embedder.embed(TEXTS).tolist() == rows


def test_other_dimensions_than_asked_for_are_refused(
    api: EmbeddingsApi, embedder: EndpointEmbedder
) -> None:
    api.answer_with(vectors(*[[0.5] * 8] * 3))

    told = str(unavailable(embedder))

    assert "gives 8 dimensions instead of 32: correct or unset HANSARD_EMBEDDER_DIMENSIONS" in told


def refusing(word: str, status: int = 400) -> Callable[[dict[str, Any]], Reply]:
    def script(body: dict[str, Any]) -> Reply:
        if any(word in text for text in body["input"]):
            return error(status, "this text is too long")
        return embeddings(body)

    return script


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("index", [0, 17, 39])
def test_the_text_that_is_rejected_is_found_among_many(
    api: EmbeddingsApi, embedder: EndpointEmbedder, index: int, status: int
) -> None:
    api.script = refusing("monstrous", status)
    texts = [f"text {number}" for number in range(40)]
    texts[index] = "monstrous"

    with pytest.raises(EmbedderRejectedError, match="this text is too long") as caught:
        embedder.embed(texts)

    assert caught.value.index == index


def test_a_request_that_is_rejected_whatever_it_says_is_no_fault_of_the_text(
    api: EmbeddingsApi, embedder: EndpointEmbedder
) -> None:
    api.script = refusing("")

    told = "It rejects any text: check the name of the model in HANSARD_EMBEDDER"
    assert told in str(unavailable(embedder))
    with (
        closing(EndpointEmbedder("m", api.base_url)) as unknown,
        pytest.raises(EmbedderUnavailableError, match=told),
    ):
        _ = unknown.name


def test_a_server_that_is_not_there_is_named_without_password() -> None:
    with embeddings_api() as api:
        address = api.base_url.replace("://", "://me:pa55word@")
    pauses: list[float] = []
    embedder = EndpointEmbedder("m", address, dimensions=8, sleep=pauses.append)

    told = str(unavailable(embedder))

    assert "cannot be reached" in told
    assert "pa55word" not in told
    assert len(pauses) == 3


def test_a_server_that_does_not_answer_is_given_up(
    api: EmbeddingsApi, embedder: EndpointEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.embedders.endpoint.TIMEOUT_S", 0.05)
    over = Event()

    def silence(body: dict[str, Any]) -> Reply:
        over.wait(PATIENCE_S)
        return Reply()

    api.script = silence
    try:
        assert "did not answer in time" in str(unavailable(embedder))
    finally:
        over.set()
    assert len(api.requests) == 4


def test_no_attempt_begins_when_the_time_for_all_is_over(
    api: EmbeddingsApi, embedder: EndpointEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.embedders.endpoint.LONGEST_CALL_S", 0.4)
    api.answer_with(error(500, "oops"))

    unavailable(embedder)

    assert len(api.requests) == 1


def test_the_key_is_in_no_log(
    api: EmbeddingsApi, embedder: EndpointEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.answer_with(*[error(500, "oops")] * 4)

    unavailable(embedder)

    assert KEY not in caplog.text
    assert KEY not in json.dumps(repr(embedder.__dict__))
