"""Verify a proof bundle of Hansard. It needs Python 3.9 or newer, and nothing else.

    python verify_proof.py BUNDLE --key VKEY

VKEY is the verifier key of the log (or a file that holds it). Take it from whom you trust, not from
the bundle. Exit code 0: every event of the bundle is proven; 7: something is not; 2: bad usage.

A bundle proves that each of its events, word for word, stood at its position of the log whose
checkpoint the holder of the key signed; that none of them was changed, moved or added afterwards;
and, where versions of a stream follow each other, that none is left out between them. It does not
prove that the session has no further events (later ones, or whole streams that were left out),
that its times are true, nor that what the events say is true.

Formats: docs/integrity.md; RFC 9162 (tree), RFC 8032 (Ed25519), c2sp.org/signed-note and
c2sp.org/tlog-checkpoint (checkpoint).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

FORMAT = "hansard-proof-v1"
LEAF = b"hansard-event-v1\n"
UUIDS = {"stream", "event_id", "session_id", "correlation_id", "causation_id"}
NUMBERS = {"position": 8, "version": 4, "schema_version": 2, "occurred_at": 8, "recorded_at": 8}
FIELDS = (
    *("position", "stream", "version", "event_id", "type", "schema_version", "tenant"),
    *("session_id", "actor", "correlation_id", "causation_id", "traceparent", "subject"),
    *("occurred_at", "recorded_at", "payload"),
)

# Ed25519 (RFC 8032, 5.1): -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


class ProofError(Exception):
    """What was to be proven is not."""


def add(p: Point, q: Point) -> Point:
    """Add two points in extended homogeneous coordinates (RFC 8032, 5.1.4)."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(factor: int, point: Point) -> Point:
    """Multiply a point by a number."""
    total = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = add(total, point)
        point, factor = add(point, point), factor >> 1
    return total


def decode_point(data: bytes) -> Point:
    """Decode a point (RFC 8032, 5.1.3)."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ProofError("the signature or the key is no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Check an Ed25519 signature (RFC 8032, 5.1.7)."""
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % ORDER
    p, q = multiply(s, BASE), multiply(k, decode_point(public))
    q = add(decode_point(signature[:32]), q)
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def open_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Check the signature of a checkpoint; return its origin, size and root."""
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    if len(key) != 33 or hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        raise ProofError("the verifier key is mistyped")
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = [*text.split("\n"), "", ""][:3]
    for line in signatures.splitlines():
        mark, signer, signature = [*line.split(" "), "", ""][:3]
        data = base64.b64decode(signature, validate=True)
        if (mark, signer, data[:4].hex()) == ("\u2014", name, key_id):
            if origin == name and is_signed(key[1:], (text + "\n").encode(), data[4:]):
                return origin, int(size), base64.b64decode(root, validate=True)
            raise ProofError("the checkpoint has a wrong signature")
    raise ProofError("the checkpoint is not signed by the key that was given")


def leaf(event: dict[str, Any]) -> bytes:
    """Put an event into the bytes that the tree covers."""
    parts = [LEAF]
    for name in FIELDS:
        value = event[name]
        if value is None:
            parts.append(b"\xff\xff\xff\xff")
            continue
        if name in UUIDS:
            data = uuid.UUID(value).bytes
        elif name in NUMBERS:
            data = value.to_bytes(NUMBERS[name], "big", signed=True)
        else:
            data = base64.b64decode(value, validate=True) if name == "payload" else value.encode()
        parts += [len(data).to_bytes(4, "big"), data]
    return b"".join(parts)


def root_from(event: dict[str, Any], size: int) -> bytes:
    """Compute the root that the proof of an event leads to (RFC 9162, 2.1.3.2)."""
    place, last = event["position"] - 1, size - 1
    node = hashlib.sha256(b"\x00" + leaf(event)).digest()
    if not 0 <= place <= last:
        raise ProofError("it lies behind the checkpoint")
    for encoded in event["inclusion"]:
        other = base64.b64decode(encoded, validate=True)
        if last == 0 or len(other) != 32:
            raise ProofError("its proof does not fit")
        is_right = place & 1 or place == last
        node = hashlib.sha256(b"\x01" + (other + node if is_right else node + other)).digest()
        while is_right and not place & 1 and place:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last:
        raise ProofError("its proof is too short")
    return node


def verify(bundle: dict[str, Any], vkey: str) -> tuple[str, int]:
    """Check a bundle; return the origin of the log and the position of the checkpoint."""
    where = "the checkpoint"
    position = 0
    versions: dict[str, int] = {}
    try:
        if bundle["format"] != FORMAT or not bundle["events"]:
            raise ProofError("the bundle is not of the format " + FORMAT)
        origin, size, root = open_checkpoint(bundle["checkpoint"], vkey)
        for event in bundle["events"]:
            where = f"the event at position {event['position']}"
            if root_from(event, size) != root:
                raise ProofError("it is not the one that was recorded there")
            if event["session_id"] != bundle["session_id"] or event["position"] <= position:
                raise ProofError("it is of another session, or out of order")
            position, version = event["position"], event["version"]
            if version > versions.get(event["stream"], 0) + 1:
                raise ProofError("an event is left out before it in its stream")
            versions[event["stream"]] = version
    except (ProofError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ProofError(f"{where}: {error}") from error
    return origin, size


def main() -> int:
    """Verify the bundle that the command line names."""
    parser = argparse.ArgumentParser(description="Verify a proof bundle of Hansard.")
    parser.add_argument("bundle", type=Path, help="the file that `hansard export-proof` wrote")
    parser.add_argument("--key", required=True, help="verifier key of the log, or a file with it")
    given = parser.parse_args()
    try:
        vkey = given.key if given.key.count("+") > 1 else Path(given.key).read_text("utf-8")
        bundle = json.loads(given.bundle.read_text("utf-8"))
        origin, size = verify(bundle, vkey.strip())
    except OSError as error:
        parser.error(str(error))
    except (ProofError, ValueError) as error:
        print(f"NOT PROVEN: {error}", file=sys.stderr)
        return 7
    print(f"PROVEN: {len(bundle['events'])} events of session {bundle['session_id']},")
    print(f"as they stand in the log {origin}, signed at position {size}.")
    print("Not proven: that the session has no other events, and that times and words are true.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
