"""Sealing: the words in a payload are encrypted as a whole and hidden in what stays open.

A sealed payload is the payload with its personal parts hidden, and one member more at its end:
`"sealed"`, the Base64 of nonce (12 bytes), ciphertext and tag (16 bytes) of AES-256-GCM over the
payload as it was. The additional data are the place of the event (`Place`) and the open part, so
that neither can be exchanged. Without the key, the open part is still a valid payload.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from pydantic_core import from_json, to_json

from infrastructure.erasure.errors import BrokenSealError
from infrastructure.erasure.marking import ERASED, HIDDEN, Fields, hide

MEMBER = "sealed"
"""Name that no attribute of an event may have."""

KEY_BYTES = 32
NONCE_BYTES = 12

_OPENING = f',"{MEMBER}":"'.encode()
_ENDING = b'"}'
_DOMAIN = b"hansard sealed payload 1"
_LENGTHS = Struct("!HHHQ16s16s")


class Place(NamedTuple):
    """Which event a sealed part belongs to; it opens nowhere else."""

    subject: str
    stream: UUID
    version: int
    event_id: UUID
    type: str
    schema_version: int

    def to_bytes(self) -> bytes:
        """Give the place without ambiguity."""
        subject, event_type = self.subject.encode(), self.type.encode()
        fixed = _LENGTHS.pack(
            len(subject),
            len(event_type),
            self.schema_version,
            self.version,
            self.stream.bytes,
            self.event_id.bytes,
        )
        return b"".join((_DOMAIN, fixed, subject, event_type))


class DataKey:
    """The key of one subject; it shows itself nowhere."""

    __slots__ = ("_cipher", "_nonce_key")

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy, and needed only with subjects

        self._cipher = AESGCM(key)
        self._nonce_key = hmac.digest(key, b"hansard nonce", hashlib.sha256)

    def encrypt(self, plain: bytes, additional: bytes) -> bytes:
        """Encrypt and authenticate.

        The nonce is a keyed hash of everything that goes in. So it repeats only where the whole
        ciphertext does, and an append that is repeated is recognised as the same.
        """
        hashed = hmac.new(self._nonce_key, hashlib.sha256(additional).digest(), hashlib.sha256)
        hashed.update(plain)
        nonce = hashed.digest()[:NONCE_BYTES]
        return nonce + self._cipher.encrypt(nonce, plain, additional)

    def decrypt(self, sealed: bytes, additional: bytes) -> bytes:
        """Decrypt what was not changed.

        Raises:
            BrokenSealError: it was changed, or belongs to something else.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], additional)
        except (InvalidTag, ValueError) as error:
            raise BrokenSealError from error


def seal(payload: bytes, parts: Fields, key: DataKey, place: Place) -> bytes:
    """Seal a payload.

    Args:
        parts: what is personal in it.
    """
    open_part = to_json(hide(from_json(payload), parts))
    sealed = key.encrypt(payload, place.to_bytes() + open_part)
    return b"".join((open_part[:-1], _OPENING, base64.b64encode(sealed), _ENDING))


def is_sealed(payload: bytes) -> bool:
    """Tell whether a payload of a subject has a sealed part; others are not to be asked about."""
    return payload.endswith(_ENDING) and _OPENING in payload


def unseal(payload: bytes, key: DataKey, place: Place) -> bytes:
    """Give the payload as it was before it was sealed.

    Raises:
        BrokenSealError: the payload, or what is said of its place, was changed.
    """
    open_part, encoded = _split(payload)
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise BrokenSealError from error
    return key.decrypt(sealed, place.to_bytes() + open_part)


def erased(payload: bytes) -> bytes:
    """Give what is left of a sealed payload when its key is gone.

    A quotation mark within a JSON text has a backslash before it, so only whole texts are replaced.
    """
    open_part, _ = _split(payload)
    return open_part.replace(f'"{HIDDEN}"'.encode(), f'"{ERASED}"'.encode())


def _split(payload: bytes) -> tuple[bytes, bytes]:
    head, _, tail = payload.rpartition(_OPENING)
    return head + b"}", tail.removesuffix(_ENDING)
