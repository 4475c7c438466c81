"""Sharing: the part of the synchronous Python API that reads and writes shared contexts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.conversation import USER
from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.sharing.views import SharedContextView, SharedMergeView, SharedWriteView


class Sharing:
    """Shares values in sessions for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncSharing`, which documents it.
    """

    def shared_context(
        self: Caller, session: str | UUID, at: Moment | None = None
    ) -> SharedContextView:
        """Tell what agents share in a session, as it is or was."""
        return self._call(self._inner.shared_context, session, at)

    def share(
        self: Caller, session: str | UUID, key: str, value: Any, *, agent: str = USER
    ) -> SharedWriteView:
        """Share a value in a session under an agent's own name; None takes it back."""
        return self._call(self._inner.share, session, key, value, agent=agent)

    def merge_shared_context(
        self: Caller, session: str | UUID, other: str | UUID, at: Moment | None = None
    ) -> SharedMergeView:
        """Take over what is shared in another session, such as a fork of this one."""
        return self._call(self._inner.merge_shared_context, session, other, at)
