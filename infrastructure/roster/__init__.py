"""Rosters: the packaged organisation, and the user's own from a YAML file."""

from __future__ import annotations

from infrastructure.roster.loader import PACKAGED_ROSTER, load_roster
from infrastructure.roster.problems import Problem, RosterError

__all__ = ["PACKAGED_ROSTER", "Problem", "RosterError", "load_roster"]
