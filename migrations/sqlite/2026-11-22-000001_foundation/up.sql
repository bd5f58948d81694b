-- Names and tables are those of migrations/postgres; only types and the term index differ.

-- One value a name; holds the check value of the master key.
CREATE TABLE service_state (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

CREATE TABLE organisation (
    org_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    -- JSON list of identifiers, NULL where none was set.
    identifiers TEXT,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE entrypoint (
    entrypoint_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entry TEXT NOT NULL UNIQUE,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    legal_name TEXT,
    dba_name TEXT,
    country TEXT,
    identifiers TEXT,
    required_fields TEXT NOT NULL DEFAULT '[]',
    created_at_us BIGINT NOT NULL
);
CREATE INDEX entrypoint_org ON entrypoint (org_id, entrypoint_id);

-- What every write of an entrypoint locks first.
CREATE TABLE entrypoint_head (
    entrypoint_id BIGINT NOT NULL PRIMARY KEY REFERENCES entrypoint (entrypoint_id),
    -- The next customer id, and the first one beyond the block.
    next_customer_id BIGINT NOT NULL,
    block_end BIGINT NOT NULL,
    -- The data key of new writes.
    key_id BIGINT NOT NULL,
    -- JSON list of the identifiers for which every live customer has a digest.
    digest_identifiers TEXT NOT NULL,
    live_customers BIGINT NOT NULL,
    -- JSON object: "status/lifecycle" to number of customers.
    counts TEXT NOT NULL
);

-- Which entrypoint a customer id belongs to: ids are handed out in blocks of 1,024.
CREATE TABLE id_block (
    block_no INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id)
);

-- Keys wrapped by the master key; entrypoint 0 is the service itself.
CREATE TABLE data_key (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    master_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at_us BIGINT NOT NULL,
    UNIQUE (entrypoint_id, epoch)
);

CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    key_id BIGINT NOT NULL,
    secret BLOB NOT NULL,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE token (
    jti TEXT NOT NULL PRIMARY KEY,
    org_id BIGINT NOT NULL REFERENCES organisation (org_id),
    name TEXT NOT NULL,
    entries TEXT NOT NULL,
    scopes TEXT NOT NULL,
    requests_per_minute BIGINT,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    revoked_at_us BIGINT
);
CREATE INDEX token_revoked ON token (expires_at_us) WHERE revoked_at_us IS NOT NULL;

CREATE TABLE customer (
    customer_id INTEGER PRIMARY KEY NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    version BIGINT NOT NULL,
    status INTEGER NOT NULL,
    lifecycle TEXT NOT NULL,
    -- Ten-thousandths.
    balance_units BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    updated_at_us BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    -- Both NULL once the person is erased.
    salt BLOB,
    document BLOB
);
CREATE INDEX customer_entrypoint ON customer (entrypoint_id, customer_id);

-- Append-only; the newest version here is the one that is believed.
CREATE TABLE history (
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    operation TEXT NOT NULL,
    token_name TEXT NOT NULL,
    token_jti TEXT NOT NULL,
    key_id BIGINT NOT NULL,
    -- The sealed document of the version before, as it stood in the row; NULL once erased.
    document_before BLOB,
    key_id_before BIGINT,
    PRIMARY KEY (entrypoint_id, customer_id, version)
) WITHOUT ROWID;

CREATE TABLE identity_digest (
    entrypoint_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, digest, customer_id)
) WITHOUT ROWID;

CREATE TABLE idempotency (
    entrypoint_id BIGINT NOT NULL,
    key_hash BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    kind TEXT NOT NULL,
    customer_id BIGINT,
    version BIGINT,
    key_id BIGINT NOT NULL,
    detail BLOB NOT NULL,
    expires_at_us BIGINT NOT NULL,
    PRIMARY KEY (entrypoint_id, key_hash)
) WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at_us);

-- Blind terms of the live customers; the row id is the customer id.
CREATE VIRTUAL TABLE term_index USING fts5 (
    terms, content='', contentless_delete=1, detail=none, tokenize='ascii'
);
