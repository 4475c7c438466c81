"""Routing: gathers what strategies draw on from outside, and tries strategies out."""
