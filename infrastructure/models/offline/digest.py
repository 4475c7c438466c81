"""Digest: the facts of a text and its most telling sentences, quoted, never paraphrased."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.figures import whole
from infrastructure.models.offline.language import detect_language, is_stopword, words_of
from infrastructure.models.offline.requests import is_text_file
from infrastructure.models.offline.work import Call, StoppedError, Work, use
from infrastructure.tools.schemas import ReadFileAnswer, ReadFileArguments

_PIECE = 20_000
_MOST_PIECES = 4
_QUOTED = 5
_SHORTEST_WORD = 4
_FEWEST_WORDS, _MOST_WORDS = 5, 45


def digest(brief: ExecuteBrief) -> Work[Submission]:
    """Read the first text file and quote the sentences that hold its most frequent words."""
    names = [file.name for file in brief.files if is_text_file(file.name)]
    if not names:
        raise StoppedError("There is no text file to read; name a .txt or .md file with --input.")
    named = [name for name in names if PurePath(name).stem.casefold() in brief.request.casefold()]
    name = (named or names)[0]
    text, complete = yield from _read(name)
    if not text.strip():
        raise StoppedError(f"{name} is empty; there is nothing to quote.")
    sentences = telling_sentences(text)
    words = words_of(text)
    frequent = [word for word, count in _content(words).most_common(8) if count > 1]
    part = "" if complete else f" Only its first {whole(len(text))} characters were read."
    counted = (
        f"**{name}** holds {whole(len(words))} words in {whole(text.count(chr(10)) + 1)} lines,"
        f" written in language {detect_language(text)!r}.{part}"
    )
    explained = (
        "Sentences with the most of these words, quoted in their order (an extract by word counts,"
        " not a summary in other words):"
    )
    lines = [
        counted,
        f"Frequent words: {', '.join(frequent)}." if frequent else "",
        explained,
        "\n\n".join(f"> {sentence}" for sentence in sentences),
    ]
    return Submission(
        done=True,
        summary="\n\n".join(line for line in lines if line),
        data={"file": name, "sentences": list(sentences)},
    )


def _read(name: str) -> Work[tuple[str, bool]]:
    text, offset = "", 0
    for _ in range(_MOST_PIECES):
        arguments = ReadFileArguments(name=name, offset=offset, limit=_PIECE)
        (answer,) = yield from use(Call("read_file", arguments))
        piece = ReadFileAnswer.model_validate(answer.content)
        text += piece.text
        if piece.next_offset is None:
            return text, True
        offset = piece.next_offset
    return text, False


def telling_sentences(text: str) -> list[str]:
    """Choose sentences by the mean frequency of their words, after Luhn (1958)."""
    prose = re.sub(r"^\s*(?:[#>*-]+|\d+\.)\s*", "", text, flags=re.MULTILINE)
    sentences = [
        " ".join(sentence.split()) for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", prose)
    ]
    counts = _content(words_of(text))
    scored = []
    for place, sentence in enumerate(sentences):
        words = words_of(sentence)
        if _FEWEST_WORDS <= len(words) <= _MOST_WORDS:
            score = sum(counts.get(word, 0) for word in words) / len(words)
            scored.append((score, place, sentence))
    best = sorted(scored, key=lambda item: (-item[0], item[1]))[:_QUOTED]
    return [sentence for _, _, sentence in sorted(best, key=lambda item: item[1])]


def _content(words: tuple[str, ...]) -> Counter[str]:
    return Counter(
        word
        for word in words
        if len(word) >= _SHORTEST_WORD and not is_stopword(word) and not word.isdecimal()
    )
