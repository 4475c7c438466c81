"""Requirement: finds the rules that know what a requirement asks for, or says that none do."""

from __future__ import annotations

import re
from collections.abc import Callable

from infrastructure.models.offline.software import (
    computing,
    converting,
    keeping,
    measuring,
    validating,
)
from infrastructure.models.offline.software.product import Function, Product
from infrastructure.models.offline.software.words import unused
from infrastructure.models.offline.work import StoppedError

Reader = Callable[[str], Product | None]

KINDS: dict[str, tuple[Reader, Callable[[Product], tuple[Function, ...]]]] = {
    "converting": (converting.read, converting.functions),
    "keeping": (keeping.read, keeping.functions),
    "validating": (validating.read, validating.functions),
    "measuring": (measuring.read, measuring.functions),
    "computing": (computing.read, computing.functions),
}
"""Who reads a requirement of each kind, and who designs its interface; the first that can does."""

_BEYOND = (
    (r"\bweb ?(?:site|page|app|shop|serv)|\bfrontend\b|\bbrowser\b|\brest\b|\bhttp", "the web"),
    (r"\bgui\b|\bgraphical\b|\bwindows?\b with buttons|\bdesktop app", "a graphical interface"),
    (r"\bmobile\b|\bandroid\b|\bios\b|\biphone\b", "a mobile app"),
    (r"\bgames?\b|\bchess\b|\bpuzzle\b", "a game"),
    (r"\bmachine learning\b|\bneural\b|\bllm\b|\bchatbot\b|\bai\b|\bpredict", "machine learning"),
    (r"\bnetwork\b|\bsockets?\b|\bdownload|\bscrap(?:e|ing)\b|\bapi client\b", "the network"),
    (r"\bencrypt|\bdecrypt|\bcryptograph", "cryptography"),
    (r"\breal.?time\b|\bconcurren|\bdistributed\b|\bmulti.?user\b", "concurrency"),
    (r"\bpostgres|\bmysql\b|\bsql database\b|\bmongo", "a database server"),
    (r"\bimages?\b|\bphotos?\b|\bvideos?\b|\baudio\b|\bmusic player\b|\bpdfs?\b", "media files"),
)  # fmt: skip
_MOST_LEFT_OUT, _SHARE_LEFT_OUT = 2, 0.4
_SERVED = (
    "They can build converters between table formats, keepers of records, calculators, validators"
    " and counters for texts, in Python for the command line"
)


def read_requirement(text: str) -> Product:
    """Read a requirement.

    Raises:
        StoppedError: no rule knows how to build it; the message says what they know.
    """
    folded = text.casefold()
    beyond = next((what for pattern, what in _BEYOND if re.search(pattern, folded)), None)
    if beyond is not None:
        raise StoppedError(
            f"The offline rules cannot build what needs {beyond}. {_SERVED}; set ANTHROPIC_API_KEY"
            " to let a language model try more."
        )
    for read, _ in KINDS.values():
        product = read(text)
        if product is not None:
            _require_understood(product)
            return product
    raise StoppedError(
        f"The offline rules do not know how to build what this requirement asks for. {_SERVED}; set"
        " ANTHROPIC_API_KEY to let a language model try more."
    )


def _require_understood(product: Product) -> None:
    """Refuse to build what was mostly not understood: it would be something else.

    Raises:
        StoppedError: too many words that mean something were not taken up.
    """
    left, meant = len(product.left_out), len(unused(product.requirement, ""))
    if left > _MOST_LEFT_OUT and left > _SHARE_LEFT_OUT * meant:
        raise StoppedError(
            f"The offline rules took this for {product.title!r}, but did not understand"
            f" {', '.join(product.left_out)}, and build nothing that they understand so little of."
            f" {_SERVED}; say it in shorter sentences, or set ANTHROPIC_API_KEY to let a language"
            " model try more."
        )


def interface(product: Product) -> tuple[Function, ...]:
    """Design the public interface of a product."""
    return KINDS[product.kind][1](product)
