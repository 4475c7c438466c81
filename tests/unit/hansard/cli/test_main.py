"""The command: every part of it explains itself, and none is loaded before it is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hansard.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[4]
HEAVY = ("rich", "sqlalchemy", "psycopg", "eventsourcing", "pydantic", "anthropic", "duckdb")


def paths(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*before, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from paths(command, *before, name)


@pytest.mark.parametrize("path", tuple(paths(cli)), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(path: tuple[str, ...], option: str) -> None:
    result = CliRunner().invoke(cli, [*path, option])

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {' '.join(path)}")
    assert result.output.splitlines()[2].strip()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_one_does(name: str) -> None:
    listing = CliRunner().invoke(cli, ["--help"]).output

    assert f"  {name} " in listing
    assert COMMANDS[name][1] in listing


def test_help_loads_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys\n"
        "from hansard.cli.main import cli\n"
        "cli.main(['--help'], standalone_mode=False)\n"
        f"loaded = set({HEAVY}) & set(sys.modules)\n"
        "print(sorted(loaded), file=sys.stderr)\n"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stderr.strip() == "[]"


def test_importing_hansard_is_light_too() -> None:
    code = f"import sys, hansard; print(sorted(set({HEAVY}) & set(sys.modules)))"

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "[]"


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(cli, ["frobnicate"])

    assert result.exit_code == 2
    assert "No such command 'frobnicate'" in result.output
