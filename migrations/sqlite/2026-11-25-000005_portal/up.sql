-- Links in mails to customers, at most one of a kind: a new one replaces the one before.
CREATE TABLE portal_link (
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    customer_id BIGINT NOT NULL,
    -- invitation, reset, consent.
    kind TEXT NOT NULL,
    -- Of the link's 256 random bits.
    token_hash BLOB NOT NULL UNIQUE,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    -- When somebody, or a mail scanner, first looked at the page.
    opened_at_us BIGINT,
    PRIMARY KEY (entrypoint_id, customer_id, kind)
);

-- Customers who are signed in.
CREATE TABLE portal_session (
    -- Of the cookie's 256 random bits.
    token_hash BLOB PRIMARY KEY NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    customer_id BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    seen_at_us BIGINT NOT NULL
);
CREATE INDEX portal_session_customer ON portal_session (entrypoint_id, customer_id);
CREATE INDEX portal_session_seen ON portal_session (seen_at_us);

-- What was tried lately with a login name, whether or not anybody has it.
CREATE TABLE login_attempt (
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    -- Keyed hash of what was tried (to sign in, to get a mail) and the name.
    login_hash BLOB NOT NULL,
    -- JSON array of times, the oldest first.
    times TEXT NOT NULL,
    newest_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, login_hash)
);
CREATE INDEX login_attempt_newest ON login_attempt (newest_at_us);
