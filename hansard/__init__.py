"""Hansard runs organisations of AI agents and keeps the verbatim record.

import hansard

with hansard.open() as h:
    view = h.run("Generate a Q4 financial report with charts", inputs=["ledger.csv"])
    print(view.answer)
    before = h.session(view.session_id, at="2026-10-03T12:00:00Z")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hansard.api import LAST, AsyncHansard, Hansard, open, open_async  # noqa: A004 - hansard.open()

__all__ = ["LAST", "AsyncHansard", "Hansard", "open", "open_async"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:
        from hansard import api  # noqa: PLC0415 - `import hansard` stays light

        return getattr(api, name)
    raise AttributeError(f"module 'hansard' has no attribute {name!r}")
