"""The tests of this folder run the wheel, as users install it, and never the checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.command import ROOT, WHEEL, Command

PACKAGES = ("hansard", "infrastructure", "application", "projections", "domain", "migrations")


def test_the_modules_of_the_command_come_from_the_wheel(program: Path, tmp_path: Path) -> None:
    code = (
        "import hansard.bootstrap, hansard.cli.run, migrations, json, sys;"
        f"print(json.dumps([m.__file__ for n, m in sys.modules.items()"
        f" if n.split('.')[0] in {PACKAGES} and getattr(m, '__file__', None)]))"
    )
    interpreter = program.read_text().splitlines()[0].removeprefix("#!")

    answer = subprocess.run(
        [interpreter, "-P", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    files = [Path(file) for file in json.loads(answer.stdout)]
    assert Path(interpreter).parent == WHEEL / "bin"
    assert len(files) > 50
    assert all(file.is_relative_to(WHEEL) for file in files)


def test_the_wheel_is_not_older_than_the_checkout(program: Path) -> None:
    (installed,) = WHEEL.glob("lib/python*/site-packages")
    files = [
        file
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    ]

    stale = [
        str(file.relative_to(ROOT))
        for file in files
        if not (copy := installed / file.relative_to(ROOT)).exists()
        or copy.read_bytes() != file.read_bytes()
    ]

    assert not stale, "run `make wheel`"


def test_the_command_tells_its_version(hansard: Command) -> None:
    assert hansard.succeed("--version").startswith("hansard, version 0.")


def test_the_package_can_be_run_as_a_module(program: Path, tmp_path: Path) -> None:
    module = Command(program.with_name("python"), tmp_path, {})

    assert module.succeed("-P", "-m", "hansard", "--version").startswith("hansard, version 0.")
