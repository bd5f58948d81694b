-- Digests and hashes of keys fall anywhere. The way down a tree is a comparison by a function call at each step; here
-- it is one page and the comparison of some numbers.
ALTER TABLE identity_digest DROP CONSTRAINT identity_digest_pkey;
CREATE INDEX identity_digest_digest ON identity_digest USING hash (digest);
ALTER TABLE idempotency DROP CONSTRAINT idempotency_pkey;
CREATE INDEX idempotency_key ON idempotency USING hash (key_hash);
-- Outcomes that stand for no customer are kept without an entrypoint's lock: of two at once one must fail.
CREATE UNIQUE INDEX idempotency_text ON idempotency (entrypoint_id, key_hash) WHERE customer_id IS NULL;
-- Also the order in which a rotation and doctor walk the outcomes of an entrypoint.
DROP INDEX idempotency_expiry;
CREATE INDEX idempotency_expiry ON idempotency (entrypoint_id, expires_at_us);
UPDATE key_rotation SET outcome_cursor = '';
-- Where somebody replicates by logical decoding, rows are told by their values now.
ALTER TABLE identity_digest REPLICA IDENTITY FULL;
ALTER TABLE idempotency REPLICA IDENTITY FULL;
