"""Requests: which kind of work a request asks for, recognised by its words and its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import PurePath

from application.briefs import FileBrief
from domain.value import Value
from infrastructure.models.offline.calculation import read_expression
from infrastructure.models.offline.language import detect_language, plain
from infrastructure.models.offline.periods import Mention, find_mentions, is_range
from infrastructure.models.offline.vocabulary import means

_TEXT_SUFFIXES = frozenset({".txt", ".md", ".rst", ".log", ".html", ".htm"})
_FILLER = re.compile(
    r"^\s*(?:hi|hello|hallo|bonjour|hola|hey)?[\s,!]*(?:nova)?[\s,!]*"
    r"(?:(?:could|can|would) you|kannst du|k\u00f6nnen sie|peux-tu|pouvez-vous|puedes)?\s*"
    r"(?:please|bitte|s'il vous pla\u00eet|por favor|per favore)?[\s,]*",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(
    r"year.over.year|year.on.year|\byoy\b|vorjahr|a year (?:ago|earlier|before)"
    r"|annee precedente|ano anterior|anno precedente|n-1\b|(?:with|to|than|mit|vs\.?|versus) (?:the"
    r" )?(?:last|previous|prior|letztem|dem letzten) (?:year|jahr)|same quarter (?:of )?last year"
)


_FILE = re.compile(
    r"(?<![\w/.~-])(?:~?(?:/[\w.-]+){2,}"  # /etc/passwd, ~/data/ledger.csv
    r"|(?:[\w-]+/)*[\w-]+\.(?:csv|tsv|txt|md|json|jsonl|parquet|xlsx?|pdf|docx?|log|html?))(?!\w)",
    re.IGNORECASE,
)
_RESULT = re.compile(r"\b(?:to|as|into|named|called|als|nach|sous|como)\s+[\"'`]?$", re.IGNORECASE)


class Kind(StrEnum):
    """A kind of work that the offline rules can do."""

    REPORT = "report"
    QUESTION = "question"
    DRIVERS = "drivers"
    CHART = "chart"
    DESCRIBE = "describe"
    FORECAST = "forecast"
    CALCULATE = "calculate"
    RECALL = "recall"
    DIGEST = "digest"


NEEDS_TABLE = frozenset(
    {Kind.REPORT, Kind.QUESTION, Kind.DRIVERS, Kind.CHART, Kind.FORECAST, Kind.DESCRIBE}
)


class Wish(Value):
    """A request as the offline rules understand it.

    Attributes:
        kind: None when no rule serves the request.
        obstacle: what kind of work no rule can do, when the words say so.
        absent: a file that the words name as a source and that was not handed over.
        mentions: spans of time named, in order.
        ranged: whether two mentions are the ends of one span.
        year_before: whether the comparison is with the same span a year earlier.
        charts: whether charts are asked for.
    """

    kind: Kind | None
    language: str
    goal: str
    obstacle: str = ""
    absent: str = ""
    mentions: tuple[Mention, ...] = ()
    ranged: bool = False
    year_before: bool = False
    charts: bool = False


def recognise(request: str, files: Sequence[FileBrief]) -> Wish:
    """Recognise what a request asks for; the same words and files always mean the same."""
    goal = _goal(request)
    mentions = find_mentions(request)
    wording = _FILE.sub(" ", request)  # what a file is called says nothing about the work
    obstacle = _obstacle(wording)
    kind = None if obstacle else _kind(wording, files)
    comparing = means(request, "compare") or means(request, "why")
    return Wish(
        kind=kind,
        language=detect_language(request),
        goal=goal,
        obstacle=obstacle,
        absent="" if kind is Kind.RECALL else _absent(request, files),
        mentions=mentions,
        ranged=not comparing and is_range(request, mentions),
        year_before=_YEAR_BEFORE.search(plain(request)) is not None,
        charts=means(request, "chart"),
    )


def _absent(request: str, files: Sequence[FileBrief]) -> str:
    given = {file.name.casefold() for file in files}
    for found in _FILE.finditer(request):
        named = found[0]
        is_result = _RESULT.search(request[: found.start()]) is not None
        if not is_result and PurePath(named).name.casefold() not in given:
            return named
    return ""


def is_text_file(name: str) -> bool:
    """Tell whether a file holds running text by the end of its name."""
    return PurePath(name).suffix.casefold() in _TEXT_SUFFIXES


def _goal(request: str) -> str:
    longest = 300
    joined = " ".join(request.split())
    goal = _FILLER.sub("", joined, count=1) or joined
    goal = goal[:longest]
    return goal[:1].upper() + goal[1:]


def _obstacle(request: str) -> str:
    """Name work that needs more than rules; empty when nothing speaks against the request."""
    finance, writing = means(request, "finance"), means(request, "writing")
    rules = (
        ("translating", means(request, "translation")),
        ("creative writing", means(request, "creative") and not finance),
        (
            "booking or buying anything in the outside world",
            means(request, "booking") and means(request, "travel"),
        ),
        ("legal advice", means(request, "legal")),
        ("writing or sending letters and mail", means(request, "correspondence") and writing),
        ("writing software", means(request, "code_writing")),
        ("looking anything up on the internet", means(request, "world") and not finance),
    )
    return next((obstacle for obstacle, holds in rules if holds), "")


def _kind(request: str, files: Sequence[FileBrief]) -> Kind | None:
    if read_expression(request, detect_language(request)) is not None:
        return Kind.CALCULATE
    if means(request, "recall"):
        return Kind.RECALL
    texts_only = bool(files) and all(is_text_file(file.name) for file in files)
    if texts_only and (means(request, "summary") or means(request, "describe")):
        return Kind.DIGEST
    return _table_kind(request, with_files=bool(files))


def _table_kind(request: str, *, with_files: bool) -> Kind | None:
    about_data = with_files or means(request, "data") or means(request, "finance")
    if not about_data:
        return None
    moved = means(request, "lost") or means(request, "gained")
    rules = (
        (Kind.FORECAST, means(request, "forecast")),
        (Kind.DRIVERS, means(request, "why")),
        (Kind.REPORT, means(request, "report")),
        (Kind.DRIVERS, moved or means(request, "compare")),
        (Kind.REPORT, means(request, "summary")),
        (Kind.CHART, means(request, "chart")),
        (Kind.DESCRIBE, means(request, "describe")),
        (Kind.QUESTION, means(request, "question")),
        (Kind.QUESTION, means(request, "finance") and with_files),
    )
    return next((kind for kind, holds in rules if holds), None)
