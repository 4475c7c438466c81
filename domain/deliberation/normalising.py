"""Normalising: answers in the form in which they are compared, so that equal ones are equal."""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?")
_ORNAMENT = re.compile(r"^[\s\"'`*_#>]+|[\s\"'`*_.!,;:]+$")
_SPACE = re.compile(r"\s+")


def normalise(answer: JsonValue) -> str | None:
    """Bring an answer into the form in which it is compared; None when there is nothing in it.

    - Text: Unicode NFKC and case folding; white space becomes single spaces; quotation marks,
      Markdown emphasis and headings around it, and punctuation after it, are dropped.
    - Numbers, also such as stand alone in a text: plain decimals without trailing zeros, so that
      `42`, `42.0` and `"+42.00"` are equal. Thousands separators and units are left alone, for
      their meaning depends on language.
    - True and false: `yes` and `no`.
    - Lists and objects: JSON with sorted keys, each text and number in it normalised.

    Nothing else is understood: answers that only mean the same stay different.
    """
    if answer is None:
        return None
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, list | dict):
        return json.dumps(_inner(answer), ensure_ascii=False, sort_keys=True) if answer else None
    text = repr(answer) if isinstance(answer, float) else str(answer)
    return _text(text)


def _text(text: str) -> str | None:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = _SPACE.sub(" ", _ORNAMENT.sub("", folded)).strip()
    if not bare:
        return _SPACE.sub(" ", folded).strip() or None
    return _number(bare) or bare


def _number(text: str) -> str | None:
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else through
        return None
    plain = f"{number:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain.lstrip("+")


def _inner(answer: JsonValue) -> JsonValue:
    if isinstance(answer, dict):
        return {key: _inner(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_inner(value) for value in answer]
    return normalise(answer)
