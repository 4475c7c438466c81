"""Working: the synchronous face of what leaves sessions to workers, and stops them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from hansard.api.caller import Caller

if TYPE_CHECKING:
    from application.views import SessionView
    from domain.organisation import Halt
    from domain.policy import Policy
    from domain.workflow import Workflow


class Working:
    """Uses workers; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncWorking`, which documents it.
    """

    def submit(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        request: str,
        inputs: Iterable[str | Path] = (),
        *,
        output: str | Path | None = None,
        policy: Policy | None = None,
        subject: str | None = None,
        traceparent: str | None = None,
        workflow: Workflow | str | Path | None = None,
        values: Mapping[str, JsonValue] | None = None,
        agent: str | None = None,
        routing: str | Mapping[str, float] | None = None,
        priority: str | None = None,
    ) -> UUID:
        """Record a job for the workers to do, and return the id of its session at once."""
        return self._call(
            self._inner.submit,
            request,
            inputs,
            output=output,
            policy=policy,
            subject=subject,
            traceparent=traceparent,
            workflow=workflow,
            values=values,
            agent=agent,
            routing=routing,
            priority=priority,
        )

    def is_left_to_workers(self: Caller, session: str | UUID) -> bool:
        """Tell whether a session was submitted, so that nobody else finishes it unasked."""
        return self._call(self._inner.is_left_to_workers, session)

    def wait(self: Caller, session: str | UUID) -> SessionView:
        """Wait until a session has ended, whoever runs it."""
        return self._call(self._inner.wait, session)

    def pause(self: Caller, session: str | UUID, reason: str) -> SessionView:
        """Let a session wait until it is resumed; a process that runs it stops first."""
        return self._call(self._inner.pause, session, reason)

    def let_go_on(self: Caller, session: str | UUID) -> SessionView:
        """Take a session off hold, for workers to go on with."""
        return self._call(self._inner.let_go_on, session)

    def stop_all(self: Caller, reason: str) -> Halt:
        """Stop all work: no process begins anything, on any machine, until `release`."""
        return self._call(self._inner.stop_all, reason)

    def release(self: Caller, reason: str = "") -> Halt | None:
        """Let work go on after `stop_all`."""
        return self._call(self._inner.release, reason)
