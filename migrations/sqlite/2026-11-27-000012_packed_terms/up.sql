-- What is pending of several customers stands in one row: for each its id, how many terms it has, and these, each of
-- eight bytes. `terms` of a row that was pending becomes that of one.
UPDATE term_pending SET terms = unhex(printf('%016x%016x', customer_id, length(terms) / 8) || hex(terms));
ALTER TABLE term_pending DROP COLUMN customer_id;
