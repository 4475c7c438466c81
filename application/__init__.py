"""Use cases and process managers: commands in, events out; effects only through ports."""
