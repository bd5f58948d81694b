-- How an entrypoint shows itself to its customers, in mails and in the portal; NULL for what is derived.
ALTER TABLE entrypoint ADD COLUMN store_name TEXT;
ALTER TABLE entrypoint ADD COLUMN sender_name TEXT;
ALTER TABLE entrypoint ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
-- #rrggbb.
ALTER TABLE entrypoint ADD COLUMN color TEXT;
-- JSON list of the fields that customers edit themselves; NULL for phone and addresses.
ALTER TABLE entrypoint ADD COLUMN editable_fields TEXT;

-- Mails to be sent, each committed with what it tells of.
CREATE TABLE mail_outbox (
    mail_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    customer_id BIGINT NOT NULL,
    -- invitation, reset, locked, passwordChanged, consentOptIn.
    kind TEXT NOT NULL,
    -- queued, sending, handingOver, sent, failed, uncertain, dropped.
    state TEXT NOT NULL,
    -- The random part of its Message-ID.
    message_id TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    -- Sealed under the service's key and this salt: address, name, link. Both NULL once sent or given up.
    salt BLOB,
    content BLOB,
    attempts BIGINT NOT NULL,
    next_try_us BIGINT NOT NULL,
    -- Only the holder of the newest lease may say what became of it.
    lease_no BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    -- A word of ours; the server's own words may hold an address.
    problem TEXT,
    created_at_us BIGINT NOT NULL,
    ended_at_us BIGINT
);
-- Not partial: the state is a bound value, of which a planner cannot tell whether such an index has it.
CREATE INDEX mail_outbox_due ON mail_outbox (state, next_try_us, mail_id);
CREATE INDEX mail_outbox_held ON mail_outbox (state, lease_until_us);
CREATE INDEX mail_outbox_entrypoint ON mail_outbox (entrypoint_id, mail_id);
CREATE INDEX mail_outbox_customer ON mail_outbox (customer_id);
CREATE INDEX mail_outbox_ended ON mail_outbox (ended_at_us);

-- Invitations of many customers.
CREATE TABLE invite_job (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    -- queued, running, finished, cancelled, failed.
    state TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    salt BLOB NOT NULL,
    -- Sealed: whom to invite.
    plan BLOB NOT NULL,
    actor_name TEXT NOT NULL,
    actor_jti TEXT NOT NULL,
    -- Customers up to last_id; everything up to cursor_id is done, its results are committed with it.
    last_id BIGINT NOT NULL,
    cursor_id BIGINT NOT NULL,
    total BIGINT,
    -- JSON object: outcome to number of customers.
    counts TEXT NOT NULL,
    failure TEXT,
    -- Only the holder of the newest lease may move the cursor.
    lease_no BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    queued_at_us BIGINT NOT NULL,
    started_at_us BIGINT,
    ended_at_us BIGINT
);
CREATE INDEX invite_job_entrypoint ON invite_job (entrypoint_id, job_id);
CREATE INDEX invite_job_waiting ON invite_job (job_id) WHERE state IN ('queued', 'running');

-- Who was not invited, and why.
CREATE TABLE invite_report (
    job_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    -- The customer in the way.
    other_id BIGINT,
    PRIMARY KEY (job_id, customer_id)
);
