"""SubjectSeals: seals and opens payloads with the keys of the vault."""

from __future__ import annotations

from infrastructure.erasure import sealing
from infrastructure.erasure.marking import Fields
from infrastructure.erasure.sealing import Place
from infrastructure.erasure.vault import SubjectVault


class SubjectSeals:
    """What the mapper of events asks for; errors are those of the vault."""

    def __init__(self, vault: SubjectVault) -> None:
        self._vault = vault

    def seal(self, payload: bytes, parts: Fields, place: Place) -> bytes:
        """Seal a payload; see `EventMapper`."""
        return sealing.seal(payload, parts, self._vault.key_to_seal(place.subject), place)

    def open(self, payload: bytes, place: Place) -> bytes:
        """Give a payload as it was, or what is left of it when its subject was forgotten."""
        key = self._vault.key_to_open(place.subject)
        return sealing.erased(payload) if key is None else sealing.unseal(payload, key, place)
