"""The command `hansard`."""
