"""System: the clock tells UTC, ids sort by the order they were made in, and users have names."""

from __future__ import annotations

import os
import pwd
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from infrastructure.system import SystemClock, Uuid7Factory, process_name, system_user


def test_the_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(tz=UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(tz=UTC)
    assert now.utcoffset() == timedelta(0)


def test_ids_are_of_version_7_and_carry_their_time() -> None:
    before = datetime.now(tz=UTC)
    made = Uuid7Factory().new()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    milliseconds = made.int >> 80
    assert 0 <= milliseconds - int(before.timestamp() * 1000) < 60_000


def test_ids_of_one_thread_ascend() -> None:
    ids = Uuid7Factory()
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(made)


def test_ids_never_repeat_across_threads() -> None:
    ids = Uuid7Factory()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.new() for _ in range(2000)], range(8)))
    assert len({one for batch in made for one in batch}) == 16_000


def test_the_user_is_named_by_the_user_database_and_not_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")

    assert system_user() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_plain_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_123)
    assert system_user() == "uid:2000000123"

    entry = pwd.struct_passwd(("EXAMPLE\\anna", "x", 1, 1, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    assert system_user() == "uid:2000000123"


def test_each_run_of_a_process_has_a_name_of_its_own() -> None:
    names = {process_name() for _ in range(100)}

    assert len(names) == 100
    assert all(f":{os.getpid()}:" in name for name in names)
