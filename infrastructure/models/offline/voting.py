"""Voting: answers a question that names its options, by evidence that is counted and quoted.

The options are the values that the output schema allows for one property, or those of the argument
`options`. Evidence is what the task was given: figures for each option where an argument or a
result holds some, else how often words speak of each, in arguments, results and text files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from application.briefs import ExecuteBrief, Submission
from domain.effect import Failure
from infrastructure.models.offline.language import plain, words_of
from infrastructure.models.offline.requests import is_text_file
from infrastructure.models.offline.work import Call, StoppedError, Work, try_all
from infrastructure.tools.schemas import ReadFileAnswer, ReadFileArguments

_LOWEST = re.compile(r"\b(?:lowest|least|fewest|cheapest|smallest|minimum|shortest|fastest)\b")
_AGAINST = re.compile(r"\b(?:not|no|never|against|reject|fail(?:s|ed)?|worse|worst|avoid|refuse)\b")
_MOST_FILES = 4
_READ = 20_000


@dataclass(frozen=True, slots=True)
class Ballot:
    """A question with its options; `name` is the property of the data that holds the answer."""

    name: str
    options: tuple[str, ...]


def ballot_of(brief: ExecuteBrief) -> Ballot | None:
    """Find the options of a task; None when it is no vote."""
    terms = brief.terms
    if terms is None:
        return None
    properties = (terms.output_schema or {}).get("properties")
    if isinstance(properties, dict):
        for name, schema in properties.items():
            allowed = schema.get("enum") if isinstance(schema, dict) else None
            if isinstance(allowed, list) and len(allowed) > 1:
                return Ballot(str(name), tuple(str(option) for option in allowed))
    options = terms.arguments.get("options")
    if isinstance(options, list) and len(options) > 1:
        return Ballot("vote", tuple(str(option) for option in options))
    return None


def vote(brief: ExecuteBrief) -> Work[Submission]:
    """Count what speaks for each option and vote for the first with the most.

    Raises:
        StoppedError: nothing speaks for any of them.
    """
    ballot = ballot_of(brief)
    if ballot is None:
        raise StoppedError(f"{brief.task.title!r} names no options to vote on.")
    question = plain(f"{brief.task.title} {brief.task.instruction}")
    figures = _figures(brief, ballot.options)
    if figures:
        lowest = _LOWEST.search(question) is not None
        best = min if lowest else max
        wanted = best(figures.values())
        chosen = next(option for option in ballot.options if figures.get(option) == wanted)
        said = ", ".join(f"{option}: {value:g}" for option, value in figures.items())
        return _submission(ballot, chosen, f"{'lowest' if lowest else 'highest'} of {said}")
    texts = [*_texts(brief), *(yield from _files(brief))]
    counts = {option: sum(_speaks(text, option) for text in texts) for option in ballot.options}
    most = max(counts.values())
    said = ", ".join(f"{option}: {count}" for option, count in counts.items())
    if most <= 0:
        raise StoppedError(
            f"Nothing that was given speaks for one of the options ({said}), and the offline rules"
            " vote on evidence alone; a model key (ANTHROPIC_API_KEY) would allow a judgement."
        )
    chosen = next(option for option in ballot.options if counts[option] == most)
    return _submission(ballot, chosen, f"sentences for less those against: {said}")


def _submission(ballot: Ballot, chosen: str, why: str) -> Submission:
    data: dict[str, JsonValue] = {ballot.name: chosen}
    return Submission(done=True, summary=f"{chosen} ({why}; counted by rules).", data=data)


def _figures(brief: ExecuteBrief, options: Sequence[str]) -> dict[str, float]:
    """Find a number for every option in the arguments or in results."""
    given: list[Any] = [dict(brief.terms.arguments) if brief.terms else {}]
    given += [item.result.data for item in brief.dependencies if item.result is not None]
    for mapping in (found for value in given for found in _mappings(value)):
        if all(_is_number(mapping.get(option)) for option in options):
            return {option: float(mapping[option]) for option in options}
    return {}


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else ():
        yield from _mappings(part)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(brief: ExecuteBrief) -> list[str]:
    arguments = dict(brief.terms.arguments) if brief.terms else {}
    arguments.pop("options", None)
    found = [text for value in arguments.values() for text in _strings(value)]
    for item in brief.dependencies:
        if item.result is not None:
            found += [item.result.summary, *_strings(item.result.data)]
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _files(brief: ExecuteBrief) -> Work[list[str]]:
    if not any(tool.name == "read_file" for tool in brief.tools):
        return []
    names = [file.name for file in brief.files if is_text_file(file.name)][:_MOST_FILES]
    if not names:
        return []
    outcomes = yield from try_all(
        *(Call("read_file", ReadFileArguments(name=name, limit=_READ)) for name in names)
    )
    return [
        ReadFileAnswer.model_validate(outcome.content).text
        for outcome in outcomes
        if not isinstance(outcome, Failure)
    ]


def _speaks(text: str, option: str) -> int:
    """Count sentences that name an option, those with a word of refusal against it."""
    wanted = " ".join(words_of(option))
    score = 0
    for sentence in re.split(r"(?<=[.!?])\s+|\n", text):
        if f" {wanted} " in f" {' '.join(words_of(sentence))} ":
            score += -1 if _AGAINST.search(plain(sentence)) else 1
    return score
