"""Decomposition by rules: a request cut into tasks by its words alone, without a model.

A request is first told apart into parts: the points of a list, its sentences, and what a new verb
or a word such as "then" begins. From the parts follows its complexity, from 0 to 1:

    1 - 1 / (1 + 0.25 (parts - 1) + 0.15 (departments - 1) + 0.1 (depth - 1) + words / 200)

where `departments` counts those whose skills the parts name, and `depth` the longest row of parts
that build on each other. Two thresholds decide what becomes of it:

- under 0.3 (`WHOLE_UNDER`) it stays whole, as every plan must, whoever made it;
- from 0.5 (`CUT_FROM`) on it is cut, as MasterMind does;
- in between it is cut only where that lets different departments, or the members of a team, work on
  it: one department can do a request of moderate complexity as one task, and passing its parts
  around would only cost.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.planning import WHOLE_UNDER, Plan, PlannedTask

CUT_FROM = 0.5
"""Complexity from which a request is cut up in any case."""

PART_WEIGHT, DEPARTMENT_WEIGHT, DEPTH_WEIGHT, WORDS_PER_UNIT = 0.25, 0.15, 0.1, 200
TITLE_WORDS = 8


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SOURCING = _words(
    """
    collect extract fetch find gather import load look query read research search
    extrahiere finde hole lade lies recherchiere sammle suche
    """
)
"""Verbs of parts that later parts build on, unless they build on something else."""

JOINING = _words(
    """
    assemble combine compile conclude deliver merge present report summarise summarize
    fasse präsentiere
    """
)
"""Verbs of parts that put together what all before them gave."""

VERBS = _words(
    """
    add analyse analyze answer approve ask assess audit book build calculate check clean compare
    compute convert create count decide define deploy describe design detect develop document draft
    draw edit estimate evaluate explain export fill fix forecast format generate group identify
    implement improve inspect interview list make measure migrate model monitor negotiate optimise
    optimize order organise organize outline plan plot predict prepare prioritise prioritize produce
    propose publish rank rate recommend record review rewrite schedule score select send share sign
    sort specify split study suggest survey test track train translate update validate verify
    visualise visualize write
    analysiere baue beantworte bearbeite berechne bereite beschreibe bestimme bewerte entwerfe
    entwickle ermittle erstelle erzeuge formuliere gliedere liste pruefe prüfe plane schaetze
    schätze schreibe sende sortiere teste uebersetze übersetze untersuche vergleiche verfasse
    veröffentliche zeichne zeige zähle
    """
).union(SOURCING, JOINING)

SEQUENCE = _words(
    "then afterwards finally next subsequently danach dann anschließend schließlich zuletzt"
)
BACKWARD = _words(
    """
    it its them their these those this result results findings above
    daraus davon damit darüber ergebnis ergebnisse ergebnissen deren
    """
)
ALL = _words("all everything alle alles allem")
JOINTS = _words("and then und dann also plus sowie")

_LISTED = re.compile(r"^\s*(?:(?P<bullet>[-*\u2022])|(?P<number>\d{1,2})[.)])\s+(?P<text>\S.*)$")
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*|[,:]")
_SUFFIX = re.compile(r"(?:ingen|ungen|ing|ung|ies|ed|es|en|s|e|y)$")
_STEM = 4


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a request.

    Attributes:
        follows: whether it builds on the part before.
        joins: whether it puts together what all parts before it gave.
        sources: whether it brings in what later parts build on.
    """

    text: str
    follows: bool = False
    joins: bool = False
    sources: bool = False


def clauses_of(request: str) -> tuple[Clause, ...]:
    """Tell the parts of a request apart; it has at least one."""
    listed = _points(request)
    if len(listed) > 1:
        return tuple(listed)
    found: list[Clause] = []
    for sentence in _SENTENCE.split(request.strip()):
        for text in _split(sentence):
            found.append(_clause(text, first=not found))
    return tuple(found) or (Clause(request.strip()),)


def cut(request: str, departments: Mapping[str, Collection[str]] | None) -> Plan:
    """Cut a request into tasks, or leave it whole, as its complexity says.

    Args:
        departments: skills of each department by its key; None where a team does the tasks.

    Returns:
        The plan; without tasks when no department has a skill that the request names.
    """
    clauses = clauses_of(request)
    places = [_place(clause.text, departments or {}) for clause in clauses]
    named = list(dict.fromkeys(key for key, _ in places if key is not None))
    if departments is not None and not named:
        reason = "No word of the request names a skill that a department has."
        return Plan(tasks=(), complexity=0.0, reason=reason)
    needs = _needs(clauses)
    complexity = complexity_of(request, len(clauses), len(named), _depth(needs))
    usual = named[0] if named else None
    alone = departments is not None and len(named) == 1
    whole = complexity < WHOLE_UNDER or (complexity < CUT_FROM and alone)
    if whole or len(clauses) == 1:
        skills = tuple(dict.fromkeys(skill for _, own in places for skill in own))
        task = PlannedTask(
            key="task_1",
            title=_title(request),
            instruction=request.strip(),
            department=usual,
            skills=skills,
        )
        return Plan(tasks=(task,), complexity=complexity, reason=_why_whole(complexity, clauses))
    tasks = tuple(
        PlannedTask(
            key=f"task_{index + 1}",
            title=_title(clause.text),
            instruction=clause.text,
            department=places[index][0] or usual,
            skills=places[index][1],
            depends_on=tuple(f"task_{number + 1}" for number in needs[index]),
        )
        for index, clause in enumerate(clauses)
    )
    over = ", ".join(named) or "one team"
    reason = f"Complexity {complexity:.2f}: {len(tasks)} parts, told apart by rules, for {over}."
    return Plan(tasks=tasks, complexity=complexity, reason=reason)


