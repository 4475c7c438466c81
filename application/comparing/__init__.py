"""Comparing: what differs between two states or histories, and since when something holds."""
