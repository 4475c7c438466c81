"""The projection runner of the `eventsourcing` library, led by lines of JSON; in .venv-bench.

Reads `{"do": NAME, "callers": 1, "events": N}` from its standard input, as `library_log` does. Its
events carry whose they are, so that its projection need not look that up, as ours must.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from itertools import cycle, islice
from time import perf_counter
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

AGENTS = [f"FIN_{number:03d}" for number in range(1, 118)]
EVENTS_PER_TASK = 12
PATIENCE_S = 600.0


class Work(Aggregate):
    """A task, with what counts for the agent that does it."""

    @event("Delegated")
    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.calls = 0

    @event("Called")
    def call(self, agent: str, kind: str) -> None:  # noqa: ARG002 - the event's payload
        """Ask a model or use a tool."""
        self.calls += 1

    @event("Answered")
    def answer(
        self, agent: str, duration_ms: float, input_tokens: int, output_tokens: int, cost: Decimal
    ) -> None:
        """Get an answer."""

    @event("Completed")
    def complete(self, agent: str, duration_ms: float) -> None:
        """End."""


class Works(Application[UUID]):
    """Records tasks."""


class AgentStatistics(PostgresTrackingRecorder):
    """Counts what agents did, in one row for each agent and kind of event."""

    def __init__(self, datastore: PostgresDatastore, **choices: Any) -> None:
        super().__init__(datastore, **choices)
        table = SQL("{}.{}").format(Identifier(datastore.schema), Identifier("agent_counts"))
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {} (agent text, kind text, count bigint,"
                " duration_ms float8, input_tokens bigint, output_tokens bigint, cost numeric,"
                " PRIMARY KEY (agent, kind))"
            ).format(table)
        )
        self.count_statement = SQL(
            "INSERT INTO {} AS c VALUES (%s, %s, 1, %s, %s, %s, %s)"
            " ON CONFLICT (agent, kind) DO UPDATE SET count = c.count + 1,"
            " duration_ms = c.duration_ms + excluded.duration_ms,"
            " input_tokens = c.input_tokens + excluded.input_tokens,"
            " output_tokens = c.output_tokens + excluded.output_tokens,"
            " cost = c.cost + excluded.cost"
        ).format(table)

    def count(self, tracking: Tracking, agent: str, kind: str, *figures: Any) -> None:
        """Count an event, and note its position, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            values = figures or (0.0, 0, 0, Decimal(0))
            cursor.execute(self.count_statement, (agent, kind, *values), prepare=True)


class Counting(Projection[AgentStatistics]):
    """Counts every event of a task for its agent."""

    name = "counting"
    times: tuple[float, float] = (0.0, 0.0)
    """When the first event came, and when the last one was done."""

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Count a delegation or a call."""
        came = perf_counter()
        kind = getattr(domain_event, "kind", type(domain_event).__name__)
        if isinstance(domain_event, Work.Answered):  # type: ignore[attr-defined]  # made by its decorator
            figures = (
                domain_event.duration_ms,
                domain_event.input_tokens,
                domain_event.output_tokens,
                domain_event.cost,
            )
            self.view.count(tracking, domain_event.agent, "Answered", *figures)
        else:
            self.view.count(tracking, domain_event.agent, kind)
        first = type(self).times[0] or came
        type(self).times = first, perf_counter()


class Peer:
    """Does what it is told with the library's application and projection runner."""

    def __init__(self, target: dict[str, str]) -> None:
        self.env = {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            **{f"POSTGRES_{name.upper()}": value for name, value in target.items()},
        }
        self.application = Works(self.env)
        self.last = 0

    def fill(self, callers: int, events: int) -> dict[str, Any]:
        """Record tasks until there are so many events more."""
        assert callers == 1
        for agent in islice(cycle(AGENTS), events // EVENTS_PER_TASK):
            self.application.save(_work(agent))
        self.last = self.application.recorder.max_notification_id() or 0
        return {"events": self.last}

    def project(self, callers: int, events: int) -> dict[str, Any]:
        """Let the runner take in what was recorded since it last did."""
        assert callers == 1
        Counting.times = (0.0, 0.0)
        with ProjectionRunner(
            application_class=Works,
            projection_class=Counting,
            view_class=AgentStatistics,
            env=self.env,
        ) as runner:
            runner.wait(self.last, timeout=PATIENCE_S)
        first, last = Counting.times
        return {"seconds": last - first, "events": events // EVENTS_PER_TASK * EVENTS_PER_TASK}


def _work(agent: str) -> Work:
    work = Work(agent)
    for kind in islice(cycle(("model", "tool")), (EVENTS_PER_TASK - 2) // 2):
        work.call(agent, kind)
        work.answer(agent, 250.5, 1800, 240, Decimal("0.009"))
    work.complete(agent, 3000.0)
    return work


def main() -> None:
    """Answer lines until there are no more."""
    peer = Peer(json.loads(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        do = getattr(peer, order["do"])
        print(json.dumps(do(order["callers"], order["events"])), flush=True)


if __name__ == "__main__":
    main()