def complexity_of(request: str, parts: int, departments: int, depth: int) -> float:
    """Tell how complex a request is, from 0 to 1; the module says by which formula."""
    words = sum(1 for word in _WORD.findall(request) if word not in ",:")
    load = (
        PART_WEIGHT * (parts - 1)
        + DEPARTMENT_WEIGHT * max(departments - 1, 0)
        + DEPTH_WEIGHT * (depth - 1)
        + words / WORDS_PER_UNIT
    )
    return round(1 - 1 / (1 + load), 4)


def _points(request: str) -> list[Clause]:
    """Take the points of a list; numbered ones follow each other, unless they look back."""
    points: list[Clause] = []
    for line in request.splitlines():
        match = _LISTED.match(line)
        if match is not None:
            clause = _clause(match["text"].strip(), first=not points)
            in_order = bool(match["number"]) and bool(points)
            points.append(replace(clause, follows=clause.follows or in_order))
    return points


def _split(sentence: str) -> list[str]:
    """Cut a sentence before a verb, or a word such as "then", that follows a comma or an "and"."""
    words = list(_WORD.finditer(sentence))
    starts = [0]
    for index, match in enumerate(words[1:], start=1):
        word, before = match[0].casefold(), words[index - 1][0].casefold()
        begins = word in VERBS or word in SEQUENCE
        if begins and (before in JOINTS or before == ",") and before not in SEQUENCE:
            starts.append(match.start())
    pieces = [sentence[a:b] for a, b in zip(starts, [*starts[1:], len(sentence)], strict=True)]
    texts = [_trimmed(piece) for piece in pieces]
    return [text for text in texts if text]


def _trimmed(piece: str) -> str:
    text = piece.strip(" \t,;.!?")
    while text.rpartition(" ")[2].casefold().strip(",") in JOINTS and " " in text:
        text = text.rpartition(" ")[0].rstrip(" ,")
    return text


def _clause(text: str, *, first: bool) -> Clause:
    words = [match[0].casefold() for match in _WORD.finditer(text)]
    verb = next((word for word in words[:3] if word in VERBS), "")
    follows = bool(SEQUENCE.intersection(words[:2]) or BACKWARD.intersection(words))
    joins = verb in JOINING or bool(ALL.intersection(words) and follows)
    return Clause(text, follows and not first, joins and not first, verb in SOURCING)


def _needs(clauses: Sequence[Clause]) -> list[tuple[int, ...]]:
    """Tell which parts each part builds on.

    One that joins builds on all loose ends, one that follows on the part before it, and any other
    on the latest part that brought something in.
    """
    needs: list[tuple[int, ...]] = []
    loose: dict[int, None] = {}
    source: int | None = None
    for index, clause in enumerate(clauses):
        if clause.joins:
            own = tuple(loose)
        elif clause.follows:
            own = (index - 1,)
        else:
            own = () if source is None or clause.sources else (source,)
        for number in own:
            loose.pop(number, None)
        loose[index] = None
        needs.append(own)
        source = index if clause.sources else source
    return needs


def _depth(needs: Sequence[Sequence[int]]) -> int:
    depths: list[int] = []
    for own in needs:
        depths.append(1 + max((depths[number] for number in own), default=0))
    return max(depths)


def _place(
    text: str, departments: Mapping[str, Collection[str]]
) -> tuple[str | None, tuple[str, ...]]:
    """Find the department most of whose skills a text names, and those skills in text order."""
    stems = [_stem(match[0]) for match in _WORD.finditer(text)]
    best: tuple[str | None, tuple[str, ...]] = (None, ())
    for key, skills in departments.items():
        named = {skill: _first_use(skill, stems) for skill in skills}
        own = sorted((at, skill) for skill, at in named.items() if at is not None)
        if len(own) > len(best[1]):
            best = (key, tuple(skill for _, skill in own))
    return best


def _first_use(skill: str, stems: Sequence[str]) -> int | None:
    """Tell where a text first uses all words of a skill's name; None when it does not."""
    wanted = [_stem(word) for word in skill.split("_")]
    if not all(word in stems for word in wanted):
        return None
    return min(stems.index(word) for word in wanted)


def _stem(word: str) -> str:
    plain = word.casefold()
    stem = _SUFFIX.sub("", plain)
    return stem if len(stem) >= _STEM else plain


def _title(text: str) -> str:
    words = text.split()
    title = " ".join(words[:TITLE_WORDS])
    return title if len(words) <= TITLE_WORDS else f"{title} ..."


def _why_whole(complexity: float, clauses: Sequence[Clause]) -> str:
    if len(clauses) == 1:
        return f"Complexity {complexity:.2f}: it has one part and stays whole."
    if complexity < WHOLE_UNDER:
        return f"Complexity {complexity:.2f} is under {WHOLE_UNDER}: it stays whole."
    return (
        f"Complexity {complexity:.2f} is under {CUT_FROM}, and one department can do all"
        f" {len(clauses)} parts: it stays whole."
    )
