DROP TABLE import_ghost_key;
DROP TABLE import_ghost;
DROP TABLE import_report;
DROP TABLE import_chunk;
DROP TABLE import_job;
