-- The data key that a rotation is replacing, with what it has digests for; NULL while none runs.
ALTER TABLE entrypoint_head ADD COLUMN old_key_id BIGINT;
ALTER TABLE entrypoint_head ADD COLUMN old_digest_identifiers TEXT NOT NULL DEFAULT '[]';

-- The newest rotation of each entrypoint: what a worker has done, and where it goes on.
CREATE TABLE key_rotation (
    entrypoint_id BIGINT NOT NULL PRIMARY KEY REFERENCES entrypoint (entrypoint_id),
    old_key_id BIGINT NOT NULL,
    new_key_id BIGINT NOT NULL,
    -- customers, outcomes, check, finished.
    phase TEXT NOT NULL,
    -- Everything up to here is under the new key.
    customer_cursor BIGINT NOT NULL,
    outcome_cursor BLOB NOT NULL,
    customers_done BIGINT NOT NULL,
    customers_total BIGINT NOT NULL,
    started_at_us BIGINT NOT NULL,
    ended_at_us BIGINT
);
