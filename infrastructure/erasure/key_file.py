"""Key file: the master keys that wrap the keys of subjects, kept outside the database.

It is text, one key a line: its id, a blank, and its 32 bytes as Base64. The last line is in force;
others stand there only while keys are being wrapped anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from infrastructure.erasure.errors import KeyFileError
from infrastructure.erasure.sealing import KEY_BYTES, NONCE_BYTES

HEADER = "# Hansard: whoever loses this file loses what was said by every subject. Back it up.\n"
OTHERS = 0o077
"""Permissions that nobody but the owner may have."""


class MasterKey:
    """A key that wraps keys; it shows itself nowhere.

    Attributes:
        key_id: names it; the start of its hash.
    """

    __slots__ = ("_key", "key_id")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = hashlib.sha256(b"hansard master key " + key).hexdigest()[:16]

    @classmethod
    def new(cls) -> MasterKey:
        """Draw a new key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def wrap(self, key: bytes, owner: bytes) -> bytes:
        """Encrypt a key by AES-256-GCM, with whom it belongs to as additional data.

        Returns:
            Nonce, ciphertext and tag.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, key, owner)

    def unwrap(self, wrapped: bytes, owner: bytes) -> bytes | None:
        """Decrypt a key; None when it was changed, or belongs to somebody else."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            cipher = AESGCM(self._key)
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], owner)
        except (InvalidTag, ValueError):
            return None

    def to_line(self) -> str:
        """Write it as a line of the file."""
        return f"{self.key_id} {base64.b64encode(self._key).decode()}\n"


class KeyFile:
    """The file on disk; it is read anew whenever it is needed, so that a change counts at once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[MasterKey]:
        """Read the keys, the one in force last; an empty list when there is no file.

        Raises:
            KeyFileError: it cannot be read, is no key file, or others may read it.
        """
        try:
            with self.path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise self._error(f"cannot be read: {error}.") from error
        if mode & OTHERS:
            raise self._error(
                f"can be read or changed by other users (mode {mode & 0o777:o}):"
                f" run `chmod 600 {self.path}`, and rotate the key if somebody may have read it."
            )
        keys = [self._parsed(line) for line in lines if line and not line.startswith("#")]
        if not keys:
            raise self._error("holds no key: restore it from your backup.")
        return keys

    def create(self) -> list[MasterKey]:
        """Make the file with a new key; one that somebody else makes meanwhile is read.

        Raises:
            KeyFileError: it cannot be made.
        """
        written = self._write_aside([MasterKey.new()])
        try:
            with suppress(FileExistsError):
                os.link(written, self.path)  # all of it appears at once, or not at all
        except OSError as error:
            raise self._error(f"cannot be made: {error}.") from error
        finally:
            written.unlink()
        return self.read()

    def replace(self, keys: Sequence[MasterKey]) -> None:
        """Let the file hold these keys, the one in force last.

        Raises:
            KeyFileError: it cannot be written.
        """
        written = self._write_aside(keys)
        try:
            written.replace(self.path)
        except OSError as error:
            written.unlink()
            raise self._error(f"cannot be written: {error}.") from error
        self._keep_folder()

    def _write_aside(self, keys: Sequence[MasterKey]) -> Path:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)  # mode 600
            with os.fdopen(number, "w", encoding="ascii") as file:
                file.write(HEADER + "".join(key.to_line() for key in keys))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._error(f"cannot be written: {error}.") from error
        return Path(name)

    def _keep_folder(self) -> None:
        number = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def _parsed(self, line: str) -> MasterKey:
        key_id, _, encoded = line.partition(" ")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise self._error("holds no key in one line: restore it from your backup.") from error
        if len(key) != KEY_BYTES or MasterKey(key).key_id != key_id:
            raise self._error("holds a key that was changed: restore it from your backup.")
        return MasterKey(key)

    def _error(self, said: str) -> KeyFileError:
        return KeyFileError(f"The key file {str(self.path)!r} {said}")
