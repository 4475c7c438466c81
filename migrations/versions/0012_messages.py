"""List messages between agents, and what became of each."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MESSAGES = """
CREATE TABLE hansard_read.messages (
    position        bigint      NOT NULL PRIMARY KEY,
    recorded_at     timestamptz NOT NULL,
    message_id      uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    parent_id       uuid,
    session_id      uuid,
    from_agent      text        NOT NULL,
    to_agent        text        NOT NULL,
    type            text        NOT NULL,
    priority        text        NOT NULL,
    topic           text,
    attempt         integer     NOT NULL,
    sent_at         timestamptz NOT NULL,
    expires_at      timestamptz,
    token_budget    bigint,
    tokens_used     bigint      NOT NULL
);
CREATE INDEX messages_by_id ON hansard_read.messages (message_id);
CREATE INDEX messages_by_recipient ON hansard_read.messages (to_agent, position);
CREATE INDEX messages_by_conversation ON hansard_read.messages (conversation_id, position);
COMMENT ON TABLE hansard_read.messages IS 'Every message that was sent.';

CREATE TABLE hansard_read.message_ends (
    position     bigint      NOT NULL PRIMARY KEY,
    recorded_at  timestamptz NOT NULL,
    message_id   uuid        NOT NULL,
    status       text        NOT NULL,
    delivered_by text,
    reason       text
);
CREATE INDEX message_ends_by_id ON hansard_read.message_ends (message_id);
COMMENT ON TABLE hansard_read.message_ends IS
    'How each message ended: delivered, expired or dead; what has no row waits.';

INSERT INTO hansard_read.projection_tables (projection, name) VALUES
    ('messages', 'messages'), ('messages', 'message_ends');
"""

RIGHTS = """
GRANT SELECT ON hansard_read.messages, hansard_read.message_ends TO hansard_reader;
GRANT INSERT, UPDATE, DELETE, TRUNCATE ON hansard_read.messages, hansard_read.message_ends
    TO hansard_writer;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        GRANT MAINTAIN ON hansard_read.messages, hansard_read.message_ends TO hansard_writer;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Make room for the read model."""
    for statements in (MESSAGES, RIGHTS):
        op.execute(statements)
