"""Let read models tell sessions by their histories: after rewinds, across forks, what-ifs apart."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# Until now no session was rewound or forked, so that what is there stays right with these values;
# read models are built anew all the same, because their versions rise. A successor that is being
# built has the old shape, and is begun again.
GIVE_UP_REBUILDS = """
SELECT hansard_read.drop_rebuild(p.projection)
FROM hansard_read.projection_positions AS p WHERE p.slot = 'next';
DELETE FROM hansard_read.projection_positions WHERE slot = 'next';
DELETE FROM hansard_read.events_set_aside WHERE slot = 'next';
"""

LINEAGE = """
CREATE TABLE hansard_read.session_turnings (
    position         bigint      NOT NULL PRIMARY KEY,
    recorded_at      timestamptz NOT NULL,
    session_id       uuid        NOT NULL,
    kind             text        NOT NULL,
    parent_id        uuid,
    to_position      bigint      NOT NULL,
    what_if          boolean     NOT NULL,
    running_sessions bigint      NOT NULL,
    running_tasks    bigint      NOT NULL
);
CREATE INDEX session_turnings_by_session
    ON hansard_read.session_turnings (session_id, position);
COMMENT ON TABLE hansard_read.session_turnings IS
    'Every fork and rewind, to where it went, and how many more sessions and tasks run since.';

CREATE TABLE hansard_read.session_segments (
    position       bigint  NOT NULL,
    session_id     uuid    NOT NULL,
    of_session_id  uuid    NOT NULL,
    after_position bigint  NOT NULL,
    until_position bigint  NOT NULL,
    counts         boolean NOT NULL
);
CREATE INDEX session_segments_by_session
    ON hansard_read.session_segments (session_id, position);
COMMENT ON TABLE hansard_read.session_segments IS
    'What is a session''s history from a fork or rewind on; without counts, what was taken back.';
"""

SESSION_LIST = """
ALTER TABLE hansard_read.sessions
    ADD COLUMN parent_id uuid,
    ADD COLUMN forked_at bigint,
    ADD COLUMN what_if   boolean NOT NULL DEFAULT false;
COMMENT ON TABLE hansard_read.sessions IS
    'Every session, when it was opened, and of which one and where it was forked.';

ALTER TABLE hansard_read.session_ends RENAME TO session_states;
ALTER TABLE hansard_read.session_states DROP CONSTRAINT session_ends_pkey;
ALTER TABLE hansard_read.session_states
    ADD CONSTRAINT session_states_pkey PRIMARY KEY (position),
    ADD COLUMN replaces bigint,
    ADD COLUMN ended_at timestamptz;
UPDATE hansard_read.session_states SET ended_at = recorded_at;
CREATE INDEX session_states_by_session ON hansard_read.session_states (session_id, position);
CREATE UNIQUE INDEX session_states_by_replaced ON hansard_read.session_states (replaces)
    WHERE replaces IS NOT NULL;
ALTER INDEX hansard_read.session_ends_by_words RENAME TO session_states_by_words;
COMMENT ON TABLE hansard_read.session_states IS
    'How sessions ended, and where rewinds changed that; replaces is the row that no longer holds, '
    'answer the first line of what the user was told.';
"""

TASK_TREE = """
ALTER TABLE hansard_read.task_starts ADD COLUMN session_id uuid;
UPDATE hansard_read.task_starts AS s SET session_id = t.session_id
FROM hansard_read.tasks AS t WHERE t.task_id = s.task_id;

ALTER TABLE hansard_read.task_ends DROP CONSTRAINT task_ends_pkey;
ALTER TABLE hansard_read.task_ends
    ADD CONSTRAINT task_ends_pkey PRIMARY KEY (position),
    ADD COLUMN session_id uuid;
UPDATE hansard_read.task_ends AS e SET session_id = t.session_id
FROM hansard_read.tasks AS t WHERE t.task_id = e.task_id;
CREATE INDEX task_ends_by_task ON hansard_read.task_ends (task_id, position);
COMMENT ON TABLE hansard_read.task_ends IS
    'How each task ended, in forks each on its own; detail is the first part of its result, or '
    'the reason.';
"""

WORDS_AND_DECISIONS = """
ALTER TABLE hansard_read.turns ADD COLUMN what_if boolean NOT NULL DEFAULT false;

ALTER TABLE hansard_read.delegations ADD COLUMN what_if boolean NOT NULL DEFAULT false;
UPDATE hansard_read.delegations AS d SET from_agent = coalesce(
    (SELECT e.to_agent FROM hansard_read.delegations AS e
     WHERE e.task_id = d.task_id AND e.position < d.position AND e.to_agent IS NOT NULL
     ORDER BY e.position DESC LIMIT 1),
    (SELECT t.holder FROM hansard_read.tasks AS t WHERE t.task_id = d.task_id), '')
WHERE d.from_agent IS NULL;
ALTER TABLE hansard_read.delegations ALTER COLUMN from_agent SET NOT NULL;
"""

ACTIVITY = """
CREATE TABLE hansard_read.what_if_activity (LIKE hansard_read.activity INCLUDING CONSTRAINTS);
ALTER TABLE hansard_read.what_if_activity ADD PRIMARY KEY (position);
CREATE INDEX what_if_activity_by_session
    ON hansard_read.what_if_activity (session_id, position);
COMMENT ON TABLE hansard_read.what_if_activity IS
    'The same of what-ifs, which count in no statistics.';
"""

PROJECTION_TABLES = """
UPDATE hansard_read.projection_tables SET name = 'session_states' WHERE name = 'session_ends';
INSERT INTO hansard_read.projection_tables (projection, name) VALUES
    ('lineage', 'session_turnings'), ('lineage', 'session_segments'),
    ('activity', 'what_if_activity');
"""

RIGHTS = """
GRANT SELECT ON hansard_read.session_turnings, hansard_read.session_segments,
    hansard_read.what_if_activity TO hansard_reader;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON hansard_read.session_turnings,
    hansard_read.session_segments, hansard_read.what_if_activity TO hansard_writer;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON hansard_read.session_turnings, hansard_read.session_segments,
            hansard_read.what_if_activity TO hansard_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Add what tells histories, and make room for several ends of sessions and tasks."""
    for statements in (
        GIVE_UP_REBUILDS,
        LINEAGE,
        SESSION_LIST,
        TASK_TREE,
        WORDS_AND_DECISIONS,
        ACTIVITY,
        PROJECTION_TABLES,
        RIGHTS,
    ):
        op.execute(statements)
