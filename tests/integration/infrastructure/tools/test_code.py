"""Tests of writing code and of running its tests where they can do no harm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from domain.effect import FailureKind
from infrastructure.tools import code
from tests.support.tool_session import ToolSession

confined = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")
MODULE = "def double(number):\n    return 2 * number\n"
HEAD = "import unittest\nfrom doubling import double\n\nclass DoubleTest(unittest.TestCase):\n"


def run(session: ToolSession, *lines: str) -> dict[str, Any]:
    """Write the module and a test with the lines as its body, and run it."""
    body = "".join(f"        {line}\n" for line in lines)
    session.use("write_file", name="doubling.py", content=MODULE)
    session.use(
        "write_file", name="test_doubling.py", content=f"{HEAD}    def test_it(self):\n{body}"
    )
    return session.use("run_tests", files=["doubling.py", "test_doubling.py"])


def test_a_text_file_is_written_as_it_is(session: ToolSession) -> None:
    answer = session.answer("write_file", name="doubling.py", content=MODULE, title="Doubling")

    (artefact,) = answer.artefacts
    assert (session.output / "doubling.py").read_text() == MODULE
    assert (artefact.path, artefact.title, artefact.media_type) == (
        "doubling.py",
        "Doubling",
        "text/x-python",
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("broken.py", "def (:", "line 1 is no valid Python"),
        ("run.sh", "rm -rf /", "files of this kind are not written"),
        ("../x.py", "1", "name"),
        ("big.md", "x" * 500_001, "over 500,000 characters"),
    ],
)
def test_what_is_no_text_file_of_the_house_is_refused(
    session: ToolSession, name: str, content: str, said: str
) -> None:
    assert said in session.failure("write_file", name=name, content=content).message


@confined
def test_tests_that_pass_and_tests_that_fail_are_told(session: ToolSession) -> None:
    good = run(session, "print('hello'); self.assertEqual(double(2), 4)")
    bad = run(session, "self.assertEqual(double(2), 5)")

    assert (good["ran"], good["passed"], good["failures"]) == (1, 1, [])
    assert good["output"] == "hello\n"
    assert len(good["isolation"]) == 4
    assert (bad["ran"], bad["passed"]) == (1, 0)
    assert "4 != 5" in bad["failures"][0]["message"]


@confined
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("import socket", "socket.socket()"), "PermissionError"),
        (("import os", "os.fork()"), "PermissionError"),
        (("import subprocess", "subprocess.run(['/bin/true'])"), "PermissionError"),
        (("import os, signal", "os.kill(os.getppid(), signal.SIGKILL)"), "PermissionError"),
        (("import os", "os.chmod('/etc/hostname', 0o777)"), "PermissionError"),
        (("import os", "os.utime('/etc/hostname')"), "PermissionError"),
        (("import os", "os.truncate('/etc/hostname', 0)"), "PermissionError"),
        (("import ctypes", "assert ctypes.CDLL(None).shmget(7, 9, 1023) == -1; 1 / 0"), "ZeroDiv"),
        (("open('/etc/passwd').read()",), "PermissionError"),
        (("import os", "os.listdir('/')"), "PermissionError"),
        (("open('/tmp/escaped', 'w')",), "PermissionError"),
        (("import resource", "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))"), "not allowed"),
        (("x = bytearray(2 << 30)",), "MemoryError"),
    ],
)
def test_what_could_do_harm_fails(session: ToolSession, lines: tuple[str, ...], said: str) -> None:
    (failed,) = run(session, *lines)["failures"]
    assert said in failed["message"]


@confined
def test_a_test_may_write_where_it_runs_and_sees_only_what_was_named(session: ToolSession) -> None:
    session.add("secret.csv", "a\n1\n")
    found = run(
        session,
        "import os, tempfile, threading",
        "with tempfile.TemporaryDirectory() as folder:",
        "    open(folder + '/x', 'w').write('1')",
        "threading.Thread(target=list).start()",
        "self.assertEqual(sorted(os.listdir('.')), ['doubling.py', 'test_doubling.py'])",
        "self.assertNotIn('HOME', os.environ)",
    )
    assert found["failures"] == []


@confined
def test_an_endless_test_is_stopped(session: ToolSession) -> None:
    session.use("write_file", name="test_loop.py", content="while True: pass")
    failure = session.failure("run_tests", files=["test_loop.py"], timeout_s=1)
    assert failure.kind is FailureKind.TIMED_OUT


@confined
def test_tests_that_end_the_process_are_no_success(session: ToolSession) -> None:
    session.use("write_file", name="test_exit.py", content="import os\nos._exit(0)")
    assert (
        "ended before they could tell"
        in session.failure("run_tests", files=["test_exit.py"]).message
    )


def test_without_confinement_nothing_is_run(
    session: ToolSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(code._CONFINEMENT).read_text().replace('"x86_64": 0xC', '"z80": 0xC')
    elsewhere = tmp_path / "confinement.py"
    elsewhere.write_text(source.replace('"aarch64": 0xC', '"z81": 0xC'))
    monkeypatch.setattr(code, "_CONFINEMENT", elsewhere)
    session.use("write_file", name="test_x.py", content=f"open({str(tmp_path / 'ran')!r}, 'w')")

    failure = session.failure("run_tests", files=["test_x.py"])

    assert failure.kind is FailureKind.NOT_ALLOWED
    assert "were not run" in failure.message
    assert not (tmp_path / "ran").exists()
