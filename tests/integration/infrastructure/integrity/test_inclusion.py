"""Proofs of single events: each leads to what was signed, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from application.integrity import InclusionView
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.integrity.merkle import is_included
from infrastructure.integrity.service import LogIntegrity
from tests.support.event_log import an_event
from tests.support.integrity import Attacker, fill


def of_type(found: dict[int, InclusionView]) -> set[tuple[bool, bool]]:
    return {(view.covered, view.verified) for view in found.values()}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_every_event_of_the_log_can_be_proven(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, size: int
) -> None:
    fill(recorder, size)

    found = integrity.prove(range(1, size + 1))

    assert sorted(found) == list(range(1, size + 1))
    assert of_type(found) == {(True, True)}
    assert {view.tree_size for view in found.values()} == {size}
    assert {view.key for view in found.values()} == {str(integrity.verifier_key())}
    assert len({view.root for view in found.values()}) == 1
    assert len({view.leaf_hash for view in found.values()}) == size
    assert all(view.note == "" for view in found.values())
    if size == 1:
        assert found[1].root == found[1].leaf_hash
        assert is_included(
            bytes.fromhex(found[1].leaf_hash), 0, 1, [], bytes.fromhex(found[1].root)
        )


def test_nothing_is_asked_for_nothing(integrity: LogIntegrity) -> None:
    assert integrity.prove([]) == {}


def test_events_that_lie_far_apart_are_proven(
    recorder: PostgresEventRecorder, integrity: LogIntegrity
) -> None:
    fill(recorder, 700)

    found = integrity.prove([700, 3, 66, 67, 300, 3])

    assert sorted(found) == [3, 66, 67, 300, 700]
    assert of_type(found) == {(True, True)}


def test_a_changed_event_is_told_and_the_others_are_proven_by_what_was_signed(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    fill(recorder, 300)
    integrity.checkpointer.catch_up()
    attacker.run("UPDATE events SET actor = 'FIN_999' WHERE position = 7")
    recorder.append([an_event()])

    found = integrity.prove([6, 7, 301])

    assert (found[6].verified, found[7].verified) == (True, False)
    assert found[7].covered
    assert found[7].note == "The event is not the one that was signed."
    assert found[301].verified


def test_an_event_that_is_gone_is_told(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, attacker: Attacker
) -> None:
    fill(recorder, 20)
    integrity.checkpointer.catch_up()
    attacker.run("DELETE FROM events WHERE position = 5")

    found = integrity.prove([4, 5])

    assert found[5].note == "The log has no event at this position any more."
    assert (found[5].covered, found[5].verified) == (False, False)


def test_without_a_key_that_can_sign_the_newest_events_are_not_covered_yet(
    recorder: PostgresEventRecorder, integrity: LogIntegrity, home: Path
) -> None:
    fill(recorder, 20)
    integrity.checkpointer.catch_up()
    recorder.append([an_event()])
    key = home / "keys" / "checkpoint.pem"
    key.write_text("no key")
    key.chmod(0o600)

    found = integrity.prove([20, 21])

    assert (found[20].verified, found[21].covered) == (True, False)
    assert "cannot be read" in found[21].note


def test_what_an_old_key_signed_is_proven_after_it_was_replaced(
    recorder: PostgresEventRecorder, integrity: LogIntegrity
) -> None:
    fill(recorder, 20)
    old = str(integrity.verifier_key())
    integrity.prove([1])
    new = str(integrity.keys.rotate())

    assert integrity.prove([1])[1].key == old
    recorder.append([an_event()])
    assert integrity.prove([1])[1].key == new


def test_an_empty_log_proves_nothing(integrity: LogIntegrity) -> None:
    [view] = integrity.prove([1]).values()

    assert (view.covered, view.verified, view.leaf_hash) == (False, False, "")
