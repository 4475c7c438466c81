"""Messaging: the adapters that let messages of all processes reach each other."""
