"""Keeping: tools that keep records of one kind in a file."""

from __future__ import annotations

import re

from pydantic import JsonValue

from infrastructure.models.offline.language import is_stopword
from infrastructure.models.offline.software.kept_examples import KeptExamples
from infrastructure.models.offline.software.product import (
    Entity,
    Feature,
    Field,
    FieldType,
    Function,
    Parameter,
    Product,
)
from infrastructure.models.offline.software.words import (
    identifier,
    plural,
    said,
    singular,
    unused,
)

_TRACKED = re.compile(
    r"\b(?:keep(?:s|ing)? (?:track|a (?:list|record|log)|records) of|track(?:s|ing)?"
    r"|manag(?:es?|ing)|stor(?:es?|ing)|catalog(?:ue)?s?|organi[sz](?:es?|ing)|maintain(?:s|ing)?|records?|logs?"
    r"|register(?:s|ing)?)\s+(?:(?:a|an|the|my|our|all|their|your|personal|list|records?|of)\s+)*"
    r"(?P<noun>[a-z][a-z-]*(?: [a-z][a-z-]*)?)",
    re.IGNORECASE,
)
_KEEPER = re.compile(
    r"\b(?!(?:a|an|the)\b)(?P<noun>[a-z][a-z-]*)"
    r" (?:tracker|manager|catalog(?:ue)?|register|log|inventory|list|keeper"
    r"|database|organi[sz]er|planner|journal|book|collection|store)\b",
    re.IGNORECASE,
)
_KEPT_AS = {"to-do": "task", "todo": "task", "address": "contact", "phone": "contact"}
_NO_NOUN = {"command-line", "line", "small", "simple", "data", "file", "record", "text", "a", "the"}
_ENDS_NOUN = re.compile(
    r"^(?:with|by|having|that|in|on|and|for|from|to|where|which|who|what|i|we|each|using)$"
)
_FIELDS = re.compile(
    r"\b(?:with|ha(?:s|ve|ving)|consists? of|includ(?:es?|ing)|contains?"
    r"|stor(?:es?|ing) (?:the|its|their))"
    r"\s+(?P<list>[^.;:\n]*)",
    re.IGNORECASE,
)
_OPERATION = re.compile(
    r"\b(?:add|list|search|find|filter|sort|mark|complete|delete|remove|edit|update|total|sum|count"
    r"|average|show|export|so that|that can|which can|and can|users? can|must|should)\w*\b",
    re.IGNORECASE,
)
_MOST_FIELDS = 8
_RESERVED = {"command", "file", "number", "self", "sort_by", "today", "values", "words"}
"""Names that the interface has for itself."""

TYPES: tuple[tuple[str, FieldType], ...] = (
    (r"\b(?:e-?mail)\b", "email"),
    (r"\b(?:date|day|deadline|due|birthday|when)\b", "date"),
    (
        r"\b(?:amount|price|cost|total|weight|height|distance|budget|value|salary|balance|fee|rate)\b",
        "number",
    ),
    (
        (
            r"\b(?:quantity|count|number|age|year|rating|stock|pages|duration|minutes|hours|score"
            r"|points|calories|level|size)\b"
        ),
        "integer",
    ),
    (
        r"\b(?:whether|done|completed|paid|finished|returned|available|active|read|watched)\b",
        "flag",
    ),
)
FLAGS = {
    "done": (
        r"\b(?:mark(?:ing)?(?: \w+){0,3} (?:as )?(?:done|completed?|finished)|complet(?:e|ing)"
        r"|tick(?:ing)? off|check(?:ing)? off|finish(?:ing)?)\b"
    ),
    "paid": r"\b(?:mark(?:ing)?(?: \w+){0,3} (?:as )?paid|pay(?:ing)? off)\b",
    "returned": r"\b(?:mark(?:ing)?(?: \w+){0,3} (?:as )?returned|giv(?:e|ing) back)\b",
    "read": r"\bmark(?:ing)?(?: \w+){0,3} (?:as )?read\b",
    "watched": r"\bmark(?:ing)?(?: \w+){0,3} (?:as )?(?:watched|seen)\b",
}
SEARCH = r"\b(?:search|find|look(?:ing)? up|lookup)\w*(?: \w+){0,3}"
UPDATE = r"\b(?:edit|updat|chang|modif|correct)\w*(?: \w+){0,2}"
REMOVE = r"\b(?:delet|remov|eras)\w*(?: \w+){0,2}"
SORT = r"\b(?:sort(?:ed|ing)?|order(?:ed|ing)? by|in order of)\b(?: \w+){0,3}"
FILTER = (
    r"\b(?:filter\w*|only (?:show|list)\w*|by (?:category|status|type|genre|tag|priority|author))"
    r"(?: \w+){0,3}"
)
OVERDUE = r"\b(?:overdue|late|expired|past due|missed)\b(?: \w+)?"
TOTAL = r"\b(?:total\w*|sum\w*|add up|how much)\b(?: \w+){0,4}"
AVERAGE = r"\b(?:average|mean)\b(?: \w+){0,3}"
COUNT = r"\b(?:count\w*|how many|number of \w+ (?:per|by|in))\b(?: \w+){0,3}"
UNIQUE = r"\b(?:unique|no duplicates?|without duplicates?|refus\w* duplicates?|same \w+ twice)\b"


