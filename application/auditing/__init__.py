"""Auditing: who decided what, on what grounds, and who looked at that."""
