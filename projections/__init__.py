"""Read models: events in, rows out, and the queries on them; one file each."""
