"""A fresh process is asked for sessions, and tells what that took."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from benchmarks.asking import ask
from benchmarks.talks import IDS, Talk, exchanges
from hansard.bootstrap import build, load_settings


def test_a_fresh_process_sees_a_talk_as_it_was_and_as_it_is(
    database_url: str, tmp_path: Path
) -> None:
    house = build(load_settings(database_url=database_url, home=tmp_path, model="offline"))
    said = list(islice(exchanges(seed=1), 4))

    async def hold() -> tuple[str, str]:
        talk = await Talk.open(house.log, IDS.new())
        for exchange in said[:1]:
            await talk.take(exchange)
        middle = datetime.now(UTC).isoformat()
        for exchange in said[1:]:
            await talk.take(exchange)
        return str(talk.session_id), middle

    try:
        session, middle = asyncio.run(hold())
        answers = ask(database_url, tmp_path, session, [(session, middle), (session, None)])
    finally:
        house.close()
    assert answers.turns == [1 + 2, 1 + 2 * len(said)]
    assert [len(answers.first_ms), len(answers.again_ms)] == [2, 2]
    assert answers.peak_kb >= 0
