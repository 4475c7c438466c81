"""The event log on PostgreSQL, a persistence module of the `eventsourcing` library."""