def read(text: str) -> Product | None:
    """Read a requirement for a record keeper; None when it asks for none."""
    noun = _noun(text)
    if noun is None:
        return None
    fields, assumed = _fields(text, noun)
    flag = next((name for name, pattern in FLAGS.items() if said(text, pattern)), "")
    if flag and flag not in {field.name for field in fields}:
        fields = (*fields, Field(name=flag, label=flag, type="flag", required=False))
    entity = Entity(name=noun, plural=plural(noun), fields=fields)
    settings, features = _features(text, entity, flag)
    used = " ".join(
        [
            noun,
            entity.plural,
            *(f"{field.label} {' '.join(field.choices)}" for field in fields),
            *(feature.source for feature in features),
        ]
    )
    assumptions = (
        "Records are kept in one JSON file, for one user at a time.",
        "Dates are written as YYYY-MM-DD.",
        *assumed,
    )
    product = Product(
        kind="keeping",
        requirement=text,
        module=identifier(f"{noun} store"),
        title=f"{noun.title()} store",
        purpose=f"keeps {entity.plural} in a file",
        user=f"a person who keeps {entity.plural}",
        features=tuple(features),
        examples=(),
        entity=entity,
        settings=settings,
        assumptions=assumptions,
        left_out=unused(
            text,
            f"{used} keep track manage store record log list add show create remember maintain"
            " tracker manager register book inventory catalogue enter view display",
        ),
    )
    names = {key: str(value) for key, value in settings.items() if key != "features"}
    keys = tuple(feature.key for feature in features)
    examples = tuple(KeptExamples(entity, keys, names).all())
    return product.model_copy(update={"examples": examples})


def _noun(text: str) -> str | None:
    for pattern in (_TRACKED, _KEEPER):
        for found in pattern.finditer(text):
            words = found["noun"].casefold().split()
            kept = []
            for word in words:
                if _ENDS_NOUN.match(word) or is_stopword(word):
                    break
                kept.append(word)
            if not kept or kept[-1] in _NO_NOUN:
                continue
            last = _KEPT_AS.get(kept[-1], kept[-1])
            return identifier(singular(_KEPT_AS.get(kept[0], last)))
    return "item" if re.search(r"\binventory\b|\bstock list\b", text.casefold()) else None


