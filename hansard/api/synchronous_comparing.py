"""Comparing: the part of the synchronous Python API that compares histories and searches them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.comparing.views import BisectionView, DifferenceView


class Comparing:
    """Compares histories for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncComparing`, which documents it.
    """

    def diff(
        self: Caller,
        a: str | UUID,
        b: str | UUID | None = None,
        *,
        at: Moment | None = None,
        other_at: Moment | None = None,
        organisation: bool = False,
    ) -> DifferenceView:
        """Tell in what two sessions, two branches or two moments of one session differ."""
        return self._call(
            self._inner.diff, a, b, at=at, other_at=other_at, organisation=organisation
        )

    def bisect(
        self: Caller,
        predicate: str,
        session: str | UUID | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> BisectionView:
        """Find the first position at which a predicate holds, such as `cost_usd > 5`."""
        return self._call(self._inner.bisect, predicate, session, since=since, until=until)
