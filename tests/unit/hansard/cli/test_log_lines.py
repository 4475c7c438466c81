"""What a worker says is one line a record, for people or for programs."""

from __future__ import annotations

import json
import logging
import sys

from hansard.cli.log_lines import LogLines


def record(
    message: str, *arguments: object, error: bool = False, **values: object
) -> logging.LogRecord:
    info = None
    if error:
        try:
            int("a\nfault")
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("hansard", logging.WARNING, "x.py", 1, message, arguments, info)
    made.created = 1_790_000_000.25
    if values:
        made.values = values
    return made


def test_a_line_has_time_level_message_and_values() -> None:
    line = LogLines(as_json=False).format(record("It began, %s.", "again", pid=7, port=9))
    assert line == "2026-09-21T14:13:20.250Z warning It began, again. pid=7 port=9"


def test_a_line_stays_one_line_and_cannot_control_a_terminal() -> None:
    line = LogLines(as_json=False).format(record("a\nb \x1b[31mred", error_of="x\ny"))
    assert line.endswith("warning a b red error_of=x y")


def test_a_document_has_the_same_parts() -> None:
    document = json.loads(LogLines(as_json=True).format(record("It began.", pid=7)))
    assert document == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "warning",
        "message": "It began.",
        "pid": 7,
    }


def test_an_error_brings_its_traceback() -> None:
    said = LogLines(as_json=False).format(record("It failed.", error=True))
    assert said.splitlines()[0].endswith("warning It failed.")
    assert "ValueError: invalid literal" in said
    document = json.loads(LogLines(as_json=True).format(record("It failed.", error=True)))
    assert "ValueError: invalid literal" in document["traceback"]
