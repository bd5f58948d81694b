-- The release before has a row for each customer, and indexes every customer anew.
DELETE FROM term_pending;
DELETE FROM term_block;
DELETE FROM term_segment;
DELETE FROM term_dead;
ALTER TABLE term_pending ADD COLUMN customer_id BIGINT NOT NULL DEFAULT 0;
UPDATE term_work SET is_built = FALSE;
