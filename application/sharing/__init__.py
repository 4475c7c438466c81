"""Sharing: agents write into the shared context of a session, and histories of it are merged."""
