"""What-if: the synchronous face of what asks what would have happened otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.asynchronous_outlook import ignore
from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.orchestration.journal import Listener
    from application.what_if import Change, WhatIfView


class WhatIf:
    """Asks what if for ordinary programs; a part of `Hansard`.

    The method runs the one of the same name of `AsyncWhatIf`, which documents it.
    """

    def what_if(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        session: str | UUID,
        change: Change,
        *,
        at: Moment | None = None,
        reason: str = "",
        offline: bool = False,
        no_live: bool = False,
        dry_run: bool = False,
        on_event: Listener = ignore,
    ) -> WhatIfView:
        """Change one thing in a session, run it anew on a fork, and compare both."""
        return self._call(
            self._inner.what_if,
            session,
            change,
            at=at,
            reason=reason,
            offline=offline,
            no_live=no_live,
            dry_run=dry_run,
            on_event=on_event,
        )
