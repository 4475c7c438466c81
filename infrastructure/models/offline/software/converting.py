"""Converting: tools that turn a table in one text format into another."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from infrastructure.models.offline.software.product import (
    Example,
    Feature,
    Function,
    Invocation,
    Parameter,
    Product,
)
from infrastructure.models.offline.software.words import said, unused

FORMATS = {
    "csv": r"\bcsv\b|comma.separated",
    "tsv": r"\btsv\b|tab.separated",
    "jsonl": r"\bjsonl\b|\bjson.?lines\b|\bndjson\b",
    "json": r"\bjson\b(?!.?lines)",
    "markdown": r"\bmarkdown\b",
    "html": r"\bhtml\b",
}
NAMES = {
    "csv": "CSV",
    "tsv": "TSV",
    "jsonl": "JSON Lines",
    "json": "JSON",
    "markdown": "Markdown",
    "html": "HTML",
}
READABLE = ("csv", "tsv", "jsonl", "json")
VERB = r"\b(?:convert|transform|turn|translat|export|migrat|render)\w*"

OPTIONS: dict[str, tuple[str, str, str]] = {
    "select": (
        (
            r"column selection|(?:select|choos|pick|keep)\w*(?: \w+){0,4} columns?"
            r"|(?:only|some|certain|chosen|given|named)(?: \w+){0,2} columns?"
            r"|columns?(?: \w+){0,3} (?:select|chosen)\w*"
        ),
        "choose the columns that are kept, in my order",
        "the output holds nothing I do not need",
    ),
    "rename": (
        r"\brenam\w*(?: \w+){0,3}|new names? for columns",
        "give columns other names",
        "the output fits whoever reads it next",
    ),
    "filter": (
        (
            r"\bfilter\w*(?: \w+){0,4}|only rows(?: \w+){0,3}"
            r"|rows (?:where|whose|that match)(?: \w+){0,3}"
        ),
        "keep only the rows in which a column has a value",
        "I work with the rows that matter",
    ),
    "sort": (
        r"\bsort\w*(?: \w+){0,3}|order(?:ed|ing)? by(?: \w+){0,2}",
        "sort the rows by a column",
        "I find things in their order",
    ),
    "limit": (
        (
            r"\blimit\w*(?: \w+){0,4}|first (?:n|\d+|few)(?: \w+)?|at most (?:n|\d+)(?: \w+)?"
            r"|number of rows"
        ),
        "limit how many rows are written",
        "I can look at a part first",
    ),
    "types": (
        (
            r"numbers? (?:as|into|stay|kept as) numbers?|type (?:detection|inference|conversion)"
            r"|\binfer\w*(?: \w+){0,2}|detect\w* types?"
        ),
        "have numbers and truth values written as such",
        "programs can compute with them",
    ),
    "delimiter": (
        r"(?:custom |other |different |configurable )?(?:delimiter|separator)s?",
        "say which sign separates the values of the input",
        "files of other programs can be read",
    ),
    "blank": (
        r"(?:skip|ignor|drop|remov)\w* (?:empty|blank)(?: \w+)?",
        "have rows without any value left out",
        "gaps in the file do no harm",
    ),
}
"""Pattern, wish and benefit of each option."""

ROWS: list[dict[str, str]] = [
    {"name": "Ada", "city": "London", "age": "36"},
    {"name": "Linus", "city": "Helsinki", "age": "21"},
    {"name": "Grace", "city": "London", "age": "45"},
]
TYPED: list[dict[str, Any]] = [{**row, "age": int(row["age"])} for row in ROWS]


def read(text: str) -> Product | None:
    """Read a requirement for a converter; None when it asks for none."""
    formats = _formats(text)
    if formats is None:
        return None
    source, target = formats
    options = {key: found for key, (p, *_) in OPTIONS.items() if (found := said(text, p))}
    if source in {"json", "jsonl"}:
        options.pop("delimiter", None)
    features = [
        Feature(
            key="convert",
            title=f"Convert {NAMES[source]} to {NAMES[target]}",
            want=f"convert a table from {NAMES[source]} to {NAMES[target]}",
            benefit=f"programs that read {NAMES[target]} can use it",
            source=said(text, VERB),
        ),
        *(
            Feature(
                key=key,
                title=_title(OPTIONS[key][1]),
                want=OPTIONS[key][1],
                benefit=OPTIONS[key][2],
                source=source_words,
            )
            for key, source_words in options.items()
        ),
    ]
    used = f"{' '.join(options.values())} {source} {target} {NAMES[source]} {NAMES[target]}"
    return Product(
        kind="converting",
        requirement=text,
        module=f"{source}_to_{target}",
        title=f"{NAMES[source]} to {NAMES[target]}",
        purpose=f"converts tables from {NAMES[source]} to {NAMES[target]}",
        user="a person who works with data files",
        features=tuple(features),
        examples=tuple(_examples(source, target, tuple(options))),
        settings={"source": source, "target": target, "options": list(options)},
        assumptions=tuple(_assumptions(source)),
        left_out=unused(text, f"{used} convert transform turn translate export row column table"),
    )


def _formats(text: str) -> tuple[str, str] | None:
    folded = text.casefold()
    found = sorted(
        (match.start(), name)
        for name, pattern in FORMATS.items()
        for match in re.finditer(pattern, folded)
    )
    names = list(dict.fromkeys(name for _, name in found))
    if len(names) < 2 or not re.search(VERB, folded):  # noqa: PLR2004 - a source and a target
        return None
    source, target = names[0], names[1]
    first, second = (next(at for at, name in found if name == each) for each in (source, target))
    if re.search(r"\bfrom\b", folded[first:second]) and " to " not in folded[first:second]:
        source, target = target, source
    return (source, target) if source in READABLE else None


def _title(want: str) -> str:
    return want[:1].upper() + want[1:]


def _assumptions(source: str) -> Iterator[str]:
    if source in {"csv", "tsv"}:
        yield "The first line of the input names the columns."
    else:
        yield "The input is a list of flat objects; their keys are the columns."
    yield "Input and output are UTF-8, and a table fits into memory."


def written(rows: list[dict[str, Any]], target: str) -> str:
    """Write rows in a format: what the examples expect."""
    columns = list(rows[0]) if rows else []
    if target == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    if target == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if target == "markdown":
        lines = [columns, ["---"] * len(columns), *([str(v) for v in r.values()] for r in rows)]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)
    if target == "html":
        head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(v))}</td>" for v in row.values()) + "</tr>\n"
            for row in rows
        )
        return f"<table>\n<tr>{head}</tr>\n{body}</table>\n"
    buffer = io.StringIO()
    sign = "," if target == "csv" else "\t"
    writer = csv.DictWriter(buffer, columns, delimiter=sign, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _examples(source: str, target: str, options: tuple[str, ...]) -> Iterator[Example]:
    whole = written([dict(row) for row in ROWS], source)
    rows: list[dict[str, Any]] = TYPED if "types" in options else list(ROWS)

    def convert(feature: str, when: str, expected: list[dict[str, Any]], **more: Any) -> Example:
        text = more.pop("text", whole)
        then = f"{len(expected)} rows are written" if expected else "an empty table is written"
        return Example(
            feature=feature,
            given=f"a {NAMES[source]} table of {len(ROWS)} people",
            when=when,
            then=more.pop("then", then),
            invocations=(Invocation(function="convert", arguments={"text": text, **more}),),
            expected=written(expected, target),
        )

    yield convert("convert", "it is converted", rows, then="every row and column is there")
    yield Example(
        feature="convert",
        given="text that is no table",
        when="it is converted",
        then="an error says what is wrong",
        invocations=(
            Invocation(
                function="convert",
                arguments={"text": "" if source in {"csv", "tsv"} else "{broken"},
            ),
        ),
        raises=True,
    )
    yield Example(
        feature="convert",
        given="a file of the table",
        when="the command is given the file's name",
        then=f"it prints {NAMES[target]} and ends with exit code 0",
        command=("{folder}/in.txt",),
        files={"in.txt": whole},
        prints=written(rows, target),
    )
    yield Example(
        feature="convert",
        given="no such file",
        when="the command is given its name",
        then="it says so and ends with exit code 2",
        command=("{folder}/absent.txt",),
        exit_code=2,
    )
    if "select" in options:
        chosen = [{"age": row["age"], "name": row["name"]} for row in rows]
        yield convert(
            "select",
            "the columns age and name are chosen",
            chosen,
            columns=["age", "name"],
            then="only these are there, in this order",
        )
        yield Example(
            feature="select",
            given="a table without a column height",
            when="the column height is chosen",
            then="an error names it",
            invocations=(
                Invocation(function="convert", arguments={"text": whole, "columns": ["height"]}),
            ),
            raises=True,
        )
    if "rename" in options:
        renamed = [
            {("town" if name == "city" else name): value for name, value in row.items()}
            for row in rows
        ]
        yield convert(
            "rename",
            "city is renamed to town",
            renamed,
            names={"city": "town"},
            then="the column has its new name",
        )
    if "filter" in options:
        yield convert(
            "filter",
            "only rows with the city London are kept",
            [row for row in rows if row["city"] == "London"],
            where={"city": "London"},
        )
    if "sort" in options:
        ordered = sorted(rows, key=lambda row: int(row["age"]))
        yield convert(
            "sort", "rows are sorted by age", ordered, sort_by="age", then="the youngest is first"
        )
    if "limit" in options:
        yield convert("limit", "at most 2 rows are asked for", rows[:2], limit=2)
    if "types" in options:
        yield convert("types", "it is converted", TYPED, then="ages are numbers")
    if "delimiter" in options:
        text = whole.replace("," if source == "csv" else "\t", ";")
        yield convert(
            "delimiter",
            "values are separated by semicolons, and this is said",
            rows,
            text=text,
            delimiter=";",
        )
    if "blank" in options:
        blank = {"csv": ",,\n", "tsv": "\t\t\n", "jsonl": "{}\n", "json": ""}[source]
        yield convert("blank", "a row has no values", rows, text=whole + blank)


def functions(product: Product) -> tuple[Function, ...]:
    """List the public interface."""
    options = product.settings["options"]
    known: list[Any] = options if isinstance(options, list) else []
    texts = "list[dict[str, object]]"
    optional = {
        "delimiter": Parameter(name="delimiter", type="str", default="DELIMITER"),
        "select": Parameter(name="columns", type="Sequence[str] | None", default="None"),
        "rename": Parameter(name="names", type="Mapping[str, str] | None", default="None"),
        "filter": Parameter(name="where", type="Mapping[str, str] | None", default="None"),
        "sort": Parameter(name="sort_by", type="str | None", default="None"),
        "limit": Parameter(name="limit", type="int | None", default="None"),
    }
    more = tuple(parameter for key, parameter in optional.items() if key in known)
    text = Parameter(name="text", type="str")
    reads = (text, *(p for p in more if p.name == "delimiter"))
    source, target = (NAMES[str(product.settings[key])] for key in ("source", "target"))
    raises = "the text is no table, or a column does not exist"
    return (
        Function(
            name="read_rows",
            parameters=reads,
            returns=texts,
            summary=f"Read the rows of a {source} text.",
            raises="the text is no table",
            feature="convert",
        ),
        Function(
            name="write_rows",
            parameters=(Parameter(name="rows", type=texts),),
            returns="str",
            summary=f"Write rows as {target}.",
            feature="convert",
        ),
        Function(
            name="convert",
            parameters=(text, *more),
            returns="str",
            summary=f"Convert a {source} text to {target}.",
            raises=raises,
            feature="convert",
        ),
    )
