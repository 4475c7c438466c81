"""Encoding: tells text from binary files and brings text to UTF-8."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from infrastructure.tools.failures import bad_input

_CHUNK = 1 << 20
_SIGNATURES = (
    (b"%PDF", "a PDF document; export the table in it as CSV"),
    (b"PK\x03\x04", "an Excel workbook or another zip archive; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; save the sheet as CSV"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"),
    (b"\x89PNG", "an image"),
    (b"GIF8", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV"),
    (b"\x7fELF", "a program"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LAYOUT_BYTES = frozenset(b"\t\n\r\f\v\x1a\x1b")


@dataclass(frozen=True, slots=True)
class Text:
    """A text file in UTF-8; `note` says when it had to be converted."""

    path: Path
    note: str | None = None


def refuse_binary(name: str, head: bytes) -> None:
    """Refuse a file whose first bytes show that it holds no text.

    Raises:
        EffectError: it is empty or binary; the sentence says what it is.
    """
    if not head.strip():
        raise bad_input(f"{name!r} is empty; there is no table in it.")
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            raise bad_input(f"{name!r} is no table: it is {kind}.")
    if _looks_utf16(head) or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    control = sum(1 for byte in head if byte < ord(" ") and byte not in _LAYOUT_BYTES)
    if control > len(head) // 100:
        raise bad_input(f"{name!r} is no table: it is a binary file; hand in CSV, JSON or Parquet.")


def detect_encoding(path: Path) -> str:
    """Find the encoding of a text file by reading it all."""
    with path.open("rb") as file:
        head = file.read(4096)
        for bom, encoding in _BOMS:
            if head.startswith(bom):
                return encoding
        if _looks_utf16(head):
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
        file.seek(0)
        return _detect_single_byte(iter(lambda: file.read(_CHUNK), b""))


def _detect_single_byte(chunks: object) -> str:
    utf8 = codecs.getincrementaldecoder("utf-8")()
    windows = True
    is_utf8 = True
    for chunk in chunks:  # type: ignore[attr-defined]  # an iterator of bytes
        if is_utf8:
            try:
                utf8.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        windows = windows and not any(byte in chunk for byte in b"\x81\x8d\x8f\x90\x9d")
    if is_utf8:
        return "utf-8"
    return "cp1252" if windows else "latin-1"


def _looks_utf16(head: bytes) -> bool:
    pairs = len(head) // 2
    if pairs < 2:  # noqa: PLR2004  # two characters are the least that tell anything
        return False
    high, low = head[1 : 2 * pairs : 2].count(0), head[0 : 2 * pairs : 2].count(0)
    return max(high, low) > 0.7 * pairs and min(high, low) < 0.1 * pairs


def as_utf8(path: Path, folder: Path) -> Text:
    """Give a text file in UTF-8 without byte order mark; the file itself when it is that already.

    Args:
        folder: private folder for the converted copy.
    """
    encoding = detect_encoding(path)
    if encoding == "utf-8":
        return Text(path)
    target = folder / "text.utf8"
    with (
        path.open("r", encoding=encoding, errors="replace", newline="") as source,
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        while piece := source.read(_CHUNK):
            copy.write(piece)
    if encoding == "utf-8-sig":
        return Text(target)
    return Text(target, f"The file's text was read as {encoding}.")
