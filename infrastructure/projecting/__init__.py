"""Projecting: what keeps read models up to date, each event exactly once."""

from __future__ import annotations

from infrastructure.projecting.runner import ProjectionRunner
from infrastructure.projecting.status import ProjectionStatus
from infrastructure.projecting.thread import ProjectionThread

__all__ = ["ProjectionRunner", "ProjectionStatus", "ProjectionThread"]
