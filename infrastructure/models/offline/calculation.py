"""Calculation: reads a request that is nothing but arithmetic into an expression."""

from __future__ import annotations

import re

from infrastructure.models.offline.language import plain

_ASKING = re.compile(
    r"\b(?:what is|whats|what's|what are|how much is|how much are|calculate|compute|evaluate|work"
    r" out|please|can you|could you|tell me|the result of|was ist|was sind|was ergibt|wieviel ist"
    r"|wie viel ist|wieviel sind|wie viel sind|berechne|rechne|bitte|combien font|combien fait"
    r"|combien est|calcule[rz]?|que vaut|cuanto es|cuanto son|calcula|por favor|quanto fa|quanto e"
    r"|s'il vous plait|the|value of)\b"
)
_FUNCTIONS = ("sqrt", "abs", "round", "floor", "ceil", "log", "log10", "exp", "min", "max")
_SPOKEN = (
    (r"\bsquare root of\s*([\d.,]+)", r"sqrt(\1)"),
    (r"\b(?:quadrat)?wurzel (?:aus|von)\s*([\d.,]+)", r"sqrt(\1)"),
    (r"\bracine (?:carree )?de\s*([\d.,]+)", r"sqrt(\1)"),
    (r"\b(?:divided by|geteilt durch|durch|divise par|dividido (?:por|entre)|diviso)\b", "/"),
    (r"\b(?:times|multiplied by|mal|fois|multiplicado por|per)\b", "*"),
    (r"\b(?:plus|mas|piu)\b", "+"),
    (r"\b(?:minus|less|moins|menos|meno)\b", "-"),
    (r"\b(?:to the power of|hoch|puissance|elevado a)\b|\^", "**"),
    (r"\b(?:percent|per cent|prozent|pour ?cent|por ?ciento|per ?cento)\b", "%"),
    (r"(?<=[\d)\s])[x\u00d7\u00b7](?=[\s\d(])", "*"),
    (r"[\u00f7:]", "/"),
    (r"\u2212|\u2013", "-"),
    (r"[\u20ac$\u00a3]|\b(?:eur|usd|euros?|dollars?)\b", " "),
)
_PERCENT_OF = re.compile(r"([\d.]+)\s*%\s*(?:of|von|vom|de|des|du|di|del)\b")
_PERCENT_ADDED = re.compile(r"([\d.]+)\s*([+-])\s*([\d.]+)\s*%")
_PERCENT = re.compile(r"([\d.]+)\s*%(?!\s*[\d(])")
_NUMBER = re.compile(r"\d[\d.,'\u00a0\u202f]*\d|\d")
_ALLOWED = re.compile(r"[\d\s.+\-*/()%,]*")


def read_expression(text: str, language: str) -> str | None:
    """Read a request as an arithmetic expression.

    Numbers follow the language: `4,230` is four thousand in English and 4.23 in German. `N % of X`
    is a share; `X + N %` adds that share of X.

    Returns:
        The expression with points as decimal signs; None when the request is anything else.
    """
    reading = _ASKING.sub(" ", plain(text)).strip(" \t\n?!=.:")
    for pattern, replacement in _SPOKEN:
        reading = re.sub(pattern, replacement, reading)
    reading = _NUMBER.sub(lambda match: _number(match.group(), language), reading)
    reading = _PERCENT_OF.sub(r"\1 / 100 *", reading)
    reading = _PERCENT_ADDED.sub(r"\1 * (1 \2 \3 / 100)", reading)
    reading = " ".join(_PERCENT.sub(r"(\1 / 100)", reading).split())
    without_functions = re.sub(rf"\b(?:{'|'.join(_FUNCTIONS)})\(", "(", reading)
    if not _ALLOWED.fullmatch(without_functions):
        return None
    computes = re.search(r"\d\s*[+\-*/%]|[a-z0-9]\(", reading) is not None
    return reading if computes and not _is_date(reading) else None


def _number(digits: str, language: str) -> str:
    """Write a number as Python does."""
    bare = re.sub(r"['\u00a0\u202f]", "", digits)
    group, point = (",", ".") if language == "en" else (".", ",")
    last = max(bare.rfind(","), bare.rfind("."))
    if last < 0:
        return bare
    both = "," in bare and "." in bare
    repeated = bare.count(bare[last]) > 1
    grouped = re.fullmatch(rf"\d{{1,3}}(?:\{group}\d{{3}})+", bare) is not None
    if (grouped and bare[last] == group) or (repeated and not both):
        return re.sub(r"[.,]", "", bare)
    if both or bare[last] in {group, point}:
        return re.sub(r"[.,]", "", bare[:last]) + "." + bare[last + 1 :]
    return bare


def _is_date(reading: str) -> bool:
    year = r"(?:19|20)\d\d"
    forms = rf"\d+[-/]\d+[-/]\d+|{year}[-/]\d{{1,2}}|\d{{1,2}}/{year}"
    return re.fullmatch(forms, reading.replace(" ", "")) is not None
