"""Approvals: the synchronous face of answering what agents ask humans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from hansard.api.asynchronous_outlook import ignore
from hansard.api.caller import Caller

if TYPE_CHECKING:
    from application.approval_views import SessionApprovalView
    from application.orchestration.guarding import GuardrailFunction
    from application.orchestration.journal import Listener
    from application.views import SessionView
    from domain.policy import Policy


class Approvals:
    """Answers what agents ask humans; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncApprovals`, which documents it.
    """

    def approvals(
        self: Caller, session: str | UUID | None = None, *, answered: bool = False
    ) -> list[SessionApprovalView]:
        """List what waits for a human, oldest first."""
        return self._call(self._inner.approvals, session, answered=answered)

    def approval(
        self: Caller, approval: UUID, *, session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Show one approval."""
        return self._call(self._inner.approval, approval, session=session)

    def approve(
        self: Caller, approval: UUID, *, comment: str = "", session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Agree to what is proposed."""
        return self._call(self._inner.approve, approval, comment=comment, session=session)

    def reject(
        self: Caller, approval: UUID, *, comment: str = "", session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Refuse what is proposed."""
        return self._call(self._inner.reject, approval, comment=comment, session=session)

    def amend(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        approval: UUID,
        *,
        arguments: dict[str, JsonValue] | None = None,
        agent: str | None = None,
        content: JsonValue = None,
        comment: str = "",
        session: str | UUID | None = None,
    ) -> SessionApprovalView:
        """Agree to something else than is proposed."""
        return self._call(
            self._inner.amend,
            approval,
            arguments=arguments,
            agent=agent,
            content=content,
            comment=comment,
            session=session,
        )

    def go_on(
        self: Caller, session: str | UUID, approval: UUID, *, on_event: Listener = ignore
    ) -> SessionView | None:
        """Go on with a session after an approval was answered."""
        return self._call(self._inner.go_on, session, approval, on_event=on_event)

    def override(
        self: Caller,
        task: UUID,
        agent: str,
        *,
        reason: str,
        session: str | UUID | None = None,
    ) -> SessionView:
        """Give a task that has not ended to another specialist, who begins it anew."""
        return self._call(self._inner.override, task, agent, reason=reason, session=session)

    def register_guardrail(self: Caller, name: str, function: GuardrailFunction) -> None:
        """Let guardrails of the kind `function` ask a function of this program."""
        self._call(self._inner.register_guardrail, name, function)

    def read_policy(self: Caller, file: str | Path) -> Policy:
        """Read a policy from a YAML file."""
        return self._call(self._inner.read_policy, file)
