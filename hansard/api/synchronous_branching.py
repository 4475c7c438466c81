"""Branching: the synchronous face of what goes back in time, and on from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.branching import ForkView, RewindView
    from application.lineages import LineageView
    from application.views import MomentView, OrganisationView


class Branching:
    """Takes sessions back and forks them; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncBranching`, which documents it.
    """

    def view(
        self: Caller, session: str | UUID, at: Moment | None = None, *, similar: int = 5
    ) -> MomentView:
        """View a moment whole: the session, the organisation, and what similar queries found."""
        return self._call(self._inner.view, session, at, similar=similar)

    def organisation(self: Caller, at: Moment | None = None) -> OrganisationView:
        """View the organisation as it is, or as it was at a past moment."""
        return self._call(self._inner.organisation, at)

    def rewind(
        self: Caller,
        session: str | UUID,
        to: Moment,
        *,
        reason: str,
        cancel_effects: bool = False,
        dry_run: bool = False,
    ) -> RewindView:
        """Take a session back to what it was at a past moment; `undo` takes that back."""
        return self._call(
            self._inner.rewind,
            session,
            to,
            reason=reason,
            cancel_effects=cancel_effects,
            dry_run=dry_run,
        )

    def undo(
        self: Caller,
        session: str | UUID,
        *,
        reason: str,
        cancel_effects: bool = False,
        dry_run: bool = False,
    ) -> RewindView:
        """Take the latest rewind of a session back; done twice, it is rewound again."""
        return self._call(
            self._inner.undo,
            session,
            reason=reason,
            cancel_effects=cancel_effects,
            dry_run=dry_run,
        )

    def fork(
        self: Caller,
        session: str | UUID,
        at: Moment | None = None,
        *,
        reason: str,
        output: str | Path | None = None,
        dry_run: bool = False,
    ) -> ForkView:
        """Go on from a past moment of a session as another one; the parent does not change."""
        return self._call(
            self._inner.fork, session, at, reason=reason, output=output, dry_run=dry_run
        )

    def lineage(self: Caller, session: str | UUID) -> LineageView:
        """Tell what a session's history is made of: its ancestors, rewinds and forks."""
        return self._call(self._inner.lineage, session)
