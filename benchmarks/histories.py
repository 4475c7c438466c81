"""Histories: sessions of the whole organisation side by side, as many events as wanted.

A few hundred sessions are told by the real aggregates and become templates; a history tells them
again and again with new ids, times, tokens, prices and words, at 60,000 events a second.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from heapq import heapify, heappop, heappush
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from application.registration import (
    Member,
    activate_agent,
    adopt_roster,
    change_agent,
    deactivate_agent,
)
from benchmarks.stories import CHEAP, STRONG, Staff, tell
from benchmarks.templates import BEGINNING, COUNTS, Slot, Template
from domain.event import Envelope
from domain.organisation import ORGANISATION_ID, Organisation
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from infrastructure.roster import load_roster
from infrastructure.system import SystemClock, Uuid7Factory

if TYPE_CHECKING:
    from infrastructure.event_log.recorder import PostgresEventRecorder

TEMPLATES = 200
SIDE_BY_SIDE = 12
"""How many sessions go on at a time, on average."""

APPEND_EVENTS = 5_000
USD_PER_MILLION = {CHEAP: (1.0, 5.0), STRONG: (3.0, 15.0)}
"""Prices of tokens in and out; those read from a cache cost a tenth."""

TOOLS = (
    *("list_files", "profile_table", "query_table", "evaluate_expression", "read_file"),
    *("draw_chart", "write_document", "search_past_conversations"),
    *("share_value", "read_shared_values"),
)
OPENINGS = "Compare, Explain, Forecast, Summarise, Review, Chart, List, Estimate, Check, Draft"
WORDS = """
revenue expenses margin quarter region customers orders invoices suppliers contracts churn budget
forecast headcount salaries inventory shipments returns campaign leads pipeline audit policy
incident latency outage release backlog tickets refunds tax cash interest currency growth decline
target variance north south east west product service platform report table month week year holiday
season trend outlier median total average share price discount offer partner vendor licence renewal
training survey complaint answer draft summary board meeting
"""


class Sentences:
    """Sentences to draw from, so that no two sessions say quite the same."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._openings, self._words = OPENINGS.split(", "), WORDS.split()
        self._made = [self._make() for _ in range(5_000)]

    def draw(self, number: int) -> bytes:
        """Draw sentences, as they stand in JSON."""
        return b" ".join(self._chance.choices(self._made, k=number))

    def _make(self) -> bytes:
        said = " ".join(self._chance.choices(self._words, k=self._chance.randint(6, 14)))
        return f"{self._chance.choice(self._openings)} {said}.".encode()


class Telling:
    """A template that is being told: its own ids, times and figures."""

    def __init__(self, template: Template, at_us: int, history: History) -> None:
        self.template = template
        self.at_us = at_us
        self.speed = history.chance.uniform(0.6, 1.6)
        self.uuids: dict[int, UUID] = {}
        self.values = history.fill(template.slots, at_us, self)
        self.session_id = self.uuids[template.session]
        self.event_ids: list[UUID] = []
        self.next = 0


class Due(NamedTuple):
    """When a session goes on; the number decides between those at the same moment."""

    at_us: int
    number: int
    telling: Telling


