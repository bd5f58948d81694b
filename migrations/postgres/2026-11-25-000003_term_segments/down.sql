-- The earlier index cannot be made without keys: restore a backup to go back.
DROP TABLE term_work;
DROP TABLE term_dead;
DROP TABLE term_block;
DROP TABLE term_segment;
DROP TABLE term_pending;
