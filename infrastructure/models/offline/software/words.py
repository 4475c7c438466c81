"""Words: names for code out of words for people, and where a requirement says what."""

from __future__ import annotations

import keyword
import re

from infrastructure.models.offline.language import is_stopword, plain, words_of

_IRREGULAR = {"people": "person", "children": "child", "movies": "movie", "series": "series"}
_LONGEST = 32


def identifier(text: str) -> str:
    """Make a Python name of words: `Due date` becomes `due_date`."""
    name = "_".join(words_of(text))
    name = re.sub(r"[^a-z0-9_]", "", name)[:_LONGEST].strip("_") or "value"
    name = f"n{name}" if name[0].isdecimal() else name
    return f"{name}_" if keyword.iskeyword(name) else name


def singular(word: str) -> str:
    """Give the singular of an English noun, by its ending."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - not `ties`
        return f"{word[:-3]}y"
    if re.search(r"(?:ss|x|ch|sh|z)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def plural(word: str) -> str:
    """Give the plural of an English noun, by its ending."""
    if re.search(r"[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(?:s|x|ch|sh|z)$", word) else f"{word}s"


def said(text: str, pattern: str) -> str:
    """Give the words that a pattern finds, folded; empty for none."""
    found = re.search(pattern, plain(text))
    return found[0].strip(" ,.;") if found else ""


def sentences(text: str) -> list[str]:
    """Cut a text into sentences and lines."""
    return [part.strip() for part in re.split(r"(?<=[.!?;])\s+|\n", text) if part.strip()]


def unused(text: str, used: str) -> tuple[str, ...]:
    """List the words of a requirement that mean something and that nothing took up."""
    known = {stem(word) for word in words_of(used)} | _ORDINARY
    left = [
        word
        for word in dict.fromkeys(words_of(text))
        if len(word) > 3  # noqa: PLR2004 - shorter ones say little
        and not word.isdecimal()
        and not is_stopword(word)
        and stem(word) not in known
    ]
    return tuple(left)


def stem(word: str) -> str:
    """Cut the endings off a word that English gives to verbs and nouns."""
    for ending in ("ations", "ation", "ings", "ing", "ies", "ors", "ers", "ed", "es", "or", "er"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - what is left
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("s").rstrip("ey")


_ORDINARY = {
    stem(word)
    for word in [
        "a",
        "command",
        "line",
        "tool",
        "program",
        "application",
        "app",
        "library",
        "script",
        "module",
        "python",
        "function",
        "functions",
        "package",
        "small",
        "simple",
        "little",
        "user",
        "users",
        "people",
        "person",
        "someone",
        "should",
        "must",
        "shall",
        "able",
        "allow",
        "allows",
        "support",
        "supports",
        "provide",
        "provides",
        "offer",
        "offers",
        "including",
        "include",
        "includes",
        "option",
        "optional",
        "optionally",
        "file",
        "files",
        "data",
        "value",
        "values",
        "given",
        "gives",
        "read",
        "reads",
        "write",
        "writes",
        "print",
        "prints",
        "output",
        "input",
        "take",
        "takes",
        "need",
        "needs",
        "want",
        "wants",
        "build",
        "create",
        "make",
        "let",
        "lets",
        "use",
        "uses",
        "using",
        "which",
        "what",
        "when",
        "where",
        "each",
        "every",
        "also",
        "well",
        "both",
        "either",
        "following",
        "work",
        "works",
        "text",
        "their",
        "them",
        "those",
        "these",
        "have",
        "with",
        "from",
        "into",
        "only",
        "some",
        "certain",
        "terminal",
        "shell",
        "console",
        "utility",
        "interface",
        "requirement",
        "that",
        "this",
        "will",
        "would",
        "can",
        "result",
        "results",
        "return",
        "returns",
        "show",
        "shows",
        "tell",
        "tells",
        "based",
        "according",
        "about",
    ]
}
