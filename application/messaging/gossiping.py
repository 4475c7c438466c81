"""Gossiping: a notification spreads by messages, each hearer telling a few others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import JsonValue, ValidationError

from application.errors import BadRequestError
from application.messaging.messenger import Messenger
from application.messaging.views import SentView
from domain.gossip import Gossip, enough_rounds
from domain.message import Message, MessageType

FANOUT = 3
"""How many others each hearer tells."""

NOTICE, GOSSIP = "notice", "gossip"
"""Parts of the content of a message of a gossip: what is told, and how it is passed on."""


class Gossiping:
    """Spreads notifications; whoever receives one calls `pass_on`."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger

    async def spread(  # noqa: PLR0913 - choices, all by keyword
        self,
        notice: dict[str, JsonValue],
        from_agent: str,
        agents: Sequence[str],
        *,
        fanout: int = FANOUT,
        rounds: int | None = None,
        seed: int | None = None,
        gossip_id: UUID | None = None,
    ) -> tuple[Gossip, tuple[SentView, ...]]:
        """Begin to spread a notification.

        Args:
            agents: handles of all who shall hear it.
            rounds: by default twice as many as doubling would need to reach everybody.
            seed: all draws follow from it; by default from the gossip's id. It stands in every
                message.

        Returns:
            The gossip, and the messages of its first round.

        Raises:
            BadRequestError: the fanout or the rounds are less than one.
            UnavailableError: the database cannot be used.
        """
        gossip_id = gossip_id or self._messenger.ids.new()
        try:
            gossip = Gossip(
                gossip_id=gossip_id,
                seed=gossip_id.int & 0xFFFFFFFF if seed is None else seed,
                agents=tuple(dict.fromkeys((from_agent, *agents))),
                fanout=fanout,
                rounds=rounds or enough_rounds(len(agents) + 1, fanout),
            )
        except ValidationError as error:
            problems = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
            raise BadRequestError(f"This is no gossip ({problems}).") from error
        return gossip, await self._tell(gossip, notice, from_agent, None)

    async def pass_on(self, heard: Message) -> tuple[SentView, ...]:
        """Tell others what was heard; who hears a thing twice tells nobody new.

        Returns:
            The messages; none after the last round.

        Raises:
            BadRequestError: the message is of no gossip.
            UnavailableError: the database cannot be used.
        """
        notice = heard.content.get(NOTICE)
        try:
            gossip = Gossip.model_validate(heard.content.get(GOSSIP))
        except ValidationError as error:
            raise BadRequestError(
                f"Message {str(heard.message_id)!r} is of no gossip: there is nothing to pass on."
            ) from error
        following = gossip.following
        if following is None:
            return ()
        told = notice if isinstance(notice, dict) else {}
        return await self._tell(following, told, heard.to_agent, heard)

    async def _tell(
        self, gossip: Gossip, notice: dict[str, Any], teller: str, heard: Message | None
    ) -> tuple[SentView, ...]:
        now = self._messenger.clock.now()
        messages = [
            Message(
                message_id=gossip.message_id(teller, hearer),
                conversation_id=gossip.gossip_id,
                parent_id=heard.message_id if heard else None,
                session_id=heard.session_id if heard else None,
                from_agent=teller,
                to_agent=hearer,
                route=(*heard.route, heard.from_agent) if heard else (),
                type=MessageType.STATUS,
                content={NOTICE: notice, GOSSIP: gossip.model_dump(mode="json")},
                sent_at=now,
            )
            for hearer in gossip.targets(teller)
        ]
        return await self._messenger.send_many(messages, by_id=True)
