"""Frames: a session as it stood after each of its events, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload
from uuid import UUID

from application.explaining import DESCRIPTIONS
from application.replaying.history import SessionHistory
from application.replaying.scene import Scene
from application.replaying.views import FrameView

EVERY = 256
"""Events from one scene that is kept to the next: going back costs as many at most."""

TEXT_LENGTH = 300


class Frames(Sequence[FrameView]):
    """The frames of a history, each made when it is asked for.

    Scenes are kept along the way, so that the frame before is as near as the one that follows, and
    any other one as the scene before it.

    Args:
        since: position that `first` shows; the first event by default.

    Attributes:
        first: index of the frame to begin with.
    """

    def __init__(self, history: SessionHistory, since: int | None = None) -> None:
        self._history = history
        self.first = 0 if since is None else self.index_at(since)
        self._kept = [Scene()]
        self._scene = self._kept[0].copy()
        self._at = 0

    @property
    def session_id(self) -> UUID:
        """The session that is gone through."""
        return self._history.session_id

    def __len__(self) -> int:
        return len(self._history.events)

    @overload
    def __getitem__(self, index: int) -> FrameView: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[FrameView]: ...

    def __getitem__(self, index: int | slice) -> FrameView | Sequence[FrameView]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no frame {index} among {len(self)}")
        return self._frame(index % len(self))

    def __iter__(self) -> Iterator[FrameView]:
        for index in range(len(self)):
            yield self[index]

    def index_at(self, position: int) -> int:
        """Tell which frame shows a position: that of the newest event at or before it, or 0."""
        events = self._history.events
        first, last = 0, len(events)
        while first < last:
            middle = (first + last) // 2
            if events[middle].position <= position:
                first = middle + 1
            else:
                last = middle
        return max(first - 1, 0)

    def _frame(self, index: int) -> FrameView:
        self._go_to(index)
        events, scene = self._history.events, self._scene
        recorded = events[index]
        task_id = scene.take(recorded)
        self._at = index + 1
        before = events[index - 1].recorded_at if index else recorded.recorded_at
        describe = DESCRIPTIONS.get(type(recorded.event))
        return FrameView(
            number=index + 1,
            of=len(events),
            position=recorded.position,
            recorded_at=recorded.recorded_at,
            event_id=recorded.envelope.event_id,
            type=recorded.type,
            actor=recorded.envelope.actor,
            text=_one_line(describe(recorded.event)) if describe else "",
            task_key=None if task_id is None else scene.tasks[task_id].key,
            waited_s=(recorded.recorded_at - before).total_seconds(),
            elapsed_s=(recorded.recorded_at - events[0].recorded_at).total_seconds(),
            status=scene.status,
            tasks=tuple(scene.tasks.values()),
            turns=scene.turns,
            model_calls=scene.model_calls,
            tool_calls=scene.tool_calls,
            input_tokens=scene.input_tokens,
            output_tokens=scene.output_tokens,
            cost_usd=scene.cost_usd,
        )

    def _go_to(self, index: int) -> None:
        """Bring the scene to where it stood before an event."""
        kept = min(index // EVERY, len(self._kept) - 1)
        if not kept * EVERY <= self._at <= index:
            self._at, self._scene = kept * EVERY, self._kept[kept].copy()
        while True:
            if self._at % EVERY == 0 and self._at // EVERY == len(self._kept):
                self._kept.append(self._scene.copy())
            if self._at == index:
                return
            self._scene.take(self._history.events[self._at])
            self._at += 1


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LENGTH else f"{line[: TEXT_LENGTH - 1]}…"
