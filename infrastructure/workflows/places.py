"""Places: where in its file a part of a workflow was written."""

from __future__ import annotations

from collections.abc import Iterator

from domain.patterns import PLANNED
from domain.workflow import ANY
from domain.workflow_rules import Place
from infrastructure.workflows import entries as given

FIELDS: dict[str, dict[Place, Place]] = {
    "master_worker": {("team",): ("workers",), ("coordinator",): ("master",)},
    "supervisor": {
        ("coordinator",): ("planner",),
        ("supervision", "monitor"): ("monitor",),
        ("supervision", "recovery"): ("recovery",),
    },
    "coordinator": {("coordinator",): ("by",)},
    "parallel": {("assembly", "by"): ("by",)},
    "consensus": {("assembly", "faults"): ("faults",), ("tasks",): ("voters",)},
    "handoff": {},
    "auction": {("auction", "bidders"): ("bidders",)},
    "negotiation": {("negotiation", "parties"): ("parties",)},
}
"""What the fields of a procedure are called in the entry of a pattern."""


class Places:
    """Finds the parts of a workflow in the file it was built from."""

    def __init__(self, entry: given.WorkflowEntry) -> None:
        self._procedures: dict[str, tuple[Place, given.Entry]] = {}
        self._collect(entry.procedure, ("procedure",), "")

    def find(self, place: Place) -> Place:
        """Tell the path in the file of a part of the workflow, as near as it is written there."""
        if place[:1] == ("procedure",):
            return self._within("", place[1:])
        if place[:1] == ("procedures",):
            return self._within(str(place[1]), place[2:])
        return place

    def _within(self, name: str, place: Place) -> Place:
        path, entry = self._procedures[name]
        tasks = list(_tasks(entry))
        if place[:1] == ("tasks",) and len(place) > 1:
            index = int(place[1])
            return (*path, *_renamed(tasks[index][1], entry, place[2:]))
        if place[:1] == ("terms",):
            if place[1] == ANY:
                return (*path, "work", *place[2:])
            task = next((at for key, at in tasks if key == place[1]), ())
            return (*path, *_renamed(task, entry, place[2:]))
        fields = FIELDS.get(getattr(entry, "pattern", ""), {})
        for length in (2, 1):
            if place[:length] in fields:
                return (*path, *fields[place[:length]], *place[length:])
        return (*path, *place)

    def _collect(self, entry: given.Entry, path: Place, name: str) -> None:
        self._procedures[name] = (path, entry)
        for key, at, task in _nested(entry):
            if task.procedure is not None:
                inner = f"{name}.{key}" if name else key
                self._collect(task.procedure, (*path, *at, "procedure"), inner)


def _renamed(task: Place, entry: given.Entry, field: Place) -> Place:
    """Say a field of a task as the pattern has it."""
    if isinstance(entry, given.ConsensusEntry):
        named = str(field[0]) if field else ""
        own = {"instruction": "question", "arguments": "arguments", "tools": "tools"}
        return (own[named], *field[1:]) if named in own else task
    if isinstance(entry, given.HandoffEntry) and field[:1] in (("agent",), ("handoffs",)):
        return ("agent",) if field[0] == "agent" else ("targets", *field[1:])
    return (*task, *field)


def _tasks(entry: given.Entry) -> Iterator[tuple[str, Place]]:
    """List the tasks of a pattern, by key, and where each is written."""
    if isinstance(entry, given.ConsensusEntry):
        for index in range(len(entry.voters)):
            yield f"voter_{index + 1}", ("voters", index)
    for key, at, task in _nested(entry):
        count = task.instances if isinstance(task, given.SpreadTaskEntry) else 1
        if count > 1:
            for number in range(1, count + 1):
                yield f"{key}_{number}", at
        elif isinstance(task, given.TaskEntry):
            yield key, at


def _nested(entry: given.Entry) -> Iterator[tuple[str, Place, given.TermsEntry]]:
    if isinstance(entry, given.SopEntry):
        for number, stage in enumerate(entry.stages):
            for index, task in enumerate(stage.tasks):
                yield task.key, ("stages", number, "tasks", index), task
    if isinstance(entry, given.HandoffEntry | given.AuctionEntry):
        yield entry.task.key, ("task",), entry.task
    for name in ("tasks", "roles"):
        for index, task in enumerate(getattr(entry, name, ())):
            yield task.key, (name, index), task
    work = getattr(entry, "work", None)
    if work is not None:
        yield PLANNED, ("work",), work
