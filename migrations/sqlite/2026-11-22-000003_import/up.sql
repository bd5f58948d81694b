-- Imports of files. What a file says is sealed under the service's key and the upload's salt.
CREATE TABLE import_job (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    entrypoint_id BIGINT NOT NULL REFERENCES entrypoint (entrypoint_id),
    -- uploading, queued, running, finished, cancelled, failed.
    state TEXT NOT NULL,
    is_dry_run BOOLEAN NOT NULL,
    -- Keyed hash of the file's bytes and the options; NULL while it is uploaded.
    fingerprint BLOB,
    -- The job whose file it is: its own, or the dry run that it commits.
    upload_id BIGINT NOT NULL,
    rehearsal_id BIGINT,
    key_id BIGINT NOT NULL,
    salt BLOB NOT NULL,
    -- Sealed: options, header, hash of the file.
    plan BLOB,
    preset TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    actor_jti TEXT NOT NULL,
    bytes_total BIGINT NOT NULL,
    -- The checkpoint: everything before is done, its results are committed with it.
    byte_offset BIGINT NOT NULL,
    line BIGINT NOT NULL,
    rows_read BIGINT NOT NULL,
    -- JSON object: outcome to number of rows.
    counts TEXT NOT NULL,
    -- Sealed: the first errors as texts.
    errors BLOB,
    failure TEXT,
    cancel_asked BOOLEAN NOT NULL,
    -- The next id of a dry run's would-be customers.
    ghost_next BIGINT NOT NULL,
    -- Only the holder of the newest lease may move the checkpoint.
    lease_no BIGINT NOT NULL,
    lease_until_us BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    queued_at_us BIGINT NOT NULL,
    touched_at_us BIGINT NOT NULL,
    started_at_us BIGINT,
    ended_at_us BIGINT
);
CREATE INDEX import_job_entrypoint ON import_job (entrypoint_id, job_id);
CREATE INDEX import_job_waiting ON import_job (job_id) WHERE state IN ('uploading', 'queued', 'running');

-- The file as UTF-8 in sealed pieces.
CREATE TABLE import_chunk (
    upload_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    byte_offset BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (upload_id, seq)
);

-- What became of each row, many rows a piece.
CREATE TABLE import_report (
    job_id BIGINT NOT NULL,
    first_row BIGINT NOT NULL,
    -- JSON object: outcome to number of rows.
    counts TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (job_id, first_row)
);

-- What a dry run would have written so far; dropped at its end.
CREATE TABLE import_ghost (
    job_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document BLOB NOT NULL,
    PRIMARY KEY (job_id, customer_id)
) WITHOUT ROWID;

CREATE TABLE import_ghost_key (
    job_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (job_id, digest, customer_id)
) WITHOUT ROWID;
