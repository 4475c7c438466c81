"""Aggregates with their events and errors, and the pure services that decide between them."""
