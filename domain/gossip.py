"""Gossip: how a notification spreads when everybody who hears it tells a few others.

Each who hears it tells `fanout` others, drawn at random, for at most `rounds` rounds; with a fanout
of the logarithm of their number or more nearly everybody hears it in as many rounds (Demers et al.,
Epidemic algorithms for replicated database maintenance, 1987).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field

from domain.value import NonEmptyText, Value


class Gossip(Value):
    """What everybody needs to know to pass a notification on; every message of it carries this.

    Attributes:
        seed: all draws follow from it, so that a spread can be told again from the log.
        agents: handles of all who shall hear it, in order.
        fanout: how many others each tells.
        rounds: how many rounds there are at most.
        round: the round in which the message that carries this was sent, from 1.
    """

    gossip_id: UUID
    seed: int
    agents: tuple[NonEmptyText, ...]
    fanout: Annotated[int, Field(ge=1)]
    rounds: Annotated[int, Field(ge=1)]
    round: Annotated[int, Field(ge=1)] = 1

    @property
    def following(self) -> Gossip | None:
        """The same in the next round; None after the last."""
        if self.round >= self.rounds:
            return None
        return self.model_copy(update={"round": self.round + 1})

    def targets(self, agent: str) -> tuple[str, ...]:
        """Draw whom an agent tells; the same ones however often it is asked.

        A draw follows from the seed and the agent alone: who hears it twice tells nobody new.
        """
        others = [each for each in self.agents if each != agent]
        draw = random.Random(f"{self.seed}:{self.gossip_id}:{agent}")  # noqa: S311 - no secret
        return tuple(draw.sample(others, min(self.fanout, len(others))))

    def message_id(self, teller: str, hearer: str) -> UUID:
        """Name the message by which one tells another: one each."""
        return uuid5(self.gossip_id, f"{teller}\n{hearer}")


def enough_rounds(agents: int, fanout: int) -> int:
    """Tell how many rounds are likely to reach everybody: twice those that doubling would need."""
    return max(1, 2 * math.ceil(math.log(max(agents, 2), max(fanout, 1) + 1)))


def spread(gossip: Gossip, origin: str) -> list[tuple[tuple[str, str], ...]]:
    """Tell round by round who tells whom, beginning with the one who knows it first."""
    heard, tellers = {origin}, [origin]
    told: list[tuple[tuple[str, str], ...]] = []
    for _ in range(gossip.rounds):
        pairs = tuple((teller, each) for teller in tellers for each in gossip.targets(teller))
        if not pairs:
            break
        told.append(pairs)
        tellers = _new(pairs, heard)
        heard.update(tellers)
    return told


def _new(pairs: Sequence[tuple[str, str]], heard: set[str]) -> list[str]:
    return [each for each in dict.fromkeys(hearer for _, hearer in pairs) if each not in heard]
