-- What is pending of several customers stands in one row: for each its id, how many terms it has, and these, each of
-- eight bytes. `terms` of a row that was pending becomes that of one.
UPDATE term_pending SET terms = int8send(customer_id) || int8send(length(terms) / 8) || terms;
ALTER TABLE term_pending DROP COLUMN customer_id;
-- A row fills a page, rather than being laid beside the table.
ALTER TABLE term_pending SET (toast_tuple_target = 8160);
