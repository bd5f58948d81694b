-- Digests in it are nowhere else: without them people would be doubled.
WITH RECURSIVE places (recent_id, place) AS (
    SELECT recent_id, 0 FROM recent_digest WHERE length(packed) > 0
    UNION ALL
    SELECT r.recent_id, p.place + 24 FROM places p JOIN recent_digest r ON r.recent_id = p.recent_id
    WHERE p.place + 24 < length(r.packed)
),
pieces (entrypoint_id, digest, id, customer_id, place) AS (
    SELECT r.entrypoint_id, substr(r.packed, p.place + 1, 16), hex(substr(r.packed, p.place + 17, 8)), 0, 1
    FROM places p JOIN recent_digest r ON r.recent_id = p.recent_id
    UNION ALL
    -- SQLite reads no number from bytes: digit after digit of their hexadecimal form.
    SELECT entrypoint_id, digest, id, customer_id * 16 + instr('0123456789ABCDEF', substr(id, place, 1)) - 1, place + 1
    FROM pieces WHERE place <= 16
)
INSERT OR IGNORE INTO identity_digest (entrypoint_id, digest, customer_id)
SELECT entrypoint_id, digest, customer_id FROM pieces WHERE place = 17;
DROP TABLE recent_digest;
