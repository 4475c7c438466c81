"""Audit: the part of the synchronous Python API that tells who decided what, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hansard.api.caller import Caller
from hansard.api.moments import Bound, Moment

if TYPE_CHECKING:
    from application.auditing.accesses import AccessView
    from application.auditing.views import AuditExportView, WhyView
    from projections.delegation_audit import DelegationView
    from projections.protocol import Page


class Audit:
    """Tells ordinary programs who decided what, why, and who looked; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncAudit`, which documents it.
    """

    def audit(
        self: Caller,
        session: str | UUID | None = None,
        *,
        at: Moment | None = None,
        after: int = 0,
        limit: int = 50,
        **filters: Any,
    ) -> Page[DelegationView]:
        """List decisions on delegations, oldest first, each with how its task ended."""
        return self._call(self._inner.audit, session, at=at, after=after, limit=limit, **filters)

    def why(
        self: Caller,
        asked: str | int | UUID,
        *,
        session: str | UUID | None = None,
        at: Moment | None = None,
    ) -> WhyView:
        """Explain a task, or one decision on it: who decided, on what grounds, what followed."""
        return self._call(self._inner.why, asked, session=session, at=at)

    def export_audit(
        self: Caller,
        file: str | Path,
        session: str | UUID | None = None,
        *,
        format: str | None = None,  # noqa: A002 - the word that everybody knows
        at: Moment | None = None,
        force: bool = False,
        **filters: Any,
    ) -> AuditExportView:
        """Write decisions to a file: all that fit, whole or not at all."""
        return self._call(
            self._inner.export_audit,
            file,
            session,
            format=format,
            at=at,
            force=force,
            **filters,
        )

    def accesses(  # noqa: PLR0913 - filters, all by keyword
        self: Caller,
        *,
        actor: str | None = None,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> Page[AccessView]:
        """List who looked at the audit, oldest first."""
        choices = {"since": since, "until": until, "at": at, "after": after, "limit": limit}
        return self._call(self._inner.accesses, actor=actor, **choices)
