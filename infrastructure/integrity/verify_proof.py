"""Verify a bundle of Hansard, of proofs or of the audit. It needs Python 3.9 or newer, no more.

    python verify_proof.py BUNDLE --key VKEY

VKEY is the verifier key of the log (or a file that holds it). Take it from whom you trust, not from
the bundle. Exit code 0: every event of the bundle is proven; 7: something is not; 2: bad usage.

A bundle proves that each of its events, word for word, stood at its position of the log whose
checkpoint the holder of the key signed; that none of them was changed, moved or added afterwards;
and, where versions of a stream follow each other, that none is left out between them. It does not
prove that the session has no further events (later ones, or whole streams that were left out),
that its times are true, nor that what the events say is true.

A bundle of the audit (`hansard audit --export`) proves that the holder of the key exported it as it
is, byte for byte; that the event of each decision stood at its position of the log, in that sense;
and that the event says what the decision says of itself. What came of a decision, and what it took,
is the word of whoever exported it, as is that no other decision fits the conditions.

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

FORMAT = "hansard-proof-v2"
OLD_FORMAT = "hansard-proof-v1"
AUDIT_FORMAT = "hansard-audit-v1"
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


def open_key(vkey: str) -> tuple[str, str, bytes]:
    """Take a verifier key apart; return its name, its id and the public key."""
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    if len(key) != 33 or hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        raise ProofError("the verifier key is mistyped")
    return name, key_id, key[1:]


def open_checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Check the signature of a checkpoint; return its origin, size and root."""
    name, key_id, public = open_key(vkey)
    text, _, signatures = note.rpartition("\n\n")
    origin, size, root = [*text.split("\n"), "", ""][:3]
    for line in signatures.splitlines():
        mark, signer, signature = [*line.split(" "), "", ""][:3]
        data = base64.b64decode(signature, validate=True)
        if (mark, signer, data[:4].hex()) == ("\u2014", name, key_id):
            if origin == name and is_signed(public, (text + "\n").encode(), data[4:]):
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


def groups_of(bundle: dict[str, Any]) -> list[tuple[str | None, list[Any]]]:
    """List the events of a bundle by session; those of the organisation are of none."""
    if bundle["format"] not in (FORMAT, OLD_FORMAT) or not bundle["events"]:
        raise ProofError("the bundle is not of the format " + FORMAT)
    groups = [(bundle["session_id"], bundle["events"])]
    if bundle["format"] == FORMAT:
        groups += [(each["session_id"], each["events"]) for each in bundle["ancestors"]]
        groups.append((None, bundle["organisation"]))
    return groups


