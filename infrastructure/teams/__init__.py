"""Teams: agents that come along in a department of their own, for the workflows that name them."""

from __future__ import annotations

from infrastructure.teams.loader import load_team, packaged_teams, teams_of

__all__ = ["load_team", "packaged_teams", "teams_of"]