def _fields(text: str, noun: str) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    found: dict[str, Field] = {}
    for match in _FIELDS.finditer(text):
        listed = re.sub(r"\(([^)]*)\)", lambda m: "(" + m[1].replace(",", "|") + ")", match["list"])
        if (end := _OPERATION.search(listed)) is not None:
            listed = listed[: end.start()]
        for part in re.split(r",|\band\b|\bplus\b|&", listed):
            field = _field(part)
            if field is None or field.name in {"id", plural(noun)}:
                continue
            if field.name == noun:
                field = field.model_copy(update={"name": "name", "label": "name"})
            found.setdefault(field.name, field)
        if found:
            break
    if found:
        return tuple(found.values())[:_MOST_FIELDS], ()
    default = Field(name="name", label="name", type="text")
    note = Field(name="note", label="note", type="text", required=False)
    return (default, note), ("The requirement names no fields; a name and a note were taken.",)


def _field(part: str) -> Field | None:
    choices: tuple[str, ...] = ()
    if (listed := re.search(r"\(([^)]*)\)", part)) is not None:
        options = re.split(r"\||\bor\b|\band\b|/", listed[1])
        choices = tuple(option.strip().casefold() for option in options if option.strip())
        part = part.replace(listed[0], " ")
    label = re.sub(
        r"\b(?:an?|the|its|their|each|optional(?:ly)?|required|in (?:euros?|dollars?|\w+)|unique"
        r"|of it|whether|it|is|was|if|some)\b",
        " ",
        part,
        flags=re.IGNORECASE,
    )
    words = label.split()
    if not words or len(words) > 3 or not all(re.fullmatch(r"[A-Za-z-]+", w) for w in words):  # noqa: PLR2004 - a name, not a clause
        return None
    label = " ".join(words).casefold()
    kind: FieldType = "text"
    if len(choices) > 1:
        kind = "choice"
    else:
        choices = ()
        kind = next((t for p, t in TYPES if re.search(p, part.casefold())), "text")
    required = "optional" not in part.casefold() and kind != "flag"
    name = identifier(label)
    name = f"{name}_" if name in _RESERVED else name
    return Field(name=name, label=label, type=kind, required=required, choices=choices)


def _features(text: str, entity: Entity, flag: str) -> tuple[dict[str, JsonValue], list[Feature]]:
    one, many = entity.name, entity.plural
    fields = entity.fields
    number = next((f.name for f in fields if f.type in {"number", "integer"}), "")
    group = _group(text, entity)
    date = next((f.name for f in fields if f.type == "date"), "")
    sort = _named(text, SORT, entity) or date or fields[0].name
    wanted: list[tuple[str, str, str, str, bool]] = [
        ("add", f"add a {one}", "it is not forgotten", said(text, r"\badd\w*(?: \w+)?"), True),
        ("list", f"list all {many}", "I see them at one glance", said(text, r"\blist\w*"), True),
        ("search", f"search {many} by words", "I find one quickly", said(text, SEARCH), False),
        ("update", f"change a {one}", "mistakes can be corrected", said(text, UPDATE), False),
        ("remove", f"remove a {one}", "only what matters is left", said(text, REMOVE), False),
        (
            "mark",
            f"mark a {one} as {flag}",
            f"I see which are {flag}",
            said(text, FLAGS[flag]) if flag else "",
            False,
        ),
        ("sort", f"have {many} sorted", "the first is the next", said(text, SORT), False),
        (
            "filter",
            f"list only {many} of one {group or 'kind'}",
            "I see what belongs together",
            said(text, FILTER) if group else "",
            False,
        ),
        (
            "overdue",
            f"see which {many} are overdue",
            "I can act on them",
            said(text, OVERDUE) if date else "",
            False,
        ),
        (
            "total",
            f"have the {number} of all {many} added up" + (f" by {group}" if group else ""),
            "I know where I stand",
            said(text, TOTAL) if number else "",
            False,
        ),
        (
            "average",
            f"have the average {number} of {many}",
            "I can compare",
            said(text, AVERAGE) if number else "",
            False,
        ),
        (
            "count",
            f"count {many}" + (f" by {group}" if group else ""),
            "I know how many there are",
            said(text, COUNT),
            False,
        ),
        (
            "unique",
            f"have a second {one} of the same {fields[0].label} refused",
            "nothing is there twice",
            said(text, UNIQUE),
            False,
        ),
    ]
    features = [
        Feature(key=key, title=want[:1].upper() + want[1:], want=want, benefit=why, source=source)
        for key, want, why, source, always in wanted
        if source or always
    ]
    settings: dict[str, JsonValue] = {
        "features": [feature.key for feature in features],
        "flag": flag,
        "number": number,
        "group": group,
        "date": date,
        "sort": sort,
        "first": fields[0].name,
    }
    return settings, features


