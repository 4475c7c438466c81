"""AsyncAudit: the part of the Python API that tells who decided what, why, and who looked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.auditing.accesses import AccessQuery, AccessView
from application.auditing.finding import parse
from application.errors import BadRequestError, ConflictError
from domain.audit import ExportedFile, Look
from hansard.api.asynchronous_outlook import validated
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Bound, Moment, Range

if TYPE_CHECKING:
    from application.auditing.views import AuditExportView, WhyView
    from hansard.api.audit_exports import Decisions, Sink
    from projections.delegation_audit import DelegationFilter, DelegationView
    from projections.protocol import Page

EXPORTED_AT_ONCE = 500
"""Decisions that an export holds in memory at a time."""


class AsyncAudit(AsyncStatistics):
    """Tells asynchronous programs who decided what, and why; a part of `AsyncHansard`.

    Every look is recorded before it is answered, with who looked (`hansard.open(actor=...)`) and at
    what. Where that cannot be recorded, `UnavailableError` is raised and nothing is told.
    """

    async def audit(
        self,
        session: str | UUID | None = None,
        *,
        at: Moment | None = None,
        after: int = 0,
        limit: int = 50,
        **filters: Any,
    ) -> Page[DelegationView]:
        """List decisions on delegations, oldest first, each with how its task ended.

        Args:
            session: only decisions of this session.
            after: `next` of the page that came before.
            filters: fields of `projections.delegation_audit.DelegationFilter`: `agent`,
                `department`, `task_id`, `strategy`, `policy_version`, `confidence_under`,
                `outcome`, `since`, `until`, `rewound` and `what_ifs`.

        Raises:
            NotFoundError: there is no such session.
            BadRequestError: the moment or a filter cannot be understood.
            UnavailableError: the database cannot be used, or the look cannot be recorded.
        """
        if session is not None:
            filters["session_id"] = await self._session_id(session)
        return await asyncio.to_thread(self._audit, filters, at, after, limit)

    async def why(
        self,
        asked: str | int | UUID,
        *,
        session: str | UUID | None = None,
        at: Moment | None = None,
    ) -> WhyView:
        """Explain a task, or one decision on it: who decided, on what grounds, and what followed.

        What a rewind took back is explained as of just before that, unless `at` says otherwise.

        Args:
            asked: id of a task, a decision, a delegation or an event of a task, or the position of
                such an event.
            session: in whose history, such as that of a fork; by default the session that it was
                recorded in.

        Raises:
            NotFoundError: there is no such task or decision, or not in that session at that moment.
            BadRequestError: what is asked about, or the moment, cannot be understood.
            UnavailableError: the database cannot be used, or the look cannot be recorded.
        """
        named = parse(asked)
        session_id = None if session is None else await self._session_id(session)
        return await asyncio.to_thread(self._why, named, session_id, at)

    async def export_audit(
        self,
        file: str | Path,
        session: str | UUID | None = None,
        *,
        format: str | None = None,  # noqa: A002 - the word that everybody knows
        at: Moment | None = None,
        force: bool = False,
        **filters: Any,
    ) -> AuditExportView:
        """Write decisions to a file: all that fit, whole or not at all.

        Args:
            file: to write; only its owner may read it.
            format: `csv`, `jsonl`, or `bundle`: signed, with proofs, and with the program that
                checks it beside the file. By default the suffix tells: .csv, .jsonl, .json.
            force: replace the file if it exists.
            filters: as for `audit`.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: the file exists.
            BadRequestError: the moment, a filter or the format cannot be understood, or the file
                cannot be written.
            IntegrityError: the log is not what was signed, so that no bundle can be made.
            UnavailableError: the database cannot be used, or the look cannot be recorded.
        """
        if session is not None:
            filters["session_id"] = await self._session_id(session)
        return await asyncio.to_thread(self._export, Path(file), filters, format, at, force=force)

    async def accesses(  # noqa: PLR0913 - filters, all by keyword
        self,
        *,
        actor: str | None = None,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> Page[AccessView]:
        """List who looked at the audit, oldest first; this look is the first that is not listed.

        Args:
            actor: only looks of this one.
            since: only looks recorded at this moment or later, or this long ago.
            until: only looks recorded before this moment.
            at: only looks up to this moment.
            after: `next` of the page that came before.

        Raises:
            BadRequestError: a moment cannot be understood, or nobody can have that name.
            UnavailableError: the database cannot be used, or the look cannot be recorded.
        """
        span = Range(since, until, at)
        return await asyncio.to_thread(self._accesses, span, actor, after, limit)

    def _audit(
        self, filters: dict[str, Any], at: Moment | None, after: int, limit: int
    ) -> Page[DelegationView]:
        wanted = self._wanted(filters)
        page = self._page(wanted, self._until(at), after, limit)
        self._house.audit_trail.record(
            look=Look.LIST,
            session_id=wanted.session_id,
            filters=_said(wanted) | {"after": after, "limit": limit},
            as_of=page.position,
            decisions=len(page.items),
        )
        return page

    def _why(self, asked: int | UUID, session_id: UUID | None, at: Moment | None) -> WhyView:
        explaining = self._house.explaining
        view = explaining.explain(asked, session_id=session_id, until=self._until(at))
        self._house.audit_trail.record(
            look=Look.EXPLANATION,
            session_id=view.session_id,
            task_id=view.task.task_id,
            decision_id=view.decision_id,
            as_of=view.position,
            decisions=len(view.decisions),
        )
        return explaining.proven(view)

    def _accesses(self, span: Range, actor: str | None, after: int, limit: int) -> Page[AccessView]:
        from projections.protocol import Page  # noqa: PLC0415 - heavy

        log, trail = self._house.log, self._house.audit_trail
        with self._house.reading() as connection:
            start, end = span.resolve(log, connection)
        position = log.last_position() if end is None else min(end, log.last_position())
        bounds = {"actor": actor, "after": max(start, after), "until": position}
        query = validated(AccessQuery, bounds)
        found, following = trail.find(query, limit)
        asked = {"actor": actor, "since": span.since, "until": span.until}
        trail.record(
            look=Look.ACCESSES,
            filters={name: str(value) for name, value in asked.items() if value is not None}
            | {"after": after, "limit": limit},
            as_of=position,
            decisions=len(found),
        )
        return Page[AccessView](position=position, items=tuple(found), next=following)

    def _export(
        self,
        file: Path,
        filters: dict[str, Any],
        chosen: str | None,
        at: Moment | None,
        *,
        force: bool,
    ) -> AuditExportView:
        from hansard.api.audit_exports import export_format  # noqa: PLC0415 - only here

        kind = export_format(file, chosen)
        if file.exists() and not force:
            raise _exists(file)
        wanted = self._wanted(filters)
        first = self._page(wanted, self._until(at), 0, 1)
        try:
            written = self._write(file, kind, wanted, first.position, force=force)
            return written.model_copy(update={"lag": first.lag})
        except OSError as error:
            if isinstance(error, FileExistsError) and file.exists():  # since it was looked at
                raise _exists(file) from error
            raise BadRequestError(
                f"The export cannot be written to {str(file)!r} ({error.strerror}):"
                " name a file in a folder that you may write to."
            ) from error

    def _write(
        self, file: Path, kind: str, wanted: DelegationFilter, as_of: int, *, force: bool
    ) -> AuditExportView:
        from application.auditing.views import AuditExportView  # noqa: PLC0415 - only here
        from hansard.api.audit_exports import BUNDLE  # noqa: PLC0415 - only here

        house = self._house
        with house.new_file(file) as target:
            count, key = self._fill(target, kind, wanted, as_of)
            target.finish()
            program = str(house.write_verifier(file.parent)) if kind == BUNDLE else None
            recorded = house.audit_trail.record(
                look=Look.EXPORT,
                session_id=wanted.session_id,
                filters=_said(wanted),
                as_of=as_of,
                decisions=count,
                export=ExportedFile(format=kind, sha256=target.sha256, size=target.size),
            )
            target.publish(replace=force)
            return AuditExportView(
                file=str(file),
                format=kind,
                decisions=count,
                as_of=as_of,
                lag=0,
                size=target.size,
                sha256=target.sha256,
                access_position=recorded.position,
                program=program,
                key=key,
            )

    def _fill(
        self, sink: Sink, kind: str, wanted: DelegationFilter, as_of: int
    ) -> tuple[int, str | None]:
        """Write all pages; count the decisions, and name the key that signed them."""
        from hansard.api import audit_exports as exports  # noqa: PLC0415 - only here

        pages = self._pages(wanted, as_of)
        if kind == exports.CSV:
            return exports.write_csv(sink, pages), None
        if kind == exports.JSON_LINES:
            return exports.write_json_lines(sink, pages), None
        trail = self._house.audit_trail
        bundle = self._house.integrity.audit_bundle(as_of)
        export = {
            "exported_by": trail.actor,
            "system_user": trail.system_user,
            "exported_at": datetime.now(UTC).isoformat(),
            "as_of": as_of,
            "session_id": wanted.session_id,
            "filters": _said(wanted),
        }
        return exports.write_bundle(sink, pages, bundle, export), bundle.key

    def _pages(self, wanted: DelegationFilter, as_of: int) -> Iterator[Decisions]:
        after: int | None = 0
        while after is not None:
            page = self._page(wanted, as_of, after, EXPORTED_AT_ONCE)
            yield page.items
            after = page.next

    def _page(
        self, wanted: DelegationFilter, until: int | None, after: int, limit: int
    ) -> Page[DelegationView]:
        from projections.delegation_audit import list_delegations  # noqa: PLC0415 - heavy

        with self._house.reading() as connection:
            return list_delegations(connection, wanted, at=until, after=after, limit=limit)

    def _wanted(self, filters: dict[str, Any]) -> DelegationFilter:
        from projections.delegation_audit import DelegationFilter  # noqa: PLC0415 - heavy

        for name, value in filters.items():
            if isinstance(value, str) and not _is_storable(value):
                raise BadRequestError(f"{name} {value!r} cannot be used: it is no valid text.")
        wanted = validated(DelegationFilter, filters)
        if wanted.session_id is not None:
            self._house.sessions.require(wanted.session_id)
        return wanted


def _is_storable(text: str) -> bool:
    """Tell whether a column could hold a text: no lone surrogates, and no NUL."""
    return "\x00" not in text and text.encode(errors="replace").decode() == text


def _said(wanted: DelegationFilter) -> dict[str, Any]:
    """Give the conditions that were set, as JSON; the session stands beside them."""
    return wanted.model_dump(mode="json", exclude={"session_id"}, exclude_defaults=True)


def _exists(file: Path) -> ConflictError:
    return ConflictError(f"{str(file)!r} exists; name another file, or replace it by --force.")
