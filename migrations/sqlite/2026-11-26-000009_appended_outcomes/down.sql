CREATE TABLE by_key (
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
-- Of one key the newest: the others have expired.
INSERT OR REPLACE INTO by_key (
    entrypoint_id, key_hash, fingerprint, kind, customer_id, version, key_id, detail, expires_at_us
)
SELECT entrypoint_id, key_hash, fingerprint, kind, customer_id, version, key_id, detail, expires_at_us
FROM idempotency ORDER BY outcome_id;
DROP TABLE idempotency;
ALTER TABLE by_key RENAME TO idempotency;
CREATE INDEX idempotency_expiry ON idempotency (expires_at_us);
DELETE FROM identity_digest WHERE entrypoint_id < 0;
DELETE FROM recent_digest WHERE entrypoint_id < 0;
UPDATE key_rotation SET outcome_cursor = x'';
