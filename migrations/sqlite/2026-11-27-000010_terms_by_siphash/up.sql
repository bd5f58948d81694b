-- Search terms are hashed by SipHash: what BLAKE3 made goes, and every customer is indexed anew at the next start.
DELETE FROM term_pending;
DELETE FROM term_block;
DELETE FROM term_segment;
DELETE FROM term_dead;
UPDATE term_work SET is_built = FALSE;
