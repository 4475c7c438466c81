"""Verifying since a checkpoint and by session, and bundles for whoever has no database."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import pytest

from application.errors import BadRequestError, IntegrityError, NotFoundError
from application.integrity import FindingKind, Proof
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity.service import LogIntegrity
from tests.support.event_log import IDS, a_stream
from tests.support.integrity import Attacker, fill, first, integrity_on

Bundle: TypeAlias = dict[str, Any]


@pytest.fixture
def session_id(recorder: PostgresEventRecorder, integrity: LogIntegrity) -> UUID:
    """A session of 30 events in 3 streams, from position 255 to 274 and from 475 to 484."""
    session_id = IDS.new()
    choices: dict[str, Any] = {"session_id": session_id, "subject": "s-1", "payload": b'"\xc3\xa4"'}
    streams = [a_stream(10, **choices) for _ in range(3)]
    fill(recorder, 254)
    for stream in streams[:2]:
        recorder.append(stream)
    integrity.checkpointer.catch_up()
    fill(recorder, 200)
    recorder.append(streams[2])
    fill(recorder, 116)
    integrity.checkpointer.catch_up()
    return session_id


class TestSince:
    @pytest.fixture(autouse=True)
    def signed(self, recorder: PostgresEventRecorder, integrity: LogIntegrity) -> None:
        for count in (100, 200, 300):
            fill(recorder, count)
            integrity.checkpointer.catch_up()
        recorder.append(a_stream(5))

    @pytest.mark.parametrize("since", [100, "300", 600])
    def test_what_came_before_is_taken_for_granted(
        self, integrity: LogIntegrity, attacker: Attacker, since: int | str
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 50")

        found = integrity.verify(since=since)

        assert found.is_intact
        assert found.since == int(since)
        assert (found.events, found.position) == (605 - int(since), 605)
        assert found.checkpoints == found.published == {100: 2, 300: 1, 600: 0}[int(since)]

    def test_what_came_before_is_read_again_where_no_tile_is_left(
        self, integrity: LogIntegrity, attacker: Attacker
    ) -> None:
        (integrity.publication.folder / "tile" / "0" / "000").unlink()
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 50", "DELETE FROM tiles")

        (found,) = integrity.verify(since=100).findings

        assert (found.kind, found.position, found.until) == (FindingKind.CHANGED, 1, 100)

    @pytest.mark.parametrize("position", [301, 512, 513, 600])
    def test_what_came_after_is_verified(
        self, integrity: LogIntegrity, attacker: Attacker, position: int
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = :at", at=position)

        assert first(integrity.verify(since=300).findings) == (FindingKind.CHANGED, position)

    def test_a_checkpoint_that_was_kept_elsewhere_counts(
        self,
        database_url: str,
        integrity: LogIntegrity,
        attacker: Attacker,
        home: Path,
        tmp_path: Path,
    ) -> None:
        kept = tmp_path / "kept.txt"
        kept.write_text(list(integrity.publication.checkpoints())[1].note, "utf-8")
        assert integrity.verify(since=str(kept)).since == 300
        attacker.run(
            "UPDATE events SET actor = 'FIN_999' WHERE position = 260",
            "DELETE FROM tiles",
            "DELETE FROM checkpoints",
        )
        for path in sorted((home / "checkpoints").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        with integrity_on(database_url, home) as forged:
            forged.checkpointer.catch_up()
            assert forged.verify().is_intact

            (found,) = forged.verify(since=str(kept)).findings

        assert (found.kind, found.position, found.until) == (FindingKind.CHANGED, 1, 300)

    def test_what_is_no_checkpoint_is_refused(
        self, integrity: LogIntegrity, tmp_path: Path
    ) -> None:
        with pytest.raises(NotFoundError, match="No checkpoint '7' is known"):
            integrity.verify(since=7)
        with pytest.raises(BadRequestError, match="neither a position nor a file"):
            integrity.verify(since="nowhere.txt")
        with pytest.raises(BadRequestError, match="not both"):
            integrity.verify(IDS.new(), since=100)
        kept = tmp_path / "kept.txt"
        note = next(integrity.publication.checkpoints()).note
        kept.write_text(note.replace("\n100\n", "\n101\n"), "utf-8")
        with pytest.raises(BadRequestError, match="has a wrong signature"):
            integrity.verify(since=str(kept))


class TestSession:
    def test_an_untouched_session_is_intact(
        self, integrity: LogIntegrity, recorder: PostgresEventRecorder, session_id: UUID
    ) -> None:
        found = integrity.verify(session_id)
        assert found.is_intact
        assert (found.events, found.position, found.covered, found.uncovered) == (30, 484, 600, 0)

        recorder.append(a_stream(2, session_id=session_id))
        found = integrity.verify(session_id)
        assert found.is_intact
        assert (found.events, found.position, found.uncovered) == (32, 602, 2)

    @pytest.mark.parametrize("position", [255, 256, 257, 484])
    def test_a_changed_event_is_found(
        self, integrity: LogIntegrity, attacker: Attacker, session_id: UUID, position: int
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = :at", at=position)

        assert first(integrity.verify(session_id).findings) == (FindingKind.CHANGED, position)

    def test_changes_elsewhere_do_not_matter(
        self, integrity: LogIntegrity, attacker: Attacker, session_id: UUID
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position IN (1, 300, 590)")

        assert integrity.verify(session_id).is_intact
        assert not integrity.verify().is_intact

    @pytest.mark.parametrize(("position", "named"), [(260, 261), (264, 484), (484, 483)])
    def test_a_removed_event_is_found(
        self,
        integrity: LogIntegrity,
        attacker: Attacker,
        session_id: UUID,
        position: int,
        named: int,
    ) -> None:
        attacker.run("DELETE FROM events WHERE position = :at", at=position)

        (found,) = integrity.verify(session_id).findings

        assert (found.kind, found.position) == (FindingKind.REMOVED, named)

    def test_a_session_cannot_be_proven_without_tiles(
        self, integrity: LogIntegrity, attacker: Attacker, session_id: UUID
    ) -> None:
        attacker.run("DELETE FROM tiles")
        assert integrity.verify(session_id).is_intact  # by the tiles outside
        (integrity.publication.folder / "tile" / "0" / "000").unlink()

        (found,) = integrity.verify(session_id).findings

        assert found.kind is FindingKind.TILE
        assert "verify the whole log" in found.message

    def test_nobody_knows_an_unknown_session(self, integrity: LogIntegrity) -> None:
        unknown = IDS.new()
        for act in (integrity.verify, integrity.export_proof):
            with pytest.raises(NotFoundError, match="No session"):
                act(unknown)
        with pytest.raises(NotFoundError, match="Nothing was run yet"):
            integrity.find_session("last")
        with pytest.raises(BadRequestError, match="'Q4' is no id of a session"):
            integrity.find_session("Q4")


@pytest.fixture
def proof(integrity: LogIntegrity, session_id: UUID, tmp_path: Path) -> Proof:
    return integrity.export_proof(session_id, tmp_path / "bundle.json")


def check(proof: Proof, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program beside a bundle, as somebody would who has Python and nothing else."""
    return subprocess.run(
        [sys.executable, "-I", "-S", proof.program, proof.file, "--key", key or proof.key],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


class TestBundle:
    def test_a_bundle_is_proven_without_hansard(self, proof: Proof) -> None:
        answer = check(proof)

        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.splitlines() == [
            f"PROVEN: 30 events of session {proof.session_id},",
            f"as they stand in the log {proof.key.split('+')[0]}, signed at position 600.",
            "Not proven: that the session has no other events, and that times and words are true.",
        ]
        assert (proof.events, proof.position) == (30, 600)

    def test_the_key_may_stand_in_a_file(self, proof: Proof, tmp_path: Path) -> None:
        file = tmp_path / "key"
        file.write_text(f"{proof.key}\n")

        assert check(proof, str(file)).returncode == 0
        assert check(proof, str(tmp_path / "nowhere")).returncode == 2

    def test_the_program_is_short_and_needs_the_standard_library_alone(self, proof: Proof) -> None:
        lines = Path(proof.program).read_text("utf-8").splitlines()
        imports = [line.split()[1] for line in lines if line.startswith(("import ", "from "))]

        assert len(lines) < 300
        assert {name.partition(".")[0] for name in imports} <= set(sys.stdlib_module_names)

    def test_a_bundle_covers_what_was_not_covered_before(
        self,
        integrity: LogIntegrity,
        recorder: PostgresEventRecorder,
        session_id: UUID,
        tmp_path: Path,
    ) -> None:
        recorder.append(a_stream(2, session_id=session_id))

        proof = integrity.export_proof(session_id, tmp_path / "bundle.json")

        assert (proof.events, proof.position) == (32, 602)
        assert check(proof).returncode == 0

    def test_nothing_is_proven_of_a_changed_log(
        self, integrity: LogIntegrity, attacker: Attacker, session_id: UUID, tmp_path: Path
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 590")

        with pytest.raises(IntegrityError, match="position 590 was changed"):
            integrity.export_proof(session_id, tmp_path / "bundle.json")
        assert not (tmp_path / "bundle.json").exists()

    def test_a_changed_event_of_the_session_is_not_proven(
        self, integrity: LogIntegrity, attacker: Attacker, session_id: UUID, tmp_path: Path
    ) -> None:
        attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 260")

        with pytest.raises(IntegrityError, match="position 260"):
            integrity.export_proof(session_id, tmp_path / "bundle.json")

    def test_a_folder_that_cannot_be_written_is_said_so(
        self, integrity: LogIntegrity, session_id: UUID, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(BadRequestError, match="cannot be written to"):
            integrity.export_proof(session_id, tmp_path / "file" / "bundle.json")


def _event(**changes: object) -> Callable[[Bundle], None]:
    def apply(bundle: Bundle) -> None:
        bundle["events"][5] |= changes

    return apply


def _swap_positions(bundle: Bundle) -> None:
    one, other = bundle["events"][5], bundle["events"][6]
    one["position"], other["position"] = other["position"], one["position"]


def _forge_root(bundle: Bundle) -> None:
    lines = bundle["checkpoint"].split("\n")
    lines[2] = b64encode(bytes(32)).decode()
    bundle["checkpoint"] = "\n".join(lines)


def _flip_signature(bundle: Bundle) -> None:
    head, _, encoded = bundle["checkpoint"].rstrip("\n").rpartition(" ")
    data = bytearray(b64decode(encoded))
    data[40] ^= 1
    bundle["checkpoint"] = f"{head} {b64encode(data).decode()}\n"


FORGERIES: dict[str, tuple[Callable[[Bundle], object], str]] = {
    "another payload": (_event(payload=b64encode(b"{}").decode()), "position 260: it is not"),
    "another actor": (_event(actor="FIN_999"), "position 260: it is not the one"),
    "another time": (_event(recorded_at=1), "position 260: it is not the one"),
    "no subject": (_event(subject=None), "position 260: it is not the one"),
    "another session": (_event(session_id=str(UUID(int=1))), "position 260: it is not the one"),
    "another position": (_event(position=261), "position 261: it is not the one"),
    "a position behind the checkpoint": (_event(position=601), "lies behind the checkpoint"),
    "a position before the first": (_event(position=0), "lies behind the checkpoint"),
    "swapped positions": (_swap_positions, "position 261: it is not the one"),
    "swapped events": (lambda b: b["events"].insert(3, b["events"].pop(4)), "is left out"),
    "an event twice": (lambda b: b["events"].insert(5, b["events"][4]), "or out of order"),
    "an event left out": (lambda b: b["events"].pop(5), "position 261: an event is left out"),
    "the first left out": (lambda b: b["events"].pop(0), "position 256: an event is left out"),
    "no events": (lambda b: b["events"].clear(), "is not of the format"),
    "another format": (lambda b: b.update(format="v2"), "is not of the format"),
    "another name of the session": (lambda b: b.update(session_id="x"), "of another session"),
    "no proof": (_event(inclusion=[]), "its proof is too short"),
    "a longer proof": (lambda b: b["events"][5]["inclusion"].append("A" * 43 + "="), "not fit"),
    "half a hash": (lambda b: b["events"][5]["inclusion"].insert(0, "AAAA"), "does not fit"),
    "a field too few": (lambda b: b["events"][5].pop("tenant"), "'tenant'"),
    "nonsense": (_event(version="one"), "position 260"),
    "a forged root": (_forge_root, "the checkpoint has a wrong signature"),
    "a forged signature": (_flip_signature, "the checkpoint"),
    "no signature": (
        lambda b: b.update(checkpoint=b["checkpoint"].partition("\u2014")[0]),
        "is not signed by the key",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_bundle_is_not_proven(proof: Proof, forgery: str) -> None:
    forge, message = FORGERIES[forgery]
    file = Path(proof.file)
    bundle = json.loads(file.read_text("utf-8"))
    forge(bundle)
    file.write_text(json.dumps(bundle), "utf-8")

    answer = check(proof)

    assert (answer.returncode, answer.stdout) == (7, "")
    assert answer.stderr.startswith("NOT PROVEN: ")
    assert message in answer.stderr


def test_the_key_of_another_log_proves_nothing(proof: Proof, integrity: LogIntegrity) -> None:
    other = integrity.keys.rotate()
    mistyped = proof.key[:-1] + ("A" if proof.key[-1] != "A" else "B")

    for key, message in (
        (str(other), "is not signed by the key"),
        (mistyped, "the verifier key is mistyped"),
        ("a+b+c", "NOT PROVEN"),
    ):
        answer = check(proof, key)
        assert answer.returncode == 7
        assert message in answer.stderr


def test_what_is_no_bundle_is_not_proven(proof: Proof) -> None:
    for text in ("", "{", "[]", "{}", '{"format": "hansard-proof-v1", "events": 7}'):
        Path(proof.file).write_text(text)
        assert check(proof).returncode == 7
    Path(proof.file).unlink()
    assert check(proof).returncode == 2
