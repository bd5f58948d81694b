ALTER TABLE customer ADD FOREIGN KEY (entrypoint_id) REFERENCES entrypoint (entrypoint_id);
