-- The release before hashes them by BLAKE3, and indexes every customer anew.
DELETE FROM term_pending;
DELETE FROM term_block;
DELETE FROM term_segment;
DELETE FROM term_dead;
UPDATE term_work SET is_built = FALSE;
