DROP TABLE invite_report;
DROP TABLE invite_job;
DROP TABLE mail_outbox;
ALTER TABLE entrypoint DROP COLUMN editable_fields;
ALTER TABLE entrypoint DROP COLUMN color;
ALTER TABLE entrypoint DROP COLUMN language;
ALTER TABLE entrypoint DROP COLUMN sender_name;
ALTER TABLE entrypoint DROP COLUMN store_name;
