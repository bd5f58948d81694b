-- Search terms are hashed by SipHash: what BLAKE3 made goes, and every customer is indexed anew at the next start.
TRUNCATE term_pending, term_block, term_segment, term_dead;
UPDATE term_work SET is_built = FALSE;
