"""The command `replay`, and the same from Python, on real sessions and on bundles of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

import hansard
from application.errors import ApplicationError, BadRequestError, IntegrityError, NotFoundError
from hansard.bootstrap import verify_bundle
from hansard.cli.exits import exit_code
from hansard.cli.main import DIFFERENCE, INTEGRITY, NOT_FOUND, OK, UNAVAILABLE, USAGE, cli
from infrastructure.database import Connection
from infrastructure.integrity.verify_proof import OLD_FORMAT
from tests.support.command import LEDGER, REQUEST, ROOT
from tests.support.integrity import Attacker


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Path:
    """The working folder of the commands."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def session() -> UUID:
    with hansard.open() as h:
        return h.run("What is 6 * 7?").session_id


@pytest.fixture
def attacker(connection: Connection) -> Attacker:
    return Attacker(connection)


def run(*arguments: str | Path, given: str | None = None) -> Result:
    texts = [str(each) for each in arguments]
    return CliRunner().invoke(cli, texts, input=given, standalone_mode=False)


def code(result: Result) -> int:
    """Tell the exit code that the process would end with."""
    if isinstance(result.exception, ApplicationError):
        return exit_code(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    value: Any = result.return_value
    return int(value or 0)


def edit(attacker: Attacker, event_type: str, was: str, now: str) -> None:
    """Change a text in the payload of the first event of a type that has it."""
    attacker.run(
        "UPDATE events SET payload = convert_to(replace(convert_from(payload, 'UTF8'),"  # noqa: S608 - a test's own words
        f" '{was}', '{now}'), 'UTF8') WHERE position = (SELECT min(position) FROM events"
        f" WHERE type = '{event_type}' AND convert_from(payload, 'UTF8') LIKE '%{was}%')"
    )


def test_the_main_job_is_verified_by_replay_alone() -> None:
    with hansard.open() as h:
        view = h.run(REQUEST, [LEDGER])
        found = h.verify_replay(view.session_id)

    assert found.differences == ()
    assert found.is_verified
    assert found.state_hash == view.state_hash
    assert found.decisions > found.inputs > 20
    assert (found.model_calls_made, found.tool_calls_made) == (0, 0)


def test_a_verified_session_is_said_so(session: UUID) -> None:
    result = run("replay", "last", "--verify")
    document = json.loads(run("replay", str(session), "--verify", "--json").stdout)

    assert code(result) == OK
    assert f"Session {session} is what was decided" in result.stdout
    assert "with 0 model and 0 tool calls" in result.stdout
    assert document["is_verified"] is True
    assert document["model_calls_made"] == document["tool_calls_made"] == 0
    assert document["events"] == document["inputs"] + document["decisions"]


def test_replaying_appends_nothing(session: UUID, connection: Connection) -> None:
    def events() -> list[Any]:
        return connection.execute("SELECT max(position) FROM hansard.events").fetchall()

    before = events()
    run("replay", str(session), "--verify")
    run("replay", str(session))

    assert events() == before


def test_a_tampered_answer_is_found_by_verify_and_named_by_replay(
    session: UUID, attacker: Attacker
) -> None:
    run("export-proof", str(session))  # signs what is there
    edit(attacker, "task.model_answered", "6 * 7", "6 * 8")

    assert code(run("verify")) == INTEGRITY
    result = run("replay", str(session), "--verify")
    document = json.loads(run("replay", str(session), "--verify", "--json").stdout)

    assert code(result) == DIFFERENCE
    found = document["differences"][0]
    assert found["type"] == "session.interpreted"
    assert found["field"] == "intent.goal"
    assert "6 * 7" in found["recorded"]
    assert "6 * 8" in found["recomputed"]
    assert f"At position {found['position']}, intent.goal of session.interpreted" in result.stdout


def test_an_answer_that_would_have_led_elsewhere_is_named_by_what_would_have_been_decided(
    session: UUID, attacker: Attacker
) -> None:
    edit(attacker, "task.model_answered", "submit_result", "submit_resilt")

    document = json.loads(run("replay", str(session), "--verify", "--json").stdout)

    [found] = document["differences"]
    assert "task.completed" in found["recorded"]
    assert "task.tool_called" in found["recomputed"]
    assert document["unchecked"] > 0


def test_a_tampered_decision_is_named_with_field_and_both_values(
    session: UUID, attacker: Attacker
) -> None:
    edit(attacker, "task.delegated", '"confidence":1.0', '"confidence":0.4')

    result = run("replay", str(session), "--verify")

    assert code(result) == DIFFERENCE
    assert (
        "delegation.decision.confidence of task.delegated is recorded as 0.4, and recomputed as 1.0"
    ) in result.stdout


def test_frames_are_printed_line_by_line_into_a_pipe(session: UUID) -> None:
    result = run("replay")

    lines = result.stdout.splitlines()
    assert code(result) == OK
    assert " session.opened USER: What is 6 * 7?" in lines[0]
    assert " session.completed " in lines[-1]


def test_frames_are_one_document_that_can_begin_late_and_end_early(session: UUID) -> None:
    frames = json.loads(run("replay", "--json").stdout)["frames"]
    since, until = frames[3]["position"], frames[8]["position"]

    part = json.loads(
        run("replay", str(session), "--from", str(since), "--at", str(until), "--json").stdout
    )

    assert part["session_id"] == str(session)
    assert part["frames"] == [frame | {"of": 9} for frame in frames[3:9]]
    assert frames[-1]["status"] == "completed"


def test_stepping_goes_on_and_back_by_lines_from_a_pipe(session: UUID) -> None:
    frames = json.loads(run("replay", "--json").stdout)["frames"]
    position = frames[6]["position"]

    result = run("replay", "last", "--step", given=f"n\n\nb\ng {position}\nwhat\nend\nhome\nq\nn\n")

    heads = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("Event ")]
    last = str(len(frames))
    assert heads == ["1", "2", "3", "2", "7", "7", last, "1"]


