"""Replaying: go through a session's history again, to look at it or to recompute its decisions."""
