"""Workflows: the synchronous face of what runs workflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from hansard.api.caller import Caller

if TYPE_CHECKING:
    from application.views import SessionView
    from domain.workflow import Workflow


class Workflows:
    """Runs workflows from ordinary programs; a part of `Hansard`.

    Each method runs the one of the same name of `AsyncWorkflows`, which documents it.
    """

    def run_workflow(
        self: Caller,
        workflow: Workflow | str | Path,
        request: str | None = None,
        inputs: Iterable[str | Path] = (),
        *,
        values: Mapping[str, JsonValue] | None = None,
        **choices: Any,
    ) -> SessionView:
        """Do what a workflow says; `on_event` is called from another thread."""
        return self._call(
            self._inner.run_workflow, workflow, request, inputs, values=values, **choices
        )

    def bind_workflow(
        self: Caller,
        workflow: Workflow | str | Path,
        values: Mapping[str, JsonValue] | None = None,
    ) -> Workflow:
        """Hold a workflow against the organisation, and put values in place of its inputs."""
        return self._call(self._inner.bind_workflow, workflow, values)

    def check_workflow(self: Caller, workflow: Workflow | str | Path) -> Workflow:
        """Hold a workflow against the organisation; give it as it was read."""
        return self._call(self._inner.check_workflow, workflow)
