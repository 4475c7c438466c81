"""Routing: adapters of what strategies draw on, meanings and track records."""
