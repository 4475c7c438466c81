"""Messaging: agents send each other messages through the log, which is the only queue there is."""
