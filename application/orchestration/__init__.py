"""The process manager of a session: fold, decide, perform, append."""