class History:
    """A history of a log: the roster in force, then sessions without end.

    Args:
        recorder: of an empty log, or of one that another history has begun.
        seed: the same seed tells the same, apart from ids.
    """

    def __init__(
        self, recorder: PostgresEventRecorder, *, seed: int = 1, templates: int = TEMPLATES
    ) -> None:
        self._recorder = recorder
        self.chance = random.Random(seed)  # noqa: S311 - a story, no secret
        self._log = PostgresEventLog(recorder, EventMapper())
        self._ids, self._clock = Uuid7Factory(), SystemClock()
        self._roster = load_roster(None, TOOLS)
        adopt_roster(self._log, self._ids, self._clock, self._roster)
        agents = self._log.load(Organisation, ORGANISATION_ID).agents
        staff = Staff.of(self._roster, agents)
        self._templates = [tell(staff, self.chance) for _ in range(templates)]
        self._sentences = Sentences(self.chance)
        self._tokens = {model: self._draw_tokens(model) for model in USD_PER_MILLION}
        mean_us = sum(each.steps[-1].offset_us for each in self._templates) / templates
        self._between_us = mean_us / SIDE_BY_SIDE
        self._opened_us = 0
        self._numbers = count()
        self.events = self._tell()

    def append(self, events: int, changes: int = 8) -> None:
        """Append so many events, and agents that change, pause and return in between.

        Args:
            changes: events about agents; they come on top.
        """
        every = max(events // max(changes, 1), 1)
        size = min(every, APPEND_EVENTS)
        with ThreadPoolExecutor(1) as thread:
            under_way: Future[None] | None = None
            for done in range(0, events, size):
                made = list(islice(self.events, min(size, events - done)))
                if under_way is not None:
                    under_way.result()
                if changes and done // every != (done - size) // every:
                    self._change_an_agent(done // every)
                under_way = thread.submit(self._append, made)
            if under_way is not None:
                under_way.result()

    def _append(self, events: list[EnvelopedEvent]) -> None:
        self._recorder.append(events)

    def _change_an_agent(self, turn: int) -> None:
        """Move a specialist to another department, or let one pause and return."""
        specialists = [m for m in self._roster.members if m.post.level == "L2"]
        member: Member = specialists[turn * 7 % len(specialists)]
        log, ids, clock = self._log, self._ids, self._clock
        if turn % 2:
            deactivate_agent(log, ids, clock, member.handle, "on holiday")
            activate_agent(log, ids, clock, member.handle)
            return
        other = self._roster.departments[turn % len(self._roster.departments)]
        post = member.post.model_copy(
            update={"department": other.key, "supervisor": other.director}
        )
        change_agent(log, ids, clock, member.model_copy(update={"post": post}))

    def fill(self, slots: tuple[Slot, ...], at_us: int, telling: Telling) -> list[bytes]:
        """Fill the slots of a template; its ids are kept by slot."""
        values: list[bytes] = []
        for number, (kind, of) in enumerate(slots):
            if kind == "id":
                made = telling.uuids[number] = self._uuid(at_us)
                values.append(str(made).encode())
            elif kind == "duration":
                values.append(b"%.3f" % (of * telling.speed))
            elif kind == "text":
                values.append(self._sentences.draw(of))
            elif kind == COUNTS[0]:
                values.extend(self.chance.choice(self._tokens[of]))
        return values

    def _tell(self) -> Iterator[EnvelopedEvent]:
        """Tell sessions side by side, event by event in order of their times."""
        due = [self._open() for _ in range(SIDE_BY_SIDE)]
        heapify(due)
        opening = self._open()
        while True:
            if opening.at_us <= due[0].at_us:
                heappush(due, opening)
                opening = self._open()
            at_us, number, telling = heappop(due)
            yield self._event(telling, at_us)
            steps = telling.template.steps
            if telling.next < len(steps):
                later_us = telling.at_us + int(steps[telling.next].offset_us * telling.speed)
                heappush(due, Due(later_us, number, telling))

    def _open(self) -> Due:
        self._opened_us += int(self.chance.expovariate(1 / self._between_us))
        template = self.chance.choice(self._templates)
        telling = Telling(template, self._opened_us, self)
        return Due(self._opened_us, next(self._numbers), telling)

    def _event(self, telling: Telling, at_us: int) -> EnvelopedEvent:
        step = telling.template.steps[telling.next]
        telling.next += 1
        event_id = self._uuid(at_us)
        telling.event_ids.append(event_id)
        return EnvelopedEvent(
            originator_id=telling.uuids[step.stream],
            originator_version=step.version,
            topic=step.type,
            state=step.payload if step.pick is None else step.payload % step.pick(telling.values),
            envelope=Envelope(
                event_id=event_id,
                actor=step.actor,
                correlation_id=telling.session_id,
                causation_id=None if step.cause is None else telling.event_ids[step.cause],
                session_id=telling.session_id,
            ),
            occurred_at=BEGINNING + timedelta(microseconds=at_us),
            schema_version=step.schema_version,
        )

    def _uuid(self, at_us: int) -> UUID:
        """Make a UUIDv7 of the time of the story, so that ids lie in indexes as real ones do."""
        ms = 1_790_000_000_000 + at_us // 1000
        bits = self.chance.getrandbits(74)
        return UUID(int=ms << 80 | 7 << 76 | bits >> 62 << 64 | 2 << 62 | bits & (1 << 62) - 1)

    def _draw_tokens(self, model: str) -> list[tuple[bytes, ...]]:
        """Draw tokens of calls, and what they cost; see `COUNTS`."""
        cost_in, cost_out = USD_PER_MILLION[model]
        drawn = []
        for _ in range(2_000):
            tokens = int(self.chance.lognormvariate(7.5, 0.8))
            out = int(self.chance.lognormvariate(5.5, 0.8))
            cached = self.chance.choice((0, 0, 2048, 4096))
            cost = (tokens * cost_in + cached * cost_in / 10 + out * cost_out) / 1e6
            drawn.append((*(b"%d" % n for n in (tokens, out, cached, 0)), b"%.6f" % cost))
        return drawn
