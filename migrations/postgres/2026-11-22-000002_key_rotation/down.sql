DROP TABLE key_rotation;
ALTER TABLE entrypoint_head DROP COLUMN old_digest_identifiers;
ALTER TABLE entrypoint_head DROP COLUMN old_key_id;
