-- Outcomes in the order in which they come: by the hashes of their keys each would cost a commit a page of its own.
CREATE TABLE appended (
    outcome_id INTEGER NOT NULL PRIMARY KEY,
    entrypoint_id BIGINT NOT NULL,
    key_hash BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    kind TEXT NOT NULL,
    customer_id BIGINT,
    version BIGINT,
    key_id BIGINT NOT NULL,
    detail BLOB NOT NULL,
    expires_at_us BIGINT NOT NULL
);
INSERT INTO appended (
    entrypoint_id, key_hash, fingerprint, kind, customer_id, version, key_id, detail, expires_at_us
)
SELECT entrypoint_id, key_hash, fingerprint, kind, customer_id, version, key_id, detail, expires_at_us
FROM idempotency ORDER BY expires_at_us;
DROP TABLE idempotency;
ALTER TABLE appended RENAME TO idempotency;
CREATE INDEX idempotency_expiry ON idempotency (expires_at_us);
-- For the rotation of an entrypoint's data key.
CREATE INDEX idempotency_entrypoint ON idempotency (entrypoint_id);

-- What leads to an outcome: the first half of its key's hash, as a digest whose entrypoint is -1 less the number of
-- the key's, and whose customer is the outcome.
INSERT INTO identity_digest (entrypoint_id, digest, customer_id)
SELECT -1 - entrypoint_id, substr(key_hash, 1, 16), outcome_id FROM idempotency ORDER BY 1, 2;
