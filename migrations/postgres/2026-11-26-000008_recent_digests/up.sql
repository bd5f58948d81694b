-- PostgreSQL keeps all digests in identity_digest.
SELECT 1;
