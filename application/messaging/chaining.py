"""Chaining: a message goes from one handler to the next until one takes it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from application.errors import BadRequestError
from application.messaging.errors import NoReplyError, UndeliverableError
from application.messaging.messenger import Messenger
from application.messaging.requesting import CALL_TIMEOUT_S, Requests
from application.messaging.views import ChainView, StepView
from domain.message import Message, MessageType

REFUSALS = frozenset({MessageType.TASK_REJECT, MessageType.TASK_FAILED, MessageType.ERROR})
"""Types of replies by which a handler does not take a message on."""


class Chains:
    """Asks handlers one after the other (chain of responsibility).

    Each step is a request that follows from the one before, and a reply that says why; so the
    messages themselves are the record of the chain.
    """

    def __init__(self, messenger: Messenger, requests: Requests) -> None:
        self._messenger = messenger
        self._requests = requests

    async def ask(
        self,
        message: Message,
        handlers: Sequence[str],
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        subject: str | None = None,
    ) -> ChainView:
        """Ask handlers in order until one accepts; who cannot be reached or is silent is passed by.

        Args:
            message: what each is asked; whom it names as recipient is ignored. Its id is that of
                the first step.
            handlers: agents, in order.
            timeout_s: seconds that each has to answer.

        Raises:
            BadRequestError: there are no handlers.
            UnavailableError: the database cannot be used.
        """
        if not handlers:
            raise BadRequestError("A chain needs at least one handler: name some.")
        steps: list[StepView] = []
        current = message.model_copy(update={"to_agent": handlers[0]})
        for number, handler in enumerate(handlers):
            if number:
                current = self._next(current, handler, steps[-1])
            step, reply = await self._step(current, timeout_s, subject)
            steps.append(step)
            if step.accepted:
                return ChainView(accepted_by=handler, reply=reply, steps=tuple(steps))
        return ChainView(accepted_by=None, reply=None, steps=tuple(steps))

    async def _step(
        self, request: Message, timeout_s: float, subject: str | None
    ) -> tuple[StepView, Message | None]:
        asked: dict[str, Any] = {"agent": request.to_agent, "request_id": request.message_id}
        try:
            reply = await self._requests.request(request, timeout_s=timeout_s, subject=subject)
        except (NoReplyError, UndeliverableError) as error:
            return StepView(**asked, accepted=False, reason=str(error)), None
        accepted = reply.type not in REFUSALS
        reason = str(reply.content.get("reason", "")) or reply.type.value.replace("_", " ")
        step = StepView(**asked, accepted=accepted, reason=reason, reply_id=reply.message_id)
        return step, reply

    def _next(self, asked: Message, handler: str, step: StepView) -> Message:
        """Ask the next, who learns whom the message came through and why they passed it on."""
        declined = asked.shared_context.get("declined")
        reasons = {**declined} if isinstance(declined, dict) else {}
        return asked.model_copy(
            update={
                "message_id": self._messenger.ids.new(),
                "parent_id": asked.message_id,
                "to_agent": handler,
                "route": (*asked.route, asked.to_agent),
                "sent_at": self._messenger.clock.now(),
                "shared_context": {
                    **asked.shared_context,
                    "declined": {**reasons, step.agent: step.reason},
                },
            }
        )
