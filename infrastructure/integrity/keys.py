"""Keys: the private key that signs checkpoints, and the public ones whose checkpoints count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import BadRequestError, UnavailableError
from infrastructure.integrity.files import make_private_folder, write_atomically
from infrastructure.integrity.note import Signer, VerifierKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OPEN_TO_OTHERS = 0o077


class KeyFileError(UnavailableError):
    """The key that signs checkpoints cannot be used."""


class KeyRing:
    """The key file of one log's checkpoints, and the list of keys that are trusted beside it.

    The private key `checkpoint.pem` has `checkpoint.trusted` beside it: one verifier key a line,
    lines that begin with `#` are remarks. A key is added to the list before it first signs, and
    stays there when another takes its place, so that what it signed can be verified for ever.

    Args:
        path: of the private key, in PEM (PKCS 8, not encrypted).
        origin: name of the log, which becomes the name of the key.
    """

    def __init__(self, path: Path, origin: str) -> None:
        self.path = path
        self.origin = origin
        self.trusted_path = path.with_suffix(".trusted")

    def signer(self) -> Signer:
        """Load the private key; it is made when there is none.

        Raises:
            KeyFileError: it cannot be read or made, or others can read it.
        """
        make_private_folder(self.path.parent)
        if not self.path.exists():
            self._make()
        signer = Signer(self.origin, self._load())
        if signer.verifier not in self.trusted():
            self._trust(signer.verifier)
        return signer

    def trusted(self) -> list[VerifierKey]:
        """List the keys whose checkpoints of this log count, oldest first; none when none is known.

        Raises:
            BadRequestError: a line of the list is no verifier key.
        """
        if not self.trusted_path.exists():
            return []
        found = read_verifier_keys(self.trusted_path)
        return [verifier for verifier in found if verifier.name == self.origin]

    def rotate(self) -> VerifierKey:
        """Take a new private key; the old one is thrown away and its checkpoints stay valid.

        Raises:
            KeyFileError: the key cannot be read or made.
        """
        self.signer()  # whatever it signed is trusted from now on, whoever made it
        write_atomically(self.path, _new_key(), mode=0o600)
        return self.signer().verifier

    def _make(self) -> None:
        try:
            write_atomically(self.path, _new_key(), mode=0o600, replace=False)
        except FileExistsError:
            return  # another process was faster
        except OSError as error:
            raise KeyFileError(
                f"The key file {str(self.path)!r} cannot be made ({error.strerror}): make the"
                " folder writable, or set HANSARD_CHECKPOINT_KEY to another file."
            ) from error

    def _load(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
            Ed25519PrivateKey,
        )
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - heavy
            load_pem_private_key,
        )

        try:
            if os.name == "posix" and self.path.stat().st_mode & OPEN_TO_OTHERS:
                raise KeyFileError(
                    f"Others can read the key file {str(self.path)!r}: close it with"
                    f" `chmod 600` and take a new key with `hansard checkpoint-key --rotate`."
                )
            key = load_pem_private_key(self.path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyFileError(
                f"The key file {str(self.path)!r} cannot be read ({error}): restore it, or remove"
                " it to take a new key; what the old one signed stays valid."
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"The key in {str(self.path)!r} is none of Ed25519.")
        return key

    def _trust(self, verifier: VerifierKey) -> None:
        with self.trusted_path.open("a", encoding="utf-8") as file:
            file.write(f"{verifier}\n")
            file.flush()
            os.fsync(file.fileno())


def read_verifier_keys(path: Path) -> list[VerifierKey]:
    """Read verifier keys from a file, one a line.

    Raises:
        BadRequestError: the file cannot be read, or a line of it is no verifier key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError(f"The keys in {str(path)!r} cannot be read: {error}.") from error
    return [VerifierKey.parse(line) for line in lines if line.strip() and not line.startswith("#")]


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - heavy
        Ed25519PrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - heavy
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
