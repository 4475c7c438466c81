"""Rehearsing: a log that reads as if appended to, while the one below stays as it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from application.fold_cache import FoldCache
from application.what_if.rehearsing import RehearsalLog, UntouchedFiles
from domain.artefact import Artefact
from tests.support.office import charter, office
from tests.support.what_ifs import KeptFiles


def rehearse() -> RehearsalLog:
    it = office()
    it.run()
    log = RehearsalLog(it.log, it.clock)
    sessions = replace(it.sessions, log=log, cache=FoldCache())
    asyncio.run(sessions.run(charter("Say hello."), lambda _: None))
    return log


def test_what_is_appended_goes_on_from_the_log_below_and_stays_out_of_it() -> None:
    log = rehearse()
    below = len(log.log.events)  # type: ignore[attr-defined]  # the one in memory

    assert log.last == below
    assert log.log.last_position() == below
    assert [each.position for each in log.read()] == [*range(1, log.last_position() + 1)]
    assert log.last_position() == below + len(log.events)


def test_both_are_read_by_the_same_filters() -> None:
    log = rehearse()
    everything = list(log.read())
    newest = everything[-1]

    assert list(log.read(backwards=True)) == everything[::-1]
    assert list(log.read(after=3, until=log.last + 2)) == everything[3 : log.last + 2]
    assert list(log.read(until=log.last - 1)) == everything[: log.last - 1]
    assert next(log.read(limit=1)) == everything[0]
    assert list(log.read(stream=newest.event.originator_id, limit=1, backwards=True)) == [newest]
    opened = list(log.read(types=("session.opened",)))
    assert len(opened) == 2
    assert opened[1].position == log.last + 1
    own = list(log.read(session_id=opened[1].session_id))
    assert own == log.events
    later = log.events[0].recorded_at
    assert list(log.read(since=later))[-len(own) :] == own
    assert own[0] not in list(log.read(before=later - timedelta(seconds=1)))


def test_files_are_looked_at_and_not_copied() -> None:
    kept = KeptFiles(lost={"b"})
    artefacts = [
        Artefact(path=path, media_type="text", title=path, sha256="0" * 64, size=1)
        for path in ("a", "b")
    ]

    assert UntouchedFiles(kept).copy(artefacts, Path("x"), Path("y")) == ("b",)
    assert kept.copied == []
