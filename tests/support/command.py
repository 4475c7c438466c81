"""Command: the installed console script, run as users run it: in pipes and in a terminal."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).parents[2]
WHEEL = ROOT / "build" / "wheel"
LEDGER = ROOT / "examples" / "q4" / "ledger.csv"
REQUEST = "Generate a Q4 financial report with charts"

PATIENCE_S = 120.0
"""A command that takes longer hangs; a busy machine is no reason to fail."""

ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `seconds` is the wall time it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Screen:
    """What a terminal was sent; line ends are the terminal's."""

    code: int
    sent: str

    @property
    def text(self) -> str:
        """Everything that was ever shown, without the sequences that coloured and moved it."""
        return ESCAPE.sub("", self.sent).replace("\r", "")


class Command:
    """The console script with a chosen environment, in a working folder of its own.

    Args:
        program: path of the script.
        folder: working folder, and home of the embedded server.
        environment: variables beside the few that every process needs.
    """

    def __init__(self, program: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.program = program
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "HANSARD_HOME": str(folder / "hansard-home"),
            **_needed(),
            **environment,
        }

    def given(self, **environment: str) -> Command:
        """Change the environment."""
        return Command(self.program, self.folder, self.environment | environment)

    def run(self, *arguments: str | Path) -> Outcome:
        """Run the command to its end, with pipes in place of a terminal."""
        with self.started(*arguments) as running:
            return running.end()

    def succeed(self, *arguments: str | Path) -> str:
        """Run a command that must succeed, and give its standard output."""
        outcome = self.run(*arguments)
        assert outcome.code == 0, outcome
        return outcome.out

    def document(self, *arguments: str | Path) -> Any:
        """Run a command that must succeed with `--json`, and give its document."""
        outcome = self.run(*arguments, "--json")
        assert outcome.code == 0, outcome
        return outcome.document

    @contextmanager
    def started(self, *arguments: str | Path) -> Iterator[Running]:
        """Start the command; one that still runs when the context ends is killed."""
        with subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        ) as process:
            try:
                yield Running(process)
            finally:
                process.kill()

    def show(self, *arguments: str | Path, columns: int = 120) -> Screen:
        """Run the command to its end in a terminal of its own."""
        main, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        with subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            env=self.environment | {"TERM": "xterm-256color"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        ) as process:
            os.close(terminal)
            killer = threading.Timer(PATIENCE_S, process.kill)
            killer.start()
            sent = b"".join(_read(main))
            killer.cancel()
        os.close(main)
        return Screen(process.returncode, sent.decode())


def command_of_this_tree(folder: Path, url: str, program: str = "-m hansard") -> Command:
    """Make the command run from the source, on a database.

    Args:
        folder: working folder; the script is put there.
        program: what Python runs.
    """
    script = folder / f"hansard-{len(list(folder.iterdir()))}"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {program} "$@"\n')
    script.chmod(0o755)
    return Command(script, folder, {"HANSARD_DATABASE_URL": url, "PYTHONPATH": str(ROOT)})


class Running:
    """A command that was started; its messages can be followed while it runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._started = monotonic()
        self._heard: list[str] = []

    def await_message(self, part: str) -> str:
        """Wait for a line on standard error that contains a text, and give it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._heard.append(line)
            if part in line:
                return line
        raise AssertionError(f"{part!r} was not said: {self._heard}")

    def first_line(self) -> str:
        """Read the first line of standard output, and listen no longer."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.process.stdout.close()
        return line

    def interrupt(self) -> None:
        """Press Ctrl-C, which a terminal tells every process of the command."""
        self._started = monotonic()
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> Outcome:
        """Kill it as the system would: it cannot clean up."""
        self.process.kill()
        return self.end()

    def end(self) -> Outcome:
        """Wait for its end; seconds count from the start, or from the interruption."""
        if self.process.stdout is not None and self.process.stdout.closed:
            self.process.stdout = None
        out, err = self.process.communicate(timeout=PATIENCE_S)
        seconds = monotonic() - self._started
        return Outcome(self.process.returncode, out or "", "".join(self._heard) + err, seconds)


def _needed() -> dict[str, str]:
    """Give variables that the machine, or the measuring of coverage, needs."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "TMPDIR", "TZ"} or name.startswith("COVERAGE_")
    }


def _read(main: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(main, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux says that the terminal has closed
                raise
            return
        if not piece:
            return
        yield piece
