"""Create the first read models: session list, agent statistics, conversations, delegations."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

POSITIONS = """
CREATE TABLE hansard_read.projection_positions (
    projection      text        NOT NULL PRIMARY KEY,
    version         integer     NOT NULL,
    position        bigint      NOT NULL,
    failed_position bigint,
    error           text,
    updated_at      timestamptz NOT NULL
);
COMMENT ON TABLE hansard_read.projection_positions IS
    'How far each read model has come, and the event it stopped at.';
"""

SESSION_LIST = """
CREATE TABLE hansard_read.sessions (
    session_id  uuid        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    request     text        NOT NULL
);
CREATE UNIQUE INDEX sessions_by_position ON hansard_read.sessions (position);
COMMENT ON TABLE hansard_read.sessions IS 'Every session and when it was opened.';

CREATE TABLE hansard_read.session_ends (
    session_id  uuid        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    status      text        NOT NULL,
    answer      text        NOT NULL
);
COMMENT ON TABLE hansard_read.session_ends IS
    'How each session ended; answer is the first line of what the user was told.';

CREATE TABLE hansard_read.session_facts (
    position      bigint NOT NULL PRIMARY KEY,
    session_id    uuid,
    kind          text   NOT NULL,
    agent         text,
    input_tokens  bigint,
    output_tokens bigint,
    cost_usd      numeric
);
CREATE INDEX session_facts_by_session ON hansard_read.session_facts (session_id, position);
COMMENT ON TABLE hansard_read.session_facts IS 'What counts in a session, one row an event.';
"""

AGENT_STATISTICS = """
CREATE TABLE hansard_read.agent_facts (
    position           bigint      NOT NULL PRIMARY KEY,
    recorded_at        timestamptz NOT NULL,
    session_id         uuid,
    agent              text        NOT NULL,
    kind               text        NOT NULL,
    duration_ms        double precision,
    input_tokens       bigint,
    output_tokens      bigint,
    cache_read_tokens  bigint,
    cache_write_tokens bigint,
    cost_usd           numeric
);
CREATE INDEX agent_facts_by_agent ON hansard_read.agent_facts (agent, position);
COMMENT ON TABLE hansard_read.agent_facts IS
    'What counts for an agent, one row an event; kind says what.';

CREATE TABLE hansard_read.agent_duties (
    subject    uuid   NOT NULL,
    position   bigint NOT NULL,
    agent      text   NOT NULL,
    started_at timestamptz,
    PRIMARY KEY (subject, position)
);
COMMENT ON TABLE hansard_read.agent_duties IS
    'Whose a task or an effect is since a position: answers name the effect alone.';
"""

CONVERSATION_HISTORY = """
CREATE TABLE hansard_read.turns (
    position        bigint      NOT NULL PRIMARY KEY,
    recorded_at     timestamptz NOT NULL,
    said_at         timestamptz NOT NULL,
    session_id      uuid,
    subject         text,
    conversation_id uuid        NOT NULL,
    turn_id         uuid        NOT NULL,
    speaker         text        NOT NULL,
    text            text        NOT NULL,
    model           text,
    words           tsvector
        GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, left(text, 100000))) STORED
);
CREATE INDEX turns_by_conversation ON hansard_read.turns (conversation_id, position);
CREATE INDEX turns_by_session ON hansard_read.turns (session_id, position);
CREATE INDEX turns_by_words ON hansard_read.turns USING gin (words);
COMMENT ON TABLE hansard_read.turns IS 'Every turn of every conversation.';
"""

DELEGATION_AUDIT = """
CREATE TABLE hansard_read.delegations (
    position           bigint      NOT NULL PRIMARY KEY,
    recorded_at        timestamptz NOT NULL,
    session_id         uuid,
    task_id            uuid        NOT NULL,
    decision_id        uuid        NOT NULL,
    from_agent         text,
    to_agent           text,
    strategy           text        NOT NULL,
    policy_version     text        NOT NULL,
    confidence         double precision NOT NULL,
    reason             text        NOT NULL,
    candidates         jsonb       NOT NULL,
    knowledge_position bigint      NOT NULL
);
CREATE INDEX delegations_by_session ON hansard_read.delegations (session_id, position);
CREATE INDEX delegations_by_task ON hansard_read.delegations (task_id, position);
CREATE INDEX delegations_by_agent ON hansard_read.delegations (to_agent, position);
COMMENT ON TABLE hansard_read.delegations IS
    'Every decision on a delegation; without to_agent nobody qualified.';

CREATE TABLE hansard_read.delegated_tasks (
    task_id    uuid   NOT NULL PRIMARY KEY,
    position   bigint NOT NULL,
    key        text   NOT NULL,
    title      text   NOT NULL,
    department text,
    holder     text   NOT NULL
);
COMMENT ON TABLE hansard_read.delegated_tasks IS 'Every task and who made it.';

CREATE TABLE hansard_read.delegated_task_ends (
    task_id     uuid        NOT NULL PRIMARY KEY,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    outcome     text        NOT NULL,
    detail      text        NOT NULL
);
COMMENT ON TABLE hansard_read.delegated_task_ends IS 'How each task ended.';
"""

RIGHTS = """
GRANT USAGE ON SCHEMA hansard_read TO hansard_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA hansard_read TO hansard_reader;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA hansard_read TO hansard_writer;
"""


def upgrade() -> None:
    """Create the schema `hansard_read`."""
    op.execute("CREATE SCHEMA hansard_read")
    for statements in (
        POSITIONS,
        SESSION_LIST,
        AGENT_STATISTICS,
        CONVERSATION_HISTORY,
        DELEGATION_AUDIT,
        RIGHTS,
    ):
        op.execute(statements)
