"""Checking: holds results against their task, scores them, and says how work stands, by rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from application.briefs import (
    Assessment,
    JudgeBrief,
    MonitorBrief,
    ResultBrief,
    Scores,
    ValidateBrief,
    Verdict,
)
from domain.planning import PlannedTask
from domain.task import Result
from infrastructure.models.offline.fitness import content_words
from infrastructure.models.offline.language import plain

FILE = re.compile(r"(?<![\w/.-])[\w-]+\.(?:csv|html|json|md|py|sql|svg|toml|txt|yaml)\b")
_LEFT = re.compile(
    r"\b(?:leave|write|save|create|produce|draw|store|export|into|called|named|deliver)\b"
)
_TYPED = re.compile(
    r"`?\b(?P<name>[a-z]\w*)`? (?:\(|as an? |is an? |: )"
    r"(?P<type>number|integer|text|string|list|boolean|object)\b"
)
_OPEN = re.compile(
    r"\b(?:todo|fixme|tbd|lorem ipsum|not implemented|to be (?:done|written)|placeholder)\b"
)
_GAVE_UP = re.compile(r"^\W*(?:i |we )?(?:could not|cannot|can't|was unable|were unable|sorry)\b")
_TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "text": (str,),
    "string": (str,),
    "list": (list,),
    "boolean": (bool,),
    "object": (dict,),
}


def validate(brief: ValidateBrief) -> Verdict:
    """Check a result: that it says something, holds what was asked for, and has no open ends."""
    problems = list(_problems(brief.task, brief.result))
    if problems:
        return Verdict(accepted=False, reason=" ".join(problems))
    return Verdict(
        accepted=True,
        reason=(
            "Checked by rules: it says something, the files and values that the task names are"
            " there and of their type, and nothing is marked as open. Whether it is true was not"
            " checked."
        ),
    )


def _problems(task: PlannedTask, result: Result) -> Iterator[str]:
    summary = plain(result.summary).strip()
    if not summary and not result.data and not result.artefacts:
        yield "The result is empty."
        return
    if not summary:
        yield "The result has no summary."
    if _GAVE_UP.match(summary):
        yield "Its summary says that the task was not done."
    if found := _OPEN.search(summary):
        yield f"It is unfinished: the summary says {found[0]!r}."
    left = {artefact.path for artefact in result.artefacts}
    missing = [name for name in files_asked_for(task.instruction) if name not in left]
    if missing:
        yield f"Files that the task asks for are missing: {', '.join(missing)}."
    empty = [artefact.path for artefact in result.artefacts if artefact.size == 0]
    if empty:
        yield f"Files are empty: {', '.join(empty)}."
    yield from _wrong_values(task, result.data)


def files_asked_for(instruction: str) -> tuple[str, ...]:
    """Name the files that a task shall leave: those after a verb of leaving, in its sentence."""
    names: list[str] = []
    for sentence in re.split(r"(?<=[.;!?])\s+|\n", instruction):
        verb = _LEFT.search(sentence.casefold())
        if verb:
            names += FILE.findall(sentence[verb.end() :])
    return tuple(dict.fromkeys(names))


def _wrong_values(task: PlannedTask, data: dict[str, JsonValue]) -> Iterator[str]:
    for found in _TYPED.finditer(task.instruction):
        name, kind = found["name"], found["type"]
        if name not in data:
            wanted = rf"\b(?:return|give|report|data)\b[^.]*\b{name}\b"
            if re.search(wanted, task.instruction, re.IGNORECASE):
                yield f"The value {name!r} ({kind}) is missing."
            continue
        value = data[name]
        is_flag = isinstance(value, bool)
        if not isinstance(value, _TYPES[kind]) or (is_flag and kind != "boolean"):
            yield f"The value {name!r} is no {kind}: {str(value)[:40]!r}."


SCORING = (
    "Scored by rules: 50 % for words of the task that the result takes up, 20 % for figures or"
    " data, 20 % for files, 10 % when nothing is left open; a failure scores 0. Length does not"
    " count."
)


def judge(brief: JudgeBrief) -> Scores:
    """Score results by rules that the reason states."""
    scores = {result.key: _score(brief.task, result) for result in brief.results}
    return Scores(scores=scores, reason=SCORING)


def _score(task: PlannedTask, found: ResultBrief) -> float:
    if found.result is None:
        return 0.0
    result = found.result
    summary = plain(result.summary)
    asked = content_words(f"{task.title} {task.instruction}")
    taken_up = asked & content_words(f"{summary} {' '.join(result.data)}")
    of_words = len(taken_up) / len(asked) if asked else 1.0
    parts = (
        0.5 * of_words,
        0.2 * bool(result.data or re.search(r"\d", summary)),
        0.2 * bool(result.artefacts),
        0.1 * (not _OPEN.search(summary)),
    )
    return round(sum(parts), 3)


ROUND = re.compile(r"_r(\d+)$")
"""End of the key of a task that mends another one, with its number."""


def base_key(key: str) -> str:
    """Give the key of the task that a task mends, or its own."""
    return ROUND.sub("", key)


def unmended(results: Sequence[ResultBrief]) -> tuple[ResultBrief, ...]:
    """List what failed or is missing and was not mended since, the newest try of each."""
    done = {base_key(item.key) for item in results if item.result is not None}
    lacking = {base_key(item.key): item for item in results if item.result is None}
    return tuple(item for base, item in lacking.items() if base not in done)


def monitor(brief: MonitorBrief) -> Assessment:
    """Say how supervised work stands, by counting its results."""
    lacking = unmended(brief.results)
    done = sum(item.result is not None for item in brief.results)
    counted = f"{done} of {len(brief.results)} tasks are done"
    if not brief.results:
        return Assessment(state="failed", assessment="No task was done: there is no result.")
    if not lacking:
        return Assessment(
            state="completed", assessment=f"{counted}, and nothing that failed is left unmended."
        )
    named = "; ".join(f"{item.title}: {item.failure or 'no result'}" for item in lacking)
    if brief.rounds_left > 0:
        return Assessment(
            state="recovering",
            assessment=f"{counted}; {brief.rounds_left} rounds of mending are left. Open: {named}",
        )
    return Assessment(
        state="failed", assessment=f"{counted}, and no round of mending is left. Open: {named}"
    )
