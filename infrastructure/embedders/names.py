"""Names: taken out of what is embedded, since who speaks says nothing about what is meant.

With the participants' names in, questions to the same agent look alike whatever they ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_BLANKS = re.compile(r"[^\S\n]{2,}")


def embeddable(text: str, names: Iterable[str]) -> str:
    """Take names out of a text.

    A name is found as it is written. In any case it is found after `@`, where it is called at the
    beginning ("nova, ..."), and when it holds a digit or an underscore and so is no ordinary word:
    `IT` leaves "it" alone.

    Args:
        text: what was said.
        names: of the participants, such as handles of agents.

    Returns:
        The text without them; the text itself when it consists of nothing else.
    """
    chosen = frozenset(name for name in names if name.strip())
    if not chosen:
        return text
    bare = _BLANKS.sub(" ", _pattern(chosen).sub(" ", text)).strip()
    return bare if any(map(str.isalnum, bare)) else text


@lru_cache(maxsize=256)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    # The longest first, so that a name that begins another does not hide it.
    ordered = sorted(names, key=lambda name: (-len(name), name))
    anyhow = "|".join(map(re.escape, ordered))
    unlike_words = "|".join(
        re.escape(name) for name in ordered if "_" in name or any(map(str.isdigit, name))
    )
    parts = [f"@(?i:{anyhow})", anyhow, *([f"(?i:{unlike_words})"] if unlike_words else [])]
    return re.compile(
        rf"(?:\A\s*(?i:{anyhow})(?=\s*[,:])|(?<!\w)(?:{'|'.join(parts)})(?!\w))(?:\s*[,:])?"
    )
