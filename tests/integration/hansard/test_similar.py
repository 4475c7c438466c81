"""Both faces of the Python API find what was asked and answered before."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import hansard
from application.errors import BadRequestError, NotFoundError


def test_what_was_asked_is_found_at_once_and_as_of_any_moment(
    database_url: str, tmp_path: Path
) -> None:
    with hansard.open(database_url=database_url, output_root=tmp_path) as h:
        first = h.run("What is 6 * 7?")
        before = h.similar("six", kind="query").position
        second = h.run("What is 20 / 4?")

        now = h.similar("what is 20 / 4", kind="query")
        then = h.similar("what is 20 / 4", at=before, kind="query")
        narrowed = h.similar("what is", session=first.session_id, agent="NOVA_001", limit=1)

        assert [hit.session_id for hit in now.items] == [second.session_id, first.session_id]
        assert [hit.session_id for hit in then.items] == [first.session_id]
        assert (now.model, now.lag, then.position) == ("static-256-v1", 0, before)
        assert len(narrowed.items) == 1
        assert [model.state.value for model in h.similar_models()] == ["live"]
        assert h.similar_dead_letters() == []


def test_the_asynchronous_face_gives_the_same(database_url: str, tmp_path: Path) -> None:
    async def ask() -> None:
        async with await hansard.open_async(
            database_url=database_url, output_root=tmp_path, embedder="deterministic"
        ) as h:
            await h.run("What is 6 * 7?")
            pages = await asyncio.gather(*(h.similar("what is 6 * 7") for _ in range(8)))
            assert {page.items[0].text for page in pages} == {"What is 6 * 7?"}
            assert {page.model for page in pages} == {"deterministic-64-v1"}

    asyncio.run(ask())


def test_what_cannot_be_asked_is_refused(database_url: str, tmp_path: Path) -> None:
    with hansard.open(database_url=database_url, output_root=tmp_path) as h:
        with pytest.raises(BadRequestError, match="empty"):
            h.similar(" ")
        with pytest.raises(BadRequestError, match="'task'"):
            h.similar("x", kind="task")
        with pytest.raises(NotFoundError, match="session"):
            h.similar("x", session="last")
        with pytest.raises(BadRequestError, match="'nonsense'"):
            h.rebuild_similar("nonsense")
        assert h.similar("x").items == ()
