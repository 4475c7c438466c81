"""The options of `what-if` say one change, or are refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from application.errors import BadRequestError
from hansard.cli.main import cli

REFUSED = [
    ((), "Nothing is changed; change one thing by --policy, --model, --agent or --answer."),
    (("--policy", "a=1", "--model", "b=c"), "--policy and --model are given; change one thing"),
    (("--policy", "speed"), "--policy 'speed' cannot be understood; write --policy FIELD=NUMBER."),
    (("--policy", "=1"), "write --policy FIELD=NUMBER"),
    (("--model", "personal="), "write --model ROLE=NAME"),
    (("--agent", "FIN_007"), "says of whom, not what: add one of --skills, --add-skill"),
    (("--agent", "A_1", "--max-turns", "2", "--description", "x"), "are two changes of A_1"),
    (("--agent", "A_1", "--description", "@/no/file"), "'/no/file' cannot be read: No such file"),
    (("--add-tool", "read_file"), "--add-tool needs the agent that it is about"),
    (("--description", "x", "--policy", "a=1"), "--description needs the agent"),
    (("--answer", "5=/no/file"), "'/no/file' cannot be read"),
    (("--answer", "5={"), "The answer is no JSON"),
    (("--answer", "5"), "write --answer AT=JSON"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_options_that_say_no_single_change_are_refused(
    arguments: tuple[str, ...], told: str
) -> None:
    done = CliRunner().invoke(cli, ("what-if", *arguments))

    assert isinstance(done.exception, BadRequestError)
    assert told in str(done.exception)


def test_files_must_hold_what_is_asked_for(tmp_path: Path) -> None:
    listed, binary = tmp_path / "list.json", tmp_path / "binary"
    listed.write_text("[1]")
    binary.write_bytes(b"\xff\xfe\x00")

    first = CliRunner().invoke(cli, ("what-if", "--answer", f"5={listed}"))
    second = CliRunner().invoke(cli, ("what-if", "--answer", f"5=@{binary}"))

    assert "The answer is list in JSON; give an object" in str(first.exception)
    assert "it is no text in UTF-8" in str(second.exception)
