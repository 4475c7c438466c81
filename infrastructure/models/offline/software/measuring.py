"""Measuring: tools that count what is in a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
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

_ASKED = re.compile(
    r"\bcount|\bstatistic|\bfrequen|\banaly[sz]|\bmeasur|\breading time|\bhow (?:many|often)"
    r"|\blongest\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"\btexts?\b|\bwords?\b|\bdocuments?\b|\bessays?\b|\bcharacters\b", re.IGNORECASE
)
TEXT = "The cat saw the dog.\nThe dog ran!\n\nWas it the cat?\n"


def words_in(text: str) -> list[str]:
    """Cut a text into words, in lower case."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower())


def _sentences(text: str) -> int:
    return len([part for part in re.split(r"[.!?]+", text) if words_in(part)])


MEASURES: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "words": (r"\bwords?\b", "number of words", lambda text: len(words_in(text))),
    "lines": (r"\blines\b", "number of lines", lambda text: len(text.splitlines())),
    "characters": (r"\bcharacters\b|\bletters\b", "number of characters", len),
    "sentences": (r"\bsentences\b", "number of sentences", _sentences),
    "paragraphs": (
        r"\bparagraphs\b",
        "number of paragraphs",
        lambda text: len([part for part in re.split(r"\n\s*\n", text) if part.strip()]),
    ),
    "unique_words": (
        r"\b(?:unique|different|distinct) words\b|\bvocabulary\b",
        "number of different words",
        lambda text: len(set(words_in(text))),
    ),
    "vowels": (
        r"\bvowels\b",
        "number of vowels",
        lambda text: sum(sign in "aeiou" for sign in text.lower()),
    ),
    "longest_word": (
        r"\blongest words?\b",
        "longest word",
        lambda text: max(words_in(text), key=len, default=""),
    ),
    "average_word_length": (
        r"\baverage (?:word )?length\b|\baverage length of (?:the )?words\b|\bmean word length\b",
        "average length of a word",
        lambda text: sum(map(len, words_in(text))) / len(words_in(text)) if words_in(text) else 0.0,
    ),
    "reading_minutes": (
        r"\breading time\b|\bhow long it takes to read\b",
        "reading time in minutes at 200 words a minute",
        lambda text: len(words_in(text)) / 200,
    ),
}
"""Pattern, label and meaning of each measure; the meaning is what the examples expect."""
FREQUENT = r"\b(?:most (?:frequent|common|used)|top \d+|frequenc(?:y|ies)|how often)\b(?: \w+){0,2}"


def read(text: str) -> Product | None:
    """Read a requirement for a text counter; None when it asks for none."""
    if not (_ASKED.search(text) and _ABOUT.search(text)):
        return None
    sources = {key: said(text, pattern) for key, (pattern, *_) in MEASURES.items()}
    frequent = said(text, FREQUENT)
    chosen = [key for key, source in sources.items() if source]
    plain_words = re.search(
        r"\b(?:count|number of|how many)\b[^.;]*\bwords?\b|\bword count", text.casefold()
    )
    if "words" in chosen and len(chosen) + bool(frequent) > 1 and plain_words is None:
        chosen.remove("words")  # the word was only said as a part of another measure
    if not chosen and not frequent:
        return None
    top = re.search(r"\btop (\d+)|\b(\d+) most", text)
    most = int(next(filter(None, top.groups()))) if top else 10
    features = [
        Feature(
            key=key,
            title=f"Tell the {MEASURES[key][1]}",
            want=f"know the {MEASURES[key][1]}",
            benefit="I can judge the text",
            source=sources[key],
        )
        for key in chosen
    ]
    if frequent:
        features.append(
            Feature(
                key="frequent_words",
                title="Tell the most frequent words",
                want=f"see the {most} most frequent words with their counts",
                benefit="I see what the text is about",
                source=frequent,
            )
        )
    used = " ".join(feature.source + " " + feature.want for feature in features)
    return Product(
        kind="measuring",
        requirement=text,
        module="text_statistics",
        title="Text statistics",
        purpose="counts what is in a text",
        user="a person who writes or reads texts",
        features=tuple(features),
        examples=tuple(_examples(chosen, most if frequent else 0)),
        settings={"measures": list(chosen), "most": most if frequent else 0},
        assumptions=(
            "A word is a run of letters or digits, with an apostrophe inside; case does not count.",
            "Words that are equally frequent come in the order of the alphabet.",
        ),
        left_out=unused(
            text,
            f"{used} count statistics analyse analyze text document frequency measure report",
        ),
    )


def frequent_words(text: str, most: int) -> list[list[Any]]:
    """List the most frequent words with their counts: what the examples expect."""
    counts = Counter(words_in(text))
    return [list(pair) for pair in sorted(counts.items(), key=lambda p: (-p[1], p[0]))[:most]]


def _examples(chosen: list[str], most: int) -> Iterator[Example]:
    for key in chosen:
        label, meaning = MEASURES[key][1:]
        for text, given in ((TEXT, "a text of three sentences"), ("", "an empty text")):
            value = meaning(text)
            yield Example(
                feature=key,
                given=given,
                when=f"the {label} is asked for",
                then=f"it is {value!r}" if not isinstance(value, float) else f"it is {value:.3f}",
                invocations=(Invocation(function=key, arguments={"text": text}),),
                expected=value,
                places=6 if isinstance(value, float) else None,
            )
    if most:
        yield Example(
            feature="frequent_words",
            given="a text of three sentences",
            when="the 2 most frequent words are asked for",
            then="they come with their counts, the most frequent first",
            invocations=(
                Invocation(function="frequent_words", arguments={"text": TEXT, "most": 2}),
            ),
            expected=frequent_words(TEXT, 2),
        )
    key = chosen[0] if chosen else "frequent_words"
    yield Example(
        feature=key,
        given="a file that does not exist",
        when="the command is given its name",
        then="it says so and ends with exit code 2",
        command=("{folder}/absent.txt",),
        exit_code=2,
    )
    if chosen:
        value = MEASURES[key][2](TEXT)
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        yield Example(
            feature=key,
            given="a text file",
            when=f"the command is asked for {key.replace('_', '-')}",
            then="it prints the value",
            command=("{folder}/text.txt", "--only", key.replace("_", "-")),
            files={"text.txt": TEXT},
            prints=f"{MEASURES[key][1]}: {shown}\n",
        )


def functions(product: Product) -> tuple[Function, ...]:
    """List the public interface."""
    text = Parameter(name="text", type="str")
    found = []
    for feature in product.features:
        if feature.key == "frequent_words":
            most = Parameter(name="most", type="int", default=str(product.settings["most"]))
            found.append(
                Function(
                    name="frequent_words",
                    parameters=(text, most),
                    returns="list[tuple[str, int]]",
                    summary="List the most frequent words with their counts.",
                    feature=feature.key,
                )
            )
            continue
        value = MEASURES[feature.key][2](TEXT)
        found.append(
            Function(
                name=feature.key,
                parameters=(text,),
                returns=type(value).__name__,
                summary=f"Tell the {MEASURES[feature.key][1]}.",
                feature=feature.key,
            )
        )
    return tuple(found)
