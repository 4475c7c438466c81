"""Code tools: write a text file as it is, and run the unit tests of a session, confined.

What a model wrote is never trusted: its tests run in a process of their own without network, other
programs or files but their own (see `confinement`), and where the system cannot confine them they
are not run at all.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.document import clean
from infrastructure.tools.failures import bad_input, internal, not_allowed, too_large
from infrastructure.tools.schemas import (
    RunTestsAnswer,
    RunTestsArguments,
    WriteFileAnswer,
    WriteFileArguments,
)

TEXT_SUFFIXES = (".csv", ".json", ".md", ".py", ".sql", ".toml", ".txt", ".yaml")
_MOST_CHARACTERS = 500_000
_PROGRAM = Path(__file__).with_name("test_process.py")
_CONFINEMENT = Path(__file__).with_name("confinement.py")
_LIMITS = {"address_bytes": 1 << 30, "processor_s": 20, "file_bytes": 16 << 20}
_OUTPUT_BYTES = 4_000
_TOLD_BYTES = 1 << 20
_SYSTEM_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null")
"""What Python itself reads while it runs: shared libraries and time zones."""


def write_file(call: Call, arguments: WriteFileArguments) -> Outcome:
    """Write one text file; a Python file has to be valid Python."""
    suffix = PurePosixPath(arguments.name).suffix
    if suffix not in TEXT_SUFFIXES:
        raise bad_input(
            f"{arguments.name!r}: files of this kind are not written; the kinds are"
            f" {', '.join(TEXT_SUFFIXES)}."
        )
    if len(arguments.content) > _MOST_CHARACTERS:
        raise too_large(f"content has over {_MOST_CHARACTERS:,} characters; shorten it.")
    content = clean(arguments.content).rstrip() + "\n"
    if suffix == ".py":
        _check_syntax(arguments.name, content)
    artefact = call.output.write(arguments.name, content.encode(), arguments.title)
    return Outcome(WriteFileAnswer(file=artefact.path, size=artefact.size), (artefact,))


def _check_syntax(name: str, content: str) -> None:
    try:
        ast.parse(content, name)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        place = f", line {line}" if line else ""
        raise bad_input(f"{name}{place} is no valid Python: {error}.") from error


def run_tests(call: Call, arguments: RunTestsArguments) -> Outcome:
    """Copy the files into a folder of their own, and run the tests in it."""
    tests = [PurePosixPath(name).stem for name in arguments.files if name.startswith("test_")]
    if not tests:
        raise bad_input("None of the files is called test_*.py; name the tests, too.")
    with tempfile.TemporaryDirectory(prefix="hansard-tests-") as folder:
        for name in arguments.files:
            handle, _ = call.files.open(call.files.find(name))
            with handle:
                (Path(folder) / name).write_bytes(handle.read())
        told, output = _run(call, folder, tests)
    if "unconfined" in told:
        raise not_allowed(
            f"The tests were not run: {told['unconfined']}, and what a model wrote is only run"
            " confined."
        )
    return Outcome(RunTestsAnswer(**told, output=clean(output)))


def _run(call: Call, folder: str, tests: list[str]) -> tuple[dict[str, Any], str]:
    ours, theirs = os.pipe()
    standard = sysconfig.get_paths()
    order = {
        "folder": folder,
        "tests": tests,
        "answer_to": theirs,
        "confinement": str(_CONFINEMENT),
        "limits": _LIMITS,
        "readable": [standard["stdlib"], standard["platstdlib"], *_SYSTEM_FOLDERS],
    }
    with os.fdopen(ours, "rb") as answers:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(order)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                env={"PYTHONIOENCODING": "utf-8"},
                cwd="/",
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        finally:
            os.close(theirs)
        output = bytearray()
        reader = threading.Thread(target=_collect, args=(process, output), daemon=True)
        reader.start()
        try:
            with call.interruption.stopping(partial(_end, process)):
                told = answers.read(_TOLD_BYTES)
        finally:
            _end(process)
            process.wait()
            reader.join()
    call.interruption.check()
    return _told(told, output), output.decode("utf-8", "replace")


def _told(told: bytes, output: bytearray) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(told)
    except ValueError as error:
        last = output.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing was said"]
        raise internal(
            "The tests ended before they could tell anything, most likely for want of memory or"
            f" time: {last[0][:200]}."
        ) from error
    return found


def _collect(process: subprocess.Popen[bytes], output: bytearray) -> None:
    """Keep the beginning of what is printed, and read on so that nobody waits."""
    stream = process.stdout
    if stream is None:
        raise AssertionError("the process was started with a pipe")
    with stream:
        while piece := os.read(stream.fileno(), 1 << 16):
            output += piece[: max(_OUTPUT_BYTES - len(output), 0)]


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
