"""The commands that prove the record, and the same from Python, on a real session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

import hansard
from application.errors import NotFoundError
from hansard.bootstrap import load_settings, open_integrity
from hansard.cli.main import cli
from infrastructure.database import Connection
from tests.support.integrity import Attacker


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Path:
    """The working folder of the commands."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def session() -> UUID:
    """A session that was run, and is covered by a checkpoint."""
    with hansard.open() as h:
        session_id = h.run("What is 6 * 7?").session_id
    with open_integrity(load_settings()) as integrity:
        integrity.checkpointer.catch_up()
    return session_id


@pytest.fixture
def attacker(connection: Connection) -> Attacker:
    return Attacker(connection)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def test_an_intact_record_is_said_so(session: UUID) -> None:
    result = run("verify")

    assert result.return_value == 0
    assert result.stdout.startswith("The log is what was recorded: ")
    assert "checkpoints outside of it" in result.stderr
    assert "Signed by hansard/" in result.stderr
    document = json.loads(run("verify", "--json").stdout)
    assert document["is_intact"] is True
    assert document["findings"] == []
    assert document["covered"] == document["position"] == document["events"]


def test_a_record_that_was_never_signed_is_said_so() -> None:
    hansard_folder = load_settings().home / "checkpoints"
    with open_integrity(load_settings()) as integrity:
        assert integrity.verify().is_intact

    assert run("verify").return_value == 0
    assert not hansard_folder.exists()


def test_a_changed_record_is_exit_code_7_and_named_by_position(
    session: UUID, attacker: Attacker
) -> None:
    attacker.run("UPDATE events SET payload = '{}' WHERE position = 17")

    result = run("verify")
    document = json.loads(run("verify", "--json").stdout)

    assert result.return_value == 7
    assert result.stdout.splitlines()[0] == (
        "changed at position 17: The event at position 17 was changed."
    )
    assert document["is_intact"] is False
    assert document["findings"][0]["position"] == 17


@pytest.mark.parametrize("name", ["last", None])
def test_a_session_is_verified_by_itself(
    session: UUID, attacker: Attacker, name: str | None
) -> None:
    result = run("verify", "--session", name or str(session))
    assert result.return_value == 0
    assert result.stdout.startswith("The session is what was recorded: ")

    attacker.run(f"UPDATE events SET actor = 'FIN_999' WHERE session_id = '{session}'")  # noqa: S608 - an id
    assert run("verify", "--session", name or str(session)).return_value == 7


def test_since_takes_a_checkpoint_from_a_file(session: UUID, here: Path) -> None:
    with open_integrity(load_settings()) as integrity:
        newest = integrity.publication.newest_path
    result = run("verify", "--since", str(newest), "--json")

    assert result.return_value == 0
    document = json.loads(result.stdout)
    assert document["since"] == document["position"]
    assert document["events"] == 0


def test_only_the_keys_in_a_file_count(session: UUID, here: Path) -> None:
    (here / "keys").write_text(run("checkpoint-key").stdout)
    assert run("verify", "--key", "keys").return_value == 0

    rotated = run("checkpoint-key", "--rotate").stdout
    (here / "new").write_text(rotated)

    assert run("verify", "--key", "keys").return_value == 0
    result = run("verify", "--key", "new")
    assert result.return_value == 7
    assert "signed by no trusted key" in result.stdout
    shown = json.loads(run("checkpoint-key", "--json").stdout)
    assert shown["verifier_key"] == rotated.strip()
    assert Path(shown["trusted_keys_file"]).read_text().count("\n") == 2


def test_a_session_is_exported_and_proven_by_the_program_beside_it(
    session: UUID, here: Path
) -> None:
    result = run("export-proof", "last")
    key = run("checkpoint-key").stdout.strip()
    name = f"hansard-proof-{session}.json"

    assert result.exit_code == 0
    assert result.stdout == f"{name}\n"
    assert key in result.stderr
    answer = subprocess.run(
        [sys.executable, "-I", "verify_proof.py", name, "--key", key],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    bundle = json.loads((here / name).read_text("utf-8"))
    assert bundle["session_id"] == str(session)
    assert bundle["verifier_key"] == key

    document = json.loads(run("export-proof", str(session), "--out", "x.json", "--json").stdout)
    assert document["events"] == len(bundle["events"])
    assert (here / "x.json").exists()


def test_many_findings_are_cut_short(session: UUID, attacker: Attacker) -> None:
    attacker.run("DELETE FROM tiles", "UPDATE checkpoints SET note = 'none'")
    with open_integrity(load_settings()) as integrity:
        integrity.publication.list_path.write_text("What?\n\n\u2014 no\n\n")
    result = run("verify")

    assert result.return_value == 7
    assert "checkpoint at position" in result.stdout


def test_python_verifies_and_proves_too(session: UUID, here: Path) -> None:
    with hansard.open() as h:
        whole = h.verify()
        part = h.verify(session)
        proof = h.export_proof(hansard.LAST, here / "proof.json")

        assert whole.is_intact
        assert part.is_intact
        assert part.events == proof.events < whole.events
        assert proof.session_id == session
        with pytest.raises(NotFoundError, match="No session"):
            h.export_proof(UUID(int=1))


def test_a_command_gets_every_checkpoint(
    monkeypatch: pytest.MonkeyPatch, session: UUID, here: Path
) -> None:
    code = "import sys; open('second', 'ab').write(sys.stdin.buffer.read())"
    monkeypatch.setenv("HANSARD_CHECKPOINT_COMMAND", f'{sys.executable} -c "{code}"')

    run("export-proof", "last")

    with open_integrity(load_settings()) as integrity:
        assert (here / "second").read_bytes() == integrity.publication.list_path.read_bytes()