@pytest.mark.parametrize(
    ("arguments", "expected", "message"),
    [
        (("replay", str(UUID(int=1))), NOT_FOUND, "No session"),
        (("replay", "last", "--speed", "fast"), USAGE, "'fast' is no speed"),
        (("replay", "last", "--speed", "0"), USAGE, "'0' is no speed"),
        (("replay", "last", "--speed", "2", "--step"), USAGE, "Either"),
        (("replay", "last", "--verify", "--step"), USAGE, "--verify shows nothing"),
        (("replay", "--bundle", "x"), USAGE, "add --verify"),
        (("replay", "last", "--verify", "--key", "x"), USAGE, "--bundle"),
        (("replay", "last", "--verify", "--bundle", "x"), USAGE, "leave SESSION and --at out"),
        (("replay", "--verify", "--bundle", "nowhere"), USAGE, "cannot be read"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_a_sentence(
    session: UUID, arguments: tuple[str, ...], expected: int, message: str
) -> None:
    del session
    result = run(*arguments)

    assert code(result) == expected
    assert message in str(result.exception)


def test_the_api_wants_a_session_or_a_bundle(session: UUID, tmp_path: Path) -> None:
    with hansard.open() as h:
        for wrong in (
            {},
            {"session": session, "bundle": "x"},
            {"session": session, "key": "x"},
            {"bundle": "x", "at": 1},
        ):
            with pytest.raises(BadRequestError):
                h.verify_replay(**wrong)  # type: ignore[arg-type]  # what is wrong with it
        with pytest.raises(NotFoundError):
            h.replay(session, at=1)
        proof = h.export_proof(session, tmp_path / "bundle.json")
        assert h.verify_replay(bundle=proof.file, key=proof.key).is_verified


class TestBundle:
    @pytest.fixture
    def bundle(self, session: UUID, here: Path) -> Path:
        run("export-proof", str(session), "-o", here / "bundle.json")
        return here / "bundle.json"

    @pytest.fixture
    def key(self, session: UUID) -> str:
        del session
        return run("checkpoint-key").stdout.strip()

    def test_it_is_verified_elsewhere_without_database_or_home(
        self, session: UUID, bundle: Path, key: str, tmp_path: Path
    ) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        arguments = ["replay", "--verify", "--bundle", str(bundle), "--key", key, "--json"]

        done = subprocess.run(
            [sys.executable, "-m", "hansard", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=empty,
            env={"HOME": str(empty), "PATH": "/nowhere", "PYTHONPATH": str(ROOT)},
        )

        assert (done.returncode, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        assert found["is_verified"] is True
        assert found["session_id"] == str(session)
        assert found["key"] == key
        assert found["decisions"] > 10
        assert list(empty.iterdir()) == []

    def test_without_a_key_it_is_said_what_that_is_worth(self, bundle: Path) -> None:
        result = run("replay", "--verify", "--bundle", bundle)

        assert code(result) == OK
        assert "proves nothing unless you know the key" in result.stderr

    def test_the_key_may_stand_in_a_file(self, bundle: Path, key: str, here: Path) -> None:
        (here / "key").write_text(f"{key}\n")

        assert code(run("replay", "--verify", "--bundle", bundle, "--key", here / "key")) == OK
        nowhere = run("replay", "--verify", "--bundle", bundle, "--key", here / "nowhere")
        assert code(nowhere) == USAGE

    @pytest.mark.parametrize("group", ["events", "organisation"])
    @pytest.mark.parametrize(
        "forge",
        [
            lambda events: events[2].update(payload="e30="),
            lambda events: events[2].update(actor="FIN_999"),
            lambda events: events.pop(1),
            lambda events: events.insert(0, events.pop()),
        ],
        ids=["a payload", "an actor", "an event left out", "events swapped"],
    )
    def test_a_changed_bundle_is_refused(
        self, bundle: Path, key: str, group: str, forge: Callable[[list[Any]], object]
    ) -> None:
        content = json.loads(bundle.read_text("utf-8"))
        forge(content[group])
        bundle.write_text(json.dumps(content), "utf-8")

        result = run("replay", "--verify", "--bundle", bundle, "--key", key)

        assert code(result) == INTEGRITY
        assert "is not proven" in str(result.exception)

    def test_decisions_do_not_follow_from_an_organisation_without_its_newest_event(
        self, bundle: Path, key: str
    ) -> None:
        content = json.loads(bundle.read_text("utf-8"))
        adopted = content["organisation"].pop(2)
        bundle.write_text(json.dumps(content), "utf-8")

        result = run("replay", "--verify", "--bundle", bundle, "--key", key)

        assert adopted["type"] == "organisation.roster_adopted"
        assert code(result) == DIFFERENCE

    def test_an_agent_that_is_left_out_is_noticed(self, bundle: Path, key: str) -> None:
        content = json.loads(bundle.read_text("utf-8"))
        agents = [each for each in content["organisation"] if each["type"] == "agent.registered"]
        content["organisation"].remove(agents[-1])
        bundle.write_text(json.dumps(content), "utf-8")

        with pytest.raises(IntegrityError, match="does not hold all events of the agent"):
            verify_bundle(bundle, key)

    def test_an_old_bundle_says_what_it_lacks(self, bundle: Path, key: str) -> None:
        content = json.loads(bundle.read_text("utf-8"))
        content["format"] = OLD_FORMAT
        del content["ancestors"], content["organisation"]
        bundle.write_text(json.dumps(content), "utf-8")

        with pytest.raises(BadRequestError, match="write it again with `hansard export-proof`"):
            verify_bundle(bundle, key)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "hansard-proof-v2"}', "\xff"])
    def test_what_is_no_bundle_is_refused(self, here: Path, text: str) -> None:
        (here / "file").write_text(text, "latin-1")

        with pytest.raises((BadRequestError, IntegrityError)):
            verify_bundle(here / "file", "a+b+c")

    def test_the_bundle_of_a_fork_brings_its_ancestors(self, session: UUID, here: Path) -> None:
        frames = json.loads(run("replay", "--json").stdout)["frames"]
        decided = next(frame for frame in frames if frame["type"] == "task.started")
        with hansard.open() as h:
            fork = h.fork(session, at=decided["position"], reason="to see").session_id
            assert fork is not None
            h.resume(fork)
            proof = h.export_proof(fork, here / "fork.json")

        found = verify_bundle(here / "fork.json", proof.key)
        checked = subprocess.run(
            [sys.executable, "-I", "-S", proof.program, proof.file, "--key", proof.key],
            check=False,
            capture_output=True,
        )

        assert found.is_verified, found.differences
        assert found.session_id == fork
        assert found.events > proof.events
        assert checked.returncode == 0
        content = json.loads((here / "fork.json").read_text("utf-8"))
        assert [each["session_id"] for each in content["ancestors"]] == [str(session)]


class TestSealed:
    @pytest.fixture
    def sealed(self) -> UUID:
        with hansard.open() as h:
            return h.run("What is 6 * 7?", subject="customer-42").session_id

    def test_sealed_words_are_recomputed_with_their_key(self, sealed: UUID) -> None:
        assert code(run("replay", str(sealed), "--verify")) == OK

    def test_what_was_erased_cannot_be_recomputed_and_is_listed(self, sealed: UUID) -> None:
        with hansard.open() as h:
            h.forget("customer-42", reason="asked")

        result = run("replay", str(sealed), "--verify")
        found = json.loads(run("replay", str(sealed), "--verify", "--json").stdout)

        assert code(result) == UNAVAILABLE
        assert "cannot be recomputed: the words of" in result.stdout
        assert found["differences"] == []
        assert found["sealed"]
        assert found["unchecked"] == found["events"]

    def test_a_bundle_brings_no_keys(self, sealed: UUID, here: Path) -> None:
        with hansard.open() as h:
            proof = h.export_proof(sealed, here / "bundle.json")

        found = verify_bundle(here / "bundle.json", proof.key)

        assert found.sealed
        assert not found.is_verified
        assert found.differences == ()
