"""Sandbox process: its conversation, held in this process over a socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infrastructure.tools import sandbox_process

LIMITS = {"memory_limit": "200MB", "answer_bytes": 1000}


class Asker:
    """Our end of the socket."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours
        self._stream = ours.makefile("rb")

    def ask(self, **question: Any) -> dict[str, Any]:
        message = json.dumps(question).encode()
        self.socket.sendall(len(message).to_bytes(8, "big") + message)
        size = int.from_bytes(self._stream.read(8), "big")
        answer: dict[str, Any] = json.loads(self._stream.read(size))
        return answer

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


@pytest.fixture
def asker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asker]:
    monkeypatch.setattr("os._exit", lambda _: None)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=sandbox_process.serve, args=(theirs,))
    thread.start()
    asker = Asker(ours)
    yield asker
    asker.close()
    thread.join(10)
    assert not thread.is_alive()


def order(**wishes: Any) -> dict[str, Any]:
    return {"tables": [], "limit": 10, "save_to": None, **wishes}


def test_the_first_answer_names_what_the_statement_reads(asker: Asker) -> None:
    sql = "WITH a AS (FROM b) SELECT * FROM a, (SELECT * FROM c WHERE x IN (SELECT y FROM d))"
    assert asker.ask(sql=sql, **LIMITS) == {"tables": ["a", "b", "c", "d"]}


def test_the_second_answer_has_the_rows_and_the_file_all_of_them(
    asker: Asker, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    sql = (
        "SELECT range AS n, range > 0 AS b, range / 2 AS f, 1.50::DECIMAL(5,2) AS d,"
        " [range] AS l, 'nan'::DOUBLE AS x, NULL AS e FROM range(2)"
    )
    assert asker.ask(sql=sql, **LIMITS) == {"tables": []}
    answer = asker.ask(**order(limit=1, save_to=str(file)))
    assert answer["rows"] == [[0, False, 0.0, 1.5, "[0]", None, None]]
    assert answer["row_count"] == 2
    assert file.read_text().splitlines() == [
        "n,b,f,d,l,x,e",
        "0,false,0.0,1.50,[0],,",
        "1,true,0.5,1.50,[1],,",
    ]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT 1; SELECT 2", "StatementError"),
        ("DROP TABLE x", "StatementError"),
        ("SELECT 1 +", "StatementError"),
    ],
)
def test_what_is_no_select_is_refused_before_it_runs(asker: Asker, sql: str, error: str) -> None:
    assert asker.ask(sql=sql, **LIMITS)["error"] == error


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT * FROM read_text('/etc/passwd')", "PermissionException"),
        ("SELECT repeat('x', 2000)", "AnswerSizeError"),
        ("SELECT 'x'::INT", "ConversionException"),
    ],
)
def test_errors_of_the_run_come_by_name(asker: Asker, sql: str, error: str) -> None:
    assert asker.ask(sql=sql, **LIMITS) == {"tables": []}
    assert asker.ask(**order())["error"] == error


def test_hanging_up_ends_the_conversation_without_an_answer(asker: Asker) -> None:
    assert asker.ask(sql="SELECT 1", **LIMITS) == {"tables": []}
    asker.socket.shutdown(socket.SHUT_WR)
