"""Signed notes, checkpoints and verifier keys."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from application.errors import BadRequestError
from infrastructure.integrity.note import Checkpoint, NoteError, SignatureError, Signer, VerifierKey

ORIGIN = "hansard/7c5f6ab6-8d0c-4b6e-8f4f-5d9e5f0f7a11"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
ROOT = bytes(range(32))

# The example of https://pkg.go.dev/golang.org/x/mod/sumdb/note
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_signed(size: int, root: bytes) -> None:
    signed = SIGNER.sign(size, root)

    read = Checkpoint.parse(signed.note)

    assert read == signed
    assert (read.origin, read.size, read.root) == (ORIGIN, size, root)
    assert read.verify([OTHER.verifier, SIGNER.verifier], ORIGIN) == SIGNER.verifier


def test_a_note_has_the_form_of_the_specification() -> None:
    lines = SIGNER.sign(7, ROOT).note.split("\n")

    assert lines[:4] == [ORIGIN, "7", b64encode(ROOT).decode(), ""]
    assert lines[4].startswith(f"\u2014 {ORIGIN} ")
    assert b64decode(lines[4].split(" ")[2])[:4] == SIGNER.verifier.id
    assert lines[5:] == [""]


def test_keys_and_signatures_are_those_of_other_implementations() -> None:
    key = VerifierKey.parse(GO_KEY)

    assert str(key) == GO_KEY
    signature = b64decode(GO_SIGNATURE)
    assert signature[:4] == key.id
    assert key.accepts(GO_NOTE, signature[4:])
    assert not key.accepts(GO_NOTE + " ", signature[4:])


@given(st.data())
def test_no_byte_of_a_note_can_be_changed(data: st.DataObject) -> None:
    note = SIGNER.sign(1234, ROOT).note
    place = data.draw(st.integers(0, len(note) - 1))
    changed = data.draw(st.characters(codec="utf-8").filter(lambda ch: ch != note[place]))
    forged = note[:place] + changed + note[place + 1 :]

    with pytest.raises(NoteError):
        Checkpoint.parse(forged).verify([SIGNER.verifier], ORIGIN)


def test_signatures_of_unknown_keys_are_ignored_and_known_ones_must_be_right() -> None:
    ours, theirs = SIGNER.sign(5, ROOT), OTHER.sign(5, ROOT)
    both = Checkpoint.parse(ours.note + theirs.note.rpartition("\n\n")[2])

    assert both.verify([OTHER.verifier]) == OTHER.verifier
    assert both.verify([SIGNER.verifier]) == SIGNER.verifier
    with pytest.raises(SignatureError, match="signed by no trusted key"):
        both.verify([])
    mixed = Checkpoint.parse(ours.note + OTHER.sign(6, ROOT).note.rpartition("\n\n")[2])
    with pytest.raises(SignatureError, match="has a wrong signature"):
        mixed.verify([SIGNER.verifier, OTHER.verifier])


def test_a_checkpoint_of_another_log_does_not_count() -> None:
    with pytest.raises(SignatureError, match="is one of the log 'hansard/7c5f"):
        SIGNER.sign(5, ROOT).verify([SIGNER.verifier], "hansard/other")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "origin",
        "origin\n5\n",
        f"origin\n05\n{b64encode(ROOT).decode()}\n\n\u2014 a AAAAAAAA\n",
        f"origin\n-5\n{b64encode(ROOT).decode()}\n\n\u2014 a AAAAAAAA\n",
        f"origin\n5\n{b64encode(ROOT[1:]).decode()}\n\n\u2014 a AAAAAAAA\n",
        "origin\n5\nno base 64\n\n\u2014 a AAAAAAAA\n",
        SIGNER.sign(5, ROOT).note.replace("\n", "\r\n"),
        SIGNER.sign(5, ROOT).note + "x" * 100_000,
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(note)


@pytest.mark.parametrize("line", ["\u2014 a", "- a AAAAAAAA", "\u2014 a AAAA", "\u2014 a !!!!!!!!"])
def test_what_is_no_signature_is_refused(line: str) -> None:
    note = SIGNER.sign(5, ROOT).note + line + "\n"
    with pytest.raises(NoteError, match="is no signature"):
        Checkpoint.parse(note).verify([SIGNER.verifier])
    with pytest.raises(NoteError, match="17 signatures; 16 may be"):
        Checkpoint.parse(note + f"{line}\n" * 15).verify([SIGNER.verifier])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no verifier key"),
        ("name+00000000", "is no verifier key"),
        (GO_KEY.replace("c74f", "c74e"), "is mistyped: its id should be 'c74f20a3'"),
        (GO_KEY.replace("ARpc", "AhpC"), "is no verifier key of Ed25519"),
        (GO_KEY[:-4], "is no verifier key of Ed25519"),
        (GO_KEY + "!", "is no verifier key of Ed25519"),
    ],
)
def test_a_mistyped_key_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        VerifierKey.parse(text)


def test_a_key_of_the_same_name_and_id_but_other_bytes_accepts_nothing() -> None:
    twin = replace(SIGNER.verifier, public=OTHER.verifier.public)
    object.__setattr__(twin, "id", SIGNER.verifier.id)

    with pytest.raises(SignatureError, match="wrong signature"):
        SIGNER.sign(5, ROOT).verify([twin])
