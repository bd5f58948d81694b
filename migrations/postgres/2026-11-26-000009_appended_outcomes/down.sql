-- PostgreSQL keeps outcomes by the hashes of their idempotency keys.
SELECT 1;
