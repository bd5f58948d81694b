-- Every customer is written under the lock of its entrypoint's head, which refers to the entrypoint: to look the
-- entrypoint up and lock it again for each row only costs.
ALTER TABLE customer DROP CONSTRAINT customer_entrypoint_id_fkey;
