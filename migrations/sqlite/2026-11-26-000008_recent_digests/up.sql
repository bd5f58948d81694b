-- Digests that are on their way to identity_digest, where each would cost a commit a page of its own.
CREATE TABLE recent_digest (
    recent_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    entrypoint_id BIGINT NOT NULL,
    -- One after another: 16 bytes of digest, 8 of the customer's id, highest first.
    packed BLOB NOT NULL
);
