-- The release before has a row for each customer, and indexes every customer anew.
TRUNCATE term_pending, term_block, term_segment, term_dead;
ALTER TABLE term_pending RESET (toast_tuple_target);
ALTER TABLE term_pending ADD COLUMN customer_id BIGINT NOT NULL;
UPDATE term_work SET is_built = FALSE;
