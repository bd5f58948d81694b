-- Digests in it are nowhere else: without them people would be doubled.
CREATE TEMP TABLE must_be_empty (packed INTEGER NOT NULL CHECK (packed = 0));
INSERT INTO must_be_empty SELECT count(*) FROM recent_digest;
DROP TABLE must_be_empty;
DROP TABLE recent_digest;
