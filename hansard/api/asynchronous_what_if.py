"""AsyncWhatIf: the part of the Python API that asks what would have happened otherwise."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import BadRequestError
from application.what_if import Change, Choices, ModelChange, WhatIfView
from hansard.api.asynchronous_outlook import ignore
from hansard.api.asynchronous_similar import AsyncSimilar
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.orchestration.journal import Listener


class AsyncWhatIf(AsyncSimilar):
    """Asks what if for asynchronous programs; a part of `AsyncHansard`."""

    async def what_if(  # noqa: PLR0913 - choices, all by keyword
        self,
        session: str | UUID,
        change: Change,
        *,
        at: Moment | None = None,
        reason: str = "",
        offline: bool = False,
        no_live: bool = False,
        dry_run: bool = False,
        on_event: Listener = ignore,
    ) -> WhatIfView:
        """Change one thing in a session, run it anew on a fork, and compare both.

        Whatever is asked to the byte as it was before is answered from the record, at no cost and
        without delay; models and tools are asked only for what differs. The fork is a what-if: it
        counts in no statistics. The parent does not change.

        Args:
            change: one of `application.what_if`: `PolicyChange`, `ModelChange`,
                `CapabilitiesChange`, `PromptChange` or `AnswerChange`.
            at: the moment to fork at; by default the latest before which the change could not
                matter: just after the session was opened, or before a changed answer.
            reason: recorded for ever; what is changed, by default.
            offline: let the offline model answer, even where there is a key for another one.
            no_live: go as far as recorded answers lead, and ask nobody; `resume` goes on.
            dry_run: append nothing, and tell how far recorded answers would serve, and what would
                be asked first that has none.
            on_event: called with every event of the fork, in order; of a dry run, too.

        Raises:
            NotFoundError: there is no such session or agent, or not yet at that moment.
            BadRequestError: it cannot be changed so, or is so already, or the moment cannot be
                understood.
            ConflictError: nothing would be left to run, or the subject was forgotten.
            UnavailableError: the database cannot be used.
        """
        if offline and no_live:
            raise BadRequestError(
                "Either the offline model answers what is new, or nobody does: choose one of"
                " offline and no_live."
            )
        session_id = await self._session_id(session)
        house = self._house
        if isinstance(change, ModelChange):
            house.model.check(change.model.strip(), needs_key=not (offline or no_live))
        choices = Choices(
            at=await asyncio.to_thread(self._until, at),
            reason=reason,
            stand_in=house.stand_in(offline=offline),
            stops=no_live,
            dry_run=dry_run,
        )
        if not dry_run:
            house.keep_up()
        view = await house.what_ifs.ask(session_id, change, choices, on_event)
        if view.output_folder is not None:
            await asyncio.to_thread(house.drop_if_empty, Path(view.output_folder))
        return view
