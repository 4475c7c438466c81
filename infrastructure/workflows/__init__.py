"""Workflow files: YAML in, workflows and drawings out."""

from __future__ import annotations

from infrastructure.workflows.loader import (
    WorkflowFileError,
    load_workflow,
    packaged_workflows,
    workflow_file,
    workflow_schema,
)

__all__ = [
    "WorkflowFileError",
    "load_workflow",
    "packaged_workflows",
    "workflow_file",
    "workflow_schema",
]