def _named(text: str, pattern: str, entity: Entity) -> str:
    """Find the field that is named where a pattern matches."""
    words = said(text, pattern)
    return next((f.name for f in entity.fields if f.label and f.label in words), "")


def _group(text: str, entity: Entity) -> str:
    """Find the field by which records are put together."""
    by = re.findall(r"\b(?:by|per|for each|of (?:a|one|each)) (\w+(?: \w+)?)", text.casefold())
    for words in by:
        for field in entity.fields:
            if field.type in {"text", "choice"} and field.label in {words, words.split()[0]}:
                return field.name
    choice = next((f.name for f in entity.fields if f.type == "choice"), "")
    known = {"category", "genre", "status", "type", "tag", "author", "project", "account"}
    return choice or next((f.name for f in entity.fields if f.name in known), "")


PYTHON_TYPES: dict[str, str] = {
    "text": "str",
    "number": "float",
    "integer": "int",
    "date": "str",
    "flag": "bool",
    "choice": "str",
    "email": "str",
}


def functions(product: Product) -> tuple[Function, ...]:
    """List the public interface: the methods of the store."""
    entity = product.entity
    if entity is None:
        raise AssertionError("a record keeper has an entity")
    keys = [feature.key for feature in product.features]
    get = {key: str(value) for key, value in product.settings.items()}
    one, many = entity.name, entity.plural
    record, records = "dict[str, object]", "list[dict[str, object]]"
    number = Parameter(name="number", type="int")
    values = tuple(
        Parameter(
            name=field.name,
            type=PYTHON_TYPES[field.type],
            default="" if field.required else "False" if field.type == "flag" else '""',
        )
        for field in sorted(entity.fields, key=lambda field: not field.required)
    )
    missing = f"there is no {one} of this number"
    listed = tuple(
        parameter
        for key, parameter in (
            ("sort", Parameter(name="sort_by", type="str", default=f'"{get["sort"]}"')),
            (
                "filter",
                Parameter(name=get["group"] or "group", type="str | None", default="None"),
            ),
        )
        if key in keys
    )
    total = "dict[str, float]" if get["group"] else "float"
    counted = "dict[str, int]" if get["group"] else "int"
    today = Parameter(name="today", type="str")
    known: tuple[tuple[str, str, tuple[Parameter, ...], str, str, str], ...] = (
        ("add", "add", values, record, f"Add a {one}.", "a value is not of its type"),
        ("list", "all", listed, records, f"List the {many}.", ""),
        ("list", "get", (number,), record, f"Give one {one}.", missing),
        (
            "search",
            "search",
            (Parameter(name="words", type="str"),),
            records,
            f"Find {many} that hold all words.",
            "",
        ),
        (
            "update",
            "update",
            (number, Parameter(name="**values", type="object")),
            record,
            f"Change values of a {one}.",
            f"{missing}, or a value is not of its type",
        ),
        ("remove", "remove", (number,), "None", f"Remove a {one}.", missing),
        ("mark", "mark", (number,), record, f"Mark a {one} as {get['flag']}.", missing),
        ("overdue", "overdue", (today,), records, f"List {many} due before a day.", ""),
        ("total", "total", (), total, f"Add up the {get['number']} of all {many}.", ""),
        (
            "average",
            "average",
            (),
            "float",
            f"Give the average {get['number']}.",
            f"there are no {many}",
        ),
        ("count", "count", (), counted, f"Count the {many}.", ""),
    )
    return tuple(
        Function(
            name=name,
            parameters=parameters,
            returns=returns,
            summary=summary,
            raises=raises,
            feature=feature,
        )
        for feature, name, parameters, returns, summary, raises in known
        if feature in keys
    )
