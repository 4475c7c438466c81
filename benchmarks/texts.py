"""Real text with known answers: first lines of docstrings and names of manual pages."""

from __future__ import annotations

import ast
import gzip
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

SHORTEST_QUERY = 15
SHORTEST_DOCUMENT = 60
"""Characters; shorter ones say too little to be found, or to be looked for."""

LONGEST_DOCUMENT = 2000
"""Characters that are kept of a document."""

FOREIGN = frozenset({"test", "tests", "site-packages", "idlelib", "lib2to3", "turtledemo"})
MODULES = 1500
"""Modules that are read, chosen evenly."""

MANUAL = Path("/usr/share/man")
PAGES_OF_A_FAMILY = 20
"""Manual pages whose names start alike, such as those of one command's hundreds of parts."""

_FAMILY = re.compile(r"[-_.]")
_SECTION = r'^\.SH "?{}"?$(.*?)^\.SH '
_NAME = re.compile(_SECTION.format("NAME"), re.MULTILINE | re.DOTALL)
_DESCRIPTION = re.compile(_SECTION.format("DESCRIPTION"), re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r'^[.\']\\".*$', re.MULTILINE)
_REQUEST = re.compile(r"^[.'][A-Za-z]{1,2}\b", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:f(?:\w|\(..|\[\w*\])|s[-+]?\d+|\(..|\[\w+\]|[|&/^,])")


class Pair(NamedTuple):
    """A query and the document that answers it."""

    query: str
    document: str


def standard_library(limit: int) -> list[Pair]:
    """Take first lines and bodies from Python's own modules."""
    return _docstrings_below("stdlib", FOREIGN, limit)


def installed_packages(limit: int) -> list[Pair]:
    """Take first lines and bodies from what is installed beside Hansard."""
    return _docstrings_below("purelib", frozenset({"test", "tests"}), limit)


def manual_pages(limit: int) -> list[Pair]:
    """Take names and descriptions of the machine's English manual; none where it has none."""
    families: Counter[str] = Counter()
    paths = []
    for path in sorted(MANUAL.glob("man[1-8]/*.gz"), key=lambda path: _order(path.name)):
        family = _FAMILY.split(path.name)[0]
        families[family] += 1
        if families[family] <= PAGES_OF_A_FAMILY:
            paths.append(path)
    return _chosen(filter(None, map(_manual_page, paths)), limit)


def _docstrings_below(folder: str, foreign: frozenset[str], limit: int) -> list[Pair]:
    root = Path(sysconfig.get_path(folder))
    inside = {one: one.relative_to(root) for one in root.rglob("*.py")}
    paths = [one for one, path in inside.items() if not foreign & {*path.parts}]
    paths.sort(key=lambda one: _order(str(inside[one])))
    return _chosen(_docstrings(paths[:MODULES]), limit)


def _docstrings(paths: Iterable[Path]) -> Iterator[Pair]:
    for path in paths:
        text = path.read_text("utf-8", "ignore")
        if '"""' not in text:
            continue
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError):  # templates, and files for other versions
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                summary, _, body = (ast.get_docstring(node) or "").partition("\n")
                yield Pair(summary.strip(), body.strip())


def _manual_page(path: Path) -> Pair | None:
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "ignore")
    except OSError:  # a link that leads nowhere
        return None
    name, description = _NAME.search(text), _DESCRIPTION.search(text)
    if name is None or description is None:
        return None
    _, _, summary = name[1].replace("\\-", "-").partition(" - ")
    return Pair(_plain(summary), _plain(description[1]))


def _plain(roff: str) -> str:
    bare = _REQUEST.sub("", _COMMENT.sub("", roff.replace("\\-", "-")))
    return " ".join(_ESCAPE.sub("", bare).split())


def _chosen(pairs: Iterable[Pair], limit: int) -> list[Pair]:
    """Take pairs whose query and document are both unique, in an order that is always the same."""
    found = {
        Pair(query, document[:LONGEST_DOCUMENT])
        for query, document in pairs
        if len(query) >= SHORTEST_QUERY and len(document) >= SHORTEST_DOCUMENT
    }
    queries = Counter(pair.query for pair in found)
    documents = Counter(pair.document for pair in found)
    unique = [pair for pair in found if queries[pair.query] == 1 and documents[pair.document] == 1]
    return sorted(unique, key=lambda pair: _order(pair.query))[:limit]


def _order(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
