-- The search index, the same on both databases: terms of new and changed customers as they come, soon packed into
-- segments. What an earlier release had indexed is indexed anew at the next start.
DROP TABLE term_index;

-- What is not yet in a segment; the newest row of a customer is the one that counts.
CREATE TABLE term_pending (
    pending_id BIGSERIAL PRIMARY KEY,
    entrypoint_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    -- Whether the customer may have had other terms before.
    replaces BOOLEAN NOT NULL,
    -- Hashes of eight bytes each, sorted.
    terms BYTEA NOT NULL
);

CREATE TABLE term_segment (
    segment_id BIGSERIAL PRIMARY KEY,
    -- building, live, retired.
    state TEXT NOT NULL,
    -- The highest pending_id of its rows.
    age BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    retired_at_us BIGINT
);

-- Packed lists of the customers of each term.
CREATE TABLE term_block (
    segment_id BIGINT NOT NULL,
    first_term BIGINT NOT NULL,
    first_customer BIGINT NOT NULL,
    data BYTEA NOT NULL,
    PRIMARY KEY (segment_id, first_term, first_customer)
);

-- Whose terms in segments of a lower age are no longer theirs.
CREATE TABLE term_dead (
    customer_id BIGINT NOT NULL PRIMARY KEY,
    age BIGINT NOT NULL
);

-- One row: who merges segments, and whether the index is that of this release.
CREATE TABLE term_work (
    lease_no BIGINT NOT NULL PRIMARY KEY,
    lease_until_us BIGINT NOT NULL,
    is_built BOOLEAN NOT NULL
);
INSERT INTO term_work (lease_no, lease_until_us, is_built) VALUES (0, 0, FALSE);
ALTER TABLE term_pending ALTER COLUMN terms SET STORAGE EXTERNAL;
ALTER TABLE term_block ALTER COLUMN data SET STORAGE EXTERNAL;
