"""AsyncWorkflows: the part of the Python API that runs workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from application.errors import BadRequestError
from domain.workflow import Workflow
from domain.workflow_inputs import InputError, bind
from domain.workflow_rules import WorkflowError
from hansard.api.asynchronous_similar import AsyncSimilar

if TYPE_CHECKING:
    from application.views import SessionView


class AsyncWorkflows(AsyncSimilar):
    """Runs workflows from asynchronous programs; a part of `AsyncHansard`."""

    async def run_workflow(
        self,
        workflow: Workflow | str | Path,
        request: str | None = None,
        inputs: Iterable[str | Path] = (),
        *,
        values: Mapping[str, JsonValue] | None = None,
        **choices: Any,
    ) -> SessionView:
        """Do what a workflow says.

        Args:
            workflow: made with `hansard.patterns`, or a workflow file, or the name of a workflow
                that comes along.
            request: what is wanted, in the user's own words; by default the workflow's goal.
            inputs: files that the agents may read.
            values: of the workflow's inputs, in place of its own.
            choices: what else `run` takes.

        Returns:
            The ended session; the result of its root task is that of the workflow.

        Raises:
            BadRequestError: the workflow breaks a rule (all problems are told, those of a file
                with line and column), an input is missing or unknown, or there is no request.
            UnavailableError: the database cannot be used.
        """
        bound = await self.bind_workflow(workflow, values)
        goal = bound.goal if request is None else request
        if goal is None:
            raise BadRequestError(
                f"The workflow {bound.name!r} has no goal of its own; say what is wanted."
            )
        hansard: Any = self  # whoever this is a part of has `run`
        view: SessionView = await hansard.run(goal, inputs, workflow=bound, **choices)
        return view

    async def bind_workflow(
        self, workflow: Workflow | str | Path, values: Mapping[str, JsonValue] | None = None
    ) -> Workflow:
        """Hold a workflow against the organisation, and put values in place of its inputs.

        Args:
            workflow: as for `run_workflow`.
            values: of its inputs, by name; each must be known, and none may be missing.

        Raises:
            BadRequestError: it breaks a rule, or an input is missing or unknown.
        """
        checked = await self.check_workflow(workflow)
        try:
            return bind(checked, values or {})
        except InputError as error:
            raise BadRequestError(str(error)) from error

    async def check_workflow(self, workflow: Workflow | str | Path) -> Workflow:
        """Hold a workflow against the organisation; give it as it was read.

        Raises:
            BadRequestError: it breaks some rules; all are told.
        """
        house = self._house
        if not isinstance(workflow, Workflow):
            return await asyncio.to_thread(house.load_workflow, Path(workflow))
        try:
            await asyncio.to_thread(house.check_workflow, workflow)
        except WorkflowError as error:
            raise BadRequestError(str(error)) from error
        return workflow
