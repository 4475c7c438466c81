"""Note: checkpoints as signed notes, and the names of the keys that sign them.

Forms: https://c2sp.org/signed-note (text, blank line, signatures), https://c2sp.org/tlog-checkpoint
(the text: origin, size, root). A verifier key is written `name+id+base64`, all of it public.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from application.errors import BadRequestError
from infrastructure.integrity.merkle import HASH_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ED25519 = b"\x01"
ID_BYTES = 4
KEY_BYTES = 32
SIGNATURE_BYTES = 64
SIGNATURE_MARK = "\u2014 "
MAX_SIGNATURES = 16
MAX_NOTE_LENGTH = 100_000

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_VERIFIER = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>\S+)")


class NoteError(BadRequestError):
    """A text is no signed checkpoint."""


class SignatureError(NoteError):
    """A checkpoint is not signed by a key that is trusted."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key that notes are checked with.

    Attributes:
        name: whose key it is; for a log its origin.
        public: the 32 bytes of an Ed25519 key (RFC 8032).
    """

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key.

        Raises:
            BadRequestError: it is none; the message says why.
        """
        text = text.strip()
        match = _VERIFIER.fullmatch(text)
        if match is None:
            raise BadRequestError(
                f"{text!r} is no verifier key: it should read name+id+key, as"
                " `hansard checkpoint-key` prints it."
            )
        key = _decoded(match["key"])
        if key is None or key[:1] != ED25519 or len(key) != KEY_BYTES + 1:
            raise BadRequestError(f"{text!r} is no verifier key of Ed25519.")
        verifier = cls(match["name"], key[1:])
        if verifier.id.hex() != match["id"]:
            raise BadRequestError(
                f"The verifier key {text!r} is mistyped: its id should be {verifier.id.hex()!r}."
            )
        return verifier

    @cached_property
    def id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def accepts(self, text: str, signature: bytes) -> bool:
        """Tell whether the holder of the key signed a text."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - heavy
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"


@dataclass(frozen=True)
class Checkpoint:
    """A tree head, which stands for a log up to a position.

    Attributes:
        origin: name of the log.
        size: leaves of the tree: the position of the newest event covered.
        root: of the tree.
        note: the signed note that says so.
    """

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read a signed checkpoint; its signatures are not checked.

        Raises:
            NoteError: it is none.
        """
        if len(note) > MAX_NOTE_LENGTH or any(ch < " " and ch != "\n" for ch in note):
            raise NoteError("A checkpoint is too long, or has control characters.")
        text, _, _ = note.rpartition("\n\n")
        lines = text.split("\n")
        root = _decoded(lines[2]) if len(lines) >= 3 else None  # noqa: PLR2004 - as specified
        if root is None or len(root) != HASH_BYTES or not _SIZE.fullmatch(lines[1]):
            raise NoteError(f"{_shown(note)} is no checkpoint of a log.")
        return cls(lines[0], int(lines[1]), root, note)

    @property
    def text(self) -> str:
        """What is signed."""
        return self.note.rpartition("\n\n")[0] + "\n"

    def verify(self, trusted: Collection[VerifierKey], origin: str | None = None) -> VerifierKey:
        """Check that it is one of a log, and the signatures; those of unknown keys are ignored.

        Args:
            origin: name of the log; None for any log that a trusted key signed.

        Returns:
            A trusted key that signed.

        Raises:
            SignatureError: it is one of another log, no trusted key signed it, or a signature of a
                trusted key is wrong.
        """
        if origin is not None and self.origin != origin:
            raise SignatureError(
                f"The checkpoint at position {self.size} is one of the log {self.origin!r}, not of"
                f" {origin!r}."
            )
        known = {(verifier.name, verifier.id): verifier for verifier in trusted}
        signers = []
        for name, key_id, signature in self.signatures():
            verifier = known.get((name, key_id))
            if verifier is None:
                continue
            if not verifier.accepts(self.text, signature):
                raise SignatureError(
                    f"The checkpoint at position {self.size} has a wrong signature of {name!r}."
                )
            signers.append(verifier)
        if not signers:
            found = ", ".join(f"{name}+{key_id.hex()}" for name, key_id, _ in self.signatures())
            raise SignatureError(
                f"The checkpoint at position {self.size} is signed by no trusted key"
                f" (but by {found or 'nobody'})."
            )
        return signers[0]

    def signatures(self) -> list[tuple[str, bytes, bytes]]:
        """List name, key id and signature of each signature.

        Raises:
            NoteError: a line that should be one is none.
        """
        lines = self.note.rpartition("\n\n")[2].splitlines()
        if len(lines) > MAX_SIGNATURES:
            raise NoteError(f"A checkpoint has {len(lines)} signatures; {MAX_SIGNATURES} may be.")
        return [_signature(line) for line in lines]


class Signer:
    """A private key that signs checkpoints of one log, and what is exported from it."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = VerifierKey(origin, key.public_key().public_bytes_raw())

    def sign(self, size: int, root: bytes) -> Checkpoint:
        """Sign a tree head."""
        origin = self.verifier.name
        text = f"{origin}\n{size}\n{b64encode(root).decode()}\n"
        signature = b64encode(self.verifier.id + self._key.sign(text.encode())).decode()
        return Checkpoint(origin, size, root, f"{text}\n{SIGNATURE_MARK}{origin} {signature}\n")

    def sign_export(self, kind: str, digest: str) -> str:
        """Sign what was exported; no such signature can be taken for one of a checkpoint.

        Args:
            kind: format of the export, which a log is never named like.
            digest: SHA-256 of the export, in hex.

        Returns:
            Base64 of the key's id and the signature of kind, origin and digest, each on a line.
        """
        text = f"{kind}\n{self.verifier.name}\n{digest}\n"
        return b64encode(self.verifier.id + self._key.sign(text.encode())).decode()


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(SIGNATURE_MARK).partition(" ")
    signature = _decoded(encoded)
    if not line.startswith(SIGNATURE_MARK) or signature is None or len(signature) <= ID_BYTES:
        raise NoteError(f"{_shown(line)} is no signature of a checkpoint.")
    return name, signature[:ID_BYTES], signature[ID_BYTES:]


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "...")  # noqa: PLR2004 - a line
