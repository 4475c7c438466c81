"""Tracing: the place of a session in a trace that its caller began."""

from __future__ import annotations

import re

from application.errors import BadRequestError

EXAMPLE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

_IDS = r"(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(rf"00-{_IDS}|(?!00|ff)[0-9a-f]{{2}}-{_IDS}(?:-[!-~]{{0,200}})?")
"""https://www.w3.org/TR/trace-context/#traceparent-header-field-values; later versions may say more
after the four fields of version 00."""


def check_traceparent(text: str) -> str:
    """Make sure that a text is a `traceparent` of W3C Trace Context.

    Returns:
        The text without white space around it.

    Raises:
        BadRequestError: it is none.
    """
    stripped = text.strip()
    if not _TRACEPARENT.fullmatch(stripped):
        raise BadRequestError(
            f"The traceparent {text!r} is none of W3C Trace Context: write version, trace id,"
            f" parent id and flags in lower-case hexadecimal, as in {EXAMPLE!r}."
        )
    return stripped
