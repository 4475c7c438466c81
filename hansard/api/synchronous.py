"""Hansard: the synchronous face of the Python API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import JsonValue

from application.views import AgentView, SessionView
from domain.policy import Policy
from hansard.api.asynchronous import AsyncHansard, open_async
from hansard.api.asynchronous_outlook import ignore
from hansard.api.moments import Moment
from hansard.api.synchronous_agents import Agents
from hansard.api.synchronous_approvals import Approvals
from hansard.api.synchronous_audit import Audit
from hansard.api.synchronous_branching import Branching
from hansard.api.synchronous_comparing import Comparing
from hansard.api.synchronous_messages import Messages
from hansard.api.synchronous_outlook import Outlook
from hansard.api.synchronous_projections import Projections
from hansard.api.synchronous_replay import Replay
from hansard.api.synchronous_sharing import Sharing
from hansard.api.synchronous_similar import Similar
from hansard.api.synchronous_statistics import Statistics
from hansard.api.synchronous_tail import Tail
from hansard.api.synchronous_teams import Teams
from hansard.api.synchronous_what_if import WhatIf
from hansard.api.synchronous_workflows import Workflows
from hansard.api.synchronous_working import Working

if TYPE_CHECKING:
    from application.forgetting import ForgettingView
    from application.integrity import Proof, Verification
    from application.orchestration.journal import Listener
    from domain.workflow import Workflow

T = TypeVar("T")
SIGNAL_CHECK_S = 0.1


class Hansard(
    Statistics,
    Agents,
    Messages,
    Sharing,
    Approvals,
    Outlook,
    Similar,
    Branching,
    Comparing,
    Audit,
    Tail,
    Teams,
    WhatIf,
    Replay,
    Projections,
    Workflows,
    Working,
):
    """Hansard for ordinary programs; `hansard.open()` makes one.

    Each method runs the method of the same name of `AsyncHansard`, which documents it, on an event
    loop in a background thread.
    """

    def __init__(self, portal: BlockingPortal, inner: AsyncHansard) -> None:
        self._portal = portal
        self._inner = inner

    def run(  # noqa: PLR0913 - choices, all by keyword
        self,
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
        on_event: Listener = ignore,
    ) -> SessionView:
        """Let the organisation do a job; `on_event` is called from another thread."""
        return self._call(
            self._inner.run,
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
            on_event=on_event,
        )

    def resume(self, session: str | UUID, *, on_event: Listener = ignore) -> SessionView:
        """Finish a session whose process was lost."""
        return self._call(self._inner.resume, session, on_event=on_event)

    def unfinished(self) -> list[UUID]:
        """List the sessions that were opened and have not ended, oldest first."""
        return self._call(self._inner.unfinished)

    def cancel(self, session: str | UUID, reason: str, *, stop: bool = False) -> SessionView:
        """Stop a session for good."""
        return self._call(self._inner.cancel, session, reason, stop=stop)

    def forget(self, subject: str, *, reason: str = "", dry_run: bool = False) -> ForgettingView:
        """Forget a person for ever: nobody can read any more what was said in their sessions."""
        return self._call(self._inner.forget, subject, reason=reason, dry_run=dry_run)

    def session(self, session: str | UUID, at: Moment | None = None) -> SessionView:
        """View a session as it is, or as it was at a past moment."""
        return self._call(self._inner.session, session, at)

    def agents(self, at: Moment | None = None) -> list[AgentView]:
        """List the agents of the organisation, in order of registration."""
        return self._call(self._inner.agents, at)

    def agent(self, handle: str, at: Moment | None = None) -> AgentView:
        """Show one agent."""
        return self._call(self._inner.agent, handle, at)

    def verify(
        self,
        session: str | UUID | None = None,
        *,
        since: str | int | None = None,
        keys: str | Path | None = None,
    ) -> Verification:
        """Tell whether the record is what was recorded, and what is first not."""
        return self._call(self._inner.verify, session, since=since, keys=keys)

    def export_proof(self, session: str | UUID, file: str | Path | None = None) -> Proof:
        """Write a bundle that proves a session's events to whoever has neither log nor Hansard."""
        return self._call(self._inner.export_proof, session, file)

    def close(self) -> None:
        """Close connections and leave the embedded server."""
        self._call(self._inner.close)

    def _call(self, method: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        return _call(self._portal, partial(method, *args, **kwargs))


def _call(portal: BlockingPortal, function: Callable[[], Awaitable[T]]) -> T:
    future = portal.start_task_soon(function)
    try:
        # A signal that arrives just before the thread goes to sleep does not wake it.
        while not wait((future,), SIGNAL_CHECK_S).done:
            pass
        return future.result()
    except BaseException:
        future.cancel()  # Ctrl-C reaches the waiting thread, not the one that works
        raise


@contextmanager
def open(**settings: Any) -> Iterator[Hansard]:  # noqa: A001 - read as hansard.open()
    """Open Hansard, to be used in a `with` block; see `open_async` for settings and errors."""
    with start_blocking_portal() as portal:
        inner = _call(portal, partial(open_async, **settings))
        try:
            yield Hansard(portal, inner)
        finally:
            portal.call(inner.close)
