"""Naming: ids give way to what they stand for, and what models and tools said stays as it is."""

from __future__ import annotations

from application.comparing.naming import Names, payload, task_key
from domain.event import RecordedEvent
from domain.task import Task
from tests.support.branches import Branches
from tests.support.histories import Ids, SessionTeller, SteppingClock
from tests.support.in_memory_log import InMemoryEventLog


def told() -> tuple[InMemoryEventLog, SessionTeller]:
    log = InMemoryEventLog()
    return log, SessionTeller(log, Ids(), SteppingClock(), "Report on Q4")


def learned(log: InMemoryEventLog) -> Names:
    names = Names()
    for recorded in log.events:
        names.learn(recorded)
    return names


def last(log: InMemoryEventLog) -> RecordedEvent:
    return log.events[-1]


def test_ids_give_way_to_what_they_stand_for() -> None:
    log, teller = told()
    task = teller.create_task("extract")
    first, second = teller.call_model(task), teller.call_model(task)
    names = learned(log)

    assert names.document([task.id, teller.root.id]) == ["extract", "request"]
    assert names.document({"pending_effects": [second, first]}) == {
        "pending_effects": ["extract:2", "extract:1"]
    }
    assert names.document({str(first): 1}) == {"extract:1": 1}
    assert names.subject(last(log)) == "extract"
    assert names.subject(log.events[0]) == "session"


def test_ids_nobody_told_of_stay() -> None:
    log, teller = told()

    assert Names().document([teller.root.id]) == [str(teller.root.id)]
    assert Names().task(teller.root.id) == str(teller.root.id)
    assert len(log.events) == 4


def test_what_follows_from_places_and_times_is_left_out() -> None:
    log, teller = told()
    task = teller.create_task()
    teller.answer_model(task, teller.call_model(task))

    document = learned(log).document(payload(last(log)))

    assert isinstance(document, dict)
    assert set(document) == {"effect_id", "answer"}
    answer = document["answer"]
    assert isinstance(answer, dict)
    assert "duration_ms" not in answer
    assert answer["cost_usd"] == "0.0125"


def test_what_models_and_tools_said_stays_as_it_is() -> None:
    log, teller = told()
    said = {"position": 3, "task_id": str(teller.root.id), "tasks": [{"session_id": 1}]}

    for name in ("arguments", "content", "data", "shared_context"):
        assert learned(log).document({name: said}) == {name: said}


def test_the_key_of_a_task_is_looked_up_also_through_forks_of_forks() -> None:
    desk = Branches()
    log = desk.desk.log
    started = next(log.read(types=["task.started"]))
    key = task_key(started, log)
    desk.fork(desk.sessions[0], started.position)
    desk.fork(desk.sessions[-1], log.last_position())
    desk.desk.resume(desk.sessions[-1])
    own = [
        each
        for each in log.read(session_id=desk.sessions[-1])
        if isinstance(each.event, Task.Event)
    ]

    assert key is not None
    assert own
    assert {task_key(each, log) for each in own} <= {
        task.assignment.key for task in desk.fold(desk.sessions[0]).tasks
    }
    assert task_key(log.events[0], log) is None