def verify(bundle: dict[str, Any], vkey: str) -> tuple[str, int]:
    """Check a bundle; return the origin of the log and the position of the checkpoint."""
    where = "the checkpoint"
    versions: dict[str, int] = {}
    try:
        groups = groups_of(bundle)
        origin, size, root = open_checkpoint(bundle["checkpoint"], vkey)
        events = [(session, at, event) for session, all_ in groups for at, event in enumerate(all_)]
        position = 0
        for session_id, at, event in events:
            where = f"the event at position {event['position']}"
            position = position if at else 0
            if root_from(event, size) != root:
                raise ProofError("it is not the one that was recorded there")
            if event["session_id"] != session_id or event["position"] <= position:
                raise ProofError("it is of another session, or out of order")
            position, version = event["position"], event["version"]
            if version > versions.get(event["stream"], 0) + 1:
                raise ProofError("an event is left out before it in its stream")
            versions[event["stream"]] = version
    except (ProofError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ProofError(f"{where}: {error}") from error
    return origin, size


def check_signature(data: bytes, vkey: str) -> None:
    """Check the signature that the last line of an audit bundle holds over all bytes before it."""
    start = data.rfind(b'"signature": "')
    name, key_id, public = open_key(vkey)
    signature = base64.b64decode(data[start + 14 : -3], validate=True)
    if start < 1 or data[start:] != b'"signature": "' + base64.b64encode(signature) + b'"}\n':
        raise ProofError("it does not end in a signature")
    digest = hashlib.sha256(data[:start]).hexdigest()
    text = f"{AUDIT_FORMAT}\n{name}\n{digest}\n".encode()
    if signature[:4].hex() != key_id:
        raise ProofError("it is not signed by the key that was given")
    if not is_signed(public, text, signature[4:]):
        raise ProofError("it was changed after it was signed")


def recorded_decision(event: dict[str, Any]) -> dict[str, Any]:
    """Tell what an event says of the decision it records, as an audit says it."""
    payload = json.loads(base64.b64decode(event["payload"], validate=True))
    if event["type"] == "task.delegated":
        decision = payload["delegation"]["decision"]
        agents = {name: payload["delegation"][name] for name in ("from_agent", "to_agent")}
    elif event["type"] == "task.unplaced":
        decision, agents = payload["decision"], {"to_agent": None}
    else:
        raise ProofError("it records no decision")
    names = ("decision_id", "strategy", "policy_version", "confidence", "knowledge_position")
    said = {name: decision[name] for name in (*names, "candidates")} | agents
    if "sealed" not in payload:  # else the words are for those alone who have the key
        said["reason"] = decision["reason"].replace("\0", "\ufffd")
    return said | {name: event[name] for name in ("position", "session_id")}


def verify_audit(data: bytes, bundle: dict[str, Any], vkey: str) -> tuple[str, int]:
    """Check a bundle of the audit; return the origin of the log and the checkpoint's position."""
    where, position = "the bundle", 0
    try:
        check_signature(data, vkey)
        where = "the checkpoint"
        origin, size, root = open_checkpoint(bundle["checkpoint"], vkey)
        for each in bundle["decisions"]:
            decision, event = each["decision"], each["event"]
            where = f"the decision at position {decision['position']}"
            if root_from(event, size) != root:
                raise ProofError("its event is not the one that was recorded there")
            for name, value in recorded_decision(event).items():
                if decision[name] != value:
                    raise ProofError(f"it says {name!r} otherwise than its event does")
            if decision["position"] <= position:
                raise ProofError("it is out of order")
            position = decision["position"]
        where = "the bundle"
        if bundle["count"] != len(bundle["decisions"]):
            raise ProofError("it has not as many decisions as it says")
    except (ProofError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ProofError(f"{where}: {error}") from error
    return origin, size


def main() -> int:
    """Verify the bundle that the command line names."""
    parser = argparse.ArgumentParser(description="Verify a bundle of Hansard.")
    parser.add_argument("bundle", type=Path, help="the file that Hansard wrote")
    parser.add_argument("--key", required=True, help="verifier key of the log, or a file with it")
    given = parser.parse_args()
    try:
        vkey = given.key if given.key.count("+") > 1 else Path(given.key).read_text("utf-8")
        data = given.bundle.read_bytes()
        bundle = json.loads(data.decode("utf-8"))
        is_audit = isinstance(bundle, dict) and bundle.get("format") == AUDIT_FORMAT
        if is_audit:
            origin, size = verify_audit(data, bundle, vkey.strip())
        else:
            origin, size = verify(bundle, vkey.strip())
    except OSError as error:
        parser.error(str(error))
    except (ProofError, ValueError) as error:
        print(f"NOT PROVEN: {error}", file=sys.stderr)
        return 7
    if is_audit:
        export = bundle["export"]
        print(f"PROVEN: {bundle['count']} decisions, exported by {export['exported_by']!r} at")
        print(f"{export['exported_at']} as of position {export['as_of']},")
        print(f"whose events stand in the log {origin}, signed at position {size}.")
        print("Not proven: that no other decision fits, and that outcomes and figures are true.")
        return 0
    print(f"PROVEN: {len(bundle['events'])} events of session {bundle['session_id']},")
    context = sum(len(events) for _, events in groups_of(bundle)[1:])
    if context:
        print(f"and {context} of the organisation and the sessions that it rests on,")
    print(f"as they stand in the log {origin}, signed at position {size}.")
    print("Not proven: that the session has no other events, and that times and words are true.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
