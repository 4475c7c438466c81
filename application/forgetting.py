"""Forgetting: destroy the key of a subject, record that, and clear what was derived from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from application.errors import BadRequestError, ConflictError, NotFoundError
from application.fold import SessionFold
from application.orchestration.outcomes import artefacts_of
from application.ports import Cleared, Clock, Entry, EventLog, IdFactory, SubjectKeys, SubjectTraces
from application.sessions import Sessions
from domain.conversation import USER
from domain.event import Envelope
from domain.session import SessionStatus
from domain.subject import Subject, subject_stream
from domain.value import SubjectId, Value

OUT_OF_REACH = (
    "input files, and whatever was copied from the output folders",
    "files that the audit was exported to",
    "backups and dumps of the database, replicas, and archived write-ahead log, until they expire",
    "log files of Hansard and of PostgreSQL",
    "what the provider of a language model keeps of the requests it served",
)
"""What may hold words of a subject where Hansard cannot reach them."""


_SUBJECT_ID: TypeAdapter[str] = TypeAdapter(SubjectId)


def check_subject_id(subject: str) -> str:
    """Make sure that a text can name a subject, and give it.

    Raises:
        BadRequestError: it cannot.
    """
    try:
        return _SUBJECT_ID.validate_python(subject)
    except ValidationError as error:
        raise BadRequestError(
            f"{subject!r} cannot name a subject: use up to 200 letters, digits, dots, colons and"
            " dashes, such as 'customer-42'. The name is never erased, so it must name nobody by"
            " itself."
        ) from error


class ConcernedSessionView(Value):
    """A session that was run for a subject, or a fork of one.

    Attributes:
        files: absolute paths of the files it wrote; none once the subject was forgotten.
    """

    session_id: UUID
    opened_at: datetime
    status: SessionStatus
    files: tuple[str, ...] = ()


class ForgettingView(Value):
    """What forgetting a subject did, or would do.

    Attributes:
        forgotten_at: when the key was destroyed; None while it exists.
        rows: rows that were made anew without words, by read model.
        snapshots: snapshots that were deleted.
        unswept: tables whose files may still hold what was deleted, until it is overwritten.
        files: files that Hansard wrote and does not delete.
        out_of_reach: what else may hold words of the subject.
    """

    subject: str
    forgotten_at: datetime | None
    sessions: tuple[ConcernedSessionView, ...]
    rows: dict[str, int]
    snapshots: int
    unswept: tuple[str, ...]
    files: tuple[str, ...]
    out_of_reach: tuple[str, ...] = OUT_OF_REACH


@dataclass(frozen=True, slots=True)
class Forgetting:
    """The use cases of forgetting, on their ports."""

    log: EventLog
    clock: Clock
    ids: IdFactory
    sessions: Sessions
    keys: SubjectKeys
    traces: SubjectTraces

    def preview(self, subject: str) -> ForgettingView:
        """Tell what forgetting a subject would do; changes nothing.

        Raises:
            NotFoundError: nothing was ever recorded for this subject.
        """
        forgotten_at = self.keys.destroyed_at(subject)
        concerned = self._concerned(subject, forgotten=forgotten_at is not None)
        counted = self.traces.count([view.session_id for view in concerned])
        return _view(subject, forgotten_at, concerned, counted)

    def forget(self, subject: str, reason: str) -> ForgettingView:
        """Forget a subject for ever. Wherever it is interrupted, repeating it finishes it.

        Args:
            reason: why; it stays readable for ever, so it names nobody.

        Raises:
            BadRequestError: there is no reason.
            NotFoundError: nothing was ever recorded for this subject.
            ConflictError: a session of the subject has not ended.
        """
        if not reason.strip():
            raise BadRequestError("The reason is empty; say why the subject is forgotten.")
        until = self.log.last_position()
        forgotten = self.keys.destroyed_at(subject) is not None
        concerned = self._concerned(subject, forgotten=forgotten)
        if not forgotten:
            _require_ended(subject, concerned)
            self.keys.destroy(subject, until)
        self._record(subject, reason.strip())
        cleared = self.traces.clear([view.session_id for view in concerned])
        return _view(subject, self.keys.destroyed_at(subject), concerned, cleared)

    def _record(self, subject: str, reason: str) -> None:
        if self._is_recorded(subject):
            return
        event_id = self.ids.new()
        envelope = Envelope(event_id=event_id, actor=USER, correlation_id=event_id)
        forgotten = Subject.forget(subject, reason, self.clock.now())
        try:
            self.log.append([Entry(event, envelope) for event in forgotten.collect_events()])
        except ConflictError:
            if not self._is_recorded(subject):
                raise  # not because somebody else forgot it at the same time

    def _is_recorded(self, subject: str) -> bool:
        try:
            self.log.load(Subject, subject_stream(subject))
        except NotFoundError:
            return False
        return True

    def _concerned(self, subject: str, *, forgotten: bool) -> list[ConcernedSessionView]:
        folds = (self.sessions.fold(session_id) for session_id in self.traces.sessions_of(subject))
        return [_concerned_view(fold, forgotten=forgotten) for fold in folds]


def _concerned_view(fold: SessionFold, *, forgotten: bool) -> ConcernedSessionView:
    session = fold.session
    return ConcernedSessionView(
        session_id=fold.session_id,
        opened_at=session.created_on,
        status=session.status,
        files=() if forgotten else tuple(dict.fromkeys(_files(fold))),
    )


def _files(fold: SessionFold) -> Iterator[str]:
    folder = PurePath(fold.session.charter.output_folder)
    for task in fold.tasks:
        for artefact in artefacts_of(task):
            yield str(folder / artefact.path)


def _require_ended(subject: str, concerned: list[ConcernedSessionView]) -> None:
    running = [str(view.session_id) for view in concerned if view.status is SessionStatus.RUNNING]
    if running:
        raise ConflictError(
            f"The subject {subject!r} has sessions that have not ended: {', '.join(running)}."
            f" Let them end, or stop each with `hansard cancel {running[0]} --reason ...`; then"
            " forget the subject."
        )


def _view(
    subject: str,
    forgotten_at: datetime | None,
    concerned: list[ConcernedSessionView],
    cleared: Cleared,
) -> ForgettingView:
    return ForgettingView(
        subject=subject,
        forgotten_at=forgotten_at,
        sessions=tuple(concerned),
        rows=cleared.rows,
        snapshots=cleared.snapshots,
        unswept=cleared.unswept,
        files=tuple(file for view in concerned for file in view.files),
    )
