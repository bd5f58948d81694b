//! SQL on the database itself. This module alone names tables and columns, so a change of the schema touches no other
//! test. Queries name their result `value`.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::harness::*;

/// A direct connection to the database, behind the program's back.
pub enum Sql {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Text)]
    value: String,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Sql {
    pub fn open(site: &Site) -> Self {
        match site.db {
            Db::Sqlite => {
                let file = site.database_file();
                let mut connection =
                    SqliteConnection::establish(file.to_str().expect("a path of text")).expect("it opens");
                connection.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
                Sql::Sqlite(connection)
            }
            Db::Postgres => {
                let url = site.database_url().expect("PostgreSQL has an address");
                Sql::Postgres(PgConnection::establish(url).expect("it connects"))
            }
        }
    }

    pub fn db(&self) -> Db {
        match self {
            Sql::Sqlite(_) => Db::Sqlite,
            Sql::Postgres(_) => Db::Postgres,
        }
    }

    /// Runs statements that both databases understand.
    pub fn run(&mut self, statements: &str) {
        let done = match self {
            Sql::Sqlite(connection) => connection.batch_execute(statements),
            Sql::Postgres(connection) => connection.batch_execute(statements),
        };
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Makes every write of other connections fail, until [`Sql::allow_writes`].
    pub fn refuse_writes(&mut self) {
        match self {
            // Others wait for the lock, then give up.
            Sql::Sqlite(_) => self.run("BEGIN IMMEDIATE"),
            Sql::Postgres(_) => self.run(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            ),
        }
    }

    /// Ends [`Sql::refuse_writes`].
    pub fn allow_writes(&mut self) {
        match self {
            Sql::Sqlite(_) => self.run("ROLLBACK"),
            Sql::Postgres(_) => self.run(
                "SET default_transaction_read_only = off; \
                 DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            ),
        }
    }

    /// The number in the column `value` of a query.
    pub fn number(&mut self, query: &str) -> i64 {
        let row: QueryResult<Number> = match self {
            Sql::Sqlite(connection) => diesel::sql_query(query).get_result(connection),
            Sql::Postgres(connection) => diesel::sql_query(query).get_result(connection),
        };
        row.unwrap_or_else(|error| panic!("{query}: {error}")).value
    }

    /// All identity digests as text, each with its customer; on SQLite the recent ones too.
    pub fn digests(&mut self) -> BTreeSet<(u64, String)> {
        let digest = hex(self.db(), "digest");
        let settled =
            self.texts(&format!("SELECT customer_id || ' ' || {digest} AS value FROM identity_digest"));
        let mut digests: BTreeSet<(u64, String)> = settled
            .iter()
            .map(|row| row.split_once(' ').expect("two words"))
            .map(|(id, digest)| (id.parse().expect("an id"), digest.to_owned()))
            .collect();
        if let Sql::Sqlite(_) = self {
            for row in self.texts("SELECT lower(hex(packed)) AS value FROM recent_identity_digest") {
                assert_eq!(row.len() % 48, 0, "{row}");
                for at in (0..row.len()).step_by(48) {
                    let (digest, id) = row[at..at + 48].split_at(32);
                    digests.insert((u64::from_str_radix(id, 16).expect("an id"), digest.to_owned()));
                }
            }
        }
        digests
    }

    /// How SQLite would run a query.
    pub fn plan(&mut self, query: &str) -> String {
        let Sql::Sqlite(connection) = self else { panic!("SQLite only") };
        let query = format!("EXPLAIN QUERY PLAN {query}");
        let steps: Vec<Step> = diesel::sql_query(&query).get_results(connection).expect("a plan");
        steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("; ")
    }

    /// The texts in the column `value` of a query.
    pub fn texts(&mut self, query: &str) -> Vec<String> {
        let rows: QueryResult<Vec<Words>> = match self {
            Sql::Sqlite(connection) => diesel::sql_query(query).get_results(connection),
            Sql::Postgres(connection) => diesel::sql_query(query).get_results(connection),
        };
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).into_iter().map(|row| row.value).collect()
    }
}

/// A column of bytes as lower-case hexadecimal text.
pub fn hex(db: Db, column: &str) -> String {
    match db {
        Db::Sqlite => format!("lower(hex({column}))"),
        Db::Postgres => format!("encode({column}, 'hex')"),
    }
}

/// A literal of bytes given in hexadecimal.
fn bytes(db: Db, hexadecimal: &str) -> String {
    match db {
        Db::Sqlite => format!("x'{hexadecimal}'"),
        Db::Postgres => format!("'\\x{hexadecimal}'"),
    }
}

// The directory

pub const ORGANISATIONS: &str = "SELECT count(*) AS value FROM organisation";
pub const HIGHEST_ORGANISATION: &str = "SELECT max(org_id) AS value FROM organisation";
pub const HIGHEST_ENTRYPOINT: &str = "SELECT max(entrypoint_id) AS value FROM entrypoint";
/// Leaves the tables of a first start empty, with sequence numbers taken. PostgreSQL only.
pub const EMPTY_DIRECTORY: &str =
    "TRUNCATE organisation, entrypoint, entrypoint_lock, data_key, signing_key, token CASCADE";
pub const WRONG_LIVE_COUNT: &str = "UPDATE entrypoint_lock SET live_customers = live_customers + 1";
/// The identifiers of the digests of entrypoint 1, as text.
pub const DIGEST_IDENTIFIERS: &str =
    "SELECT digest_identifiers AS value FROM entrypoint_lock WHERE entrypoint_id = 1";

pub fn organisations_named(name: &str) -> String {
    format!("SELECT count(*) AS value FROM organisation WHERE name = '{name}'")
}

// Customers and their history

/// The columns of a customer's row that an attacker could change.
pub const CUSTOMER_COLUMNS: [&str; 9] = [
    "version",
    "status",
    "lifecycle",
    "balance_units",
    "created_at_us",
    "updated_at_us",
    "key_id",
    "salt",
    "document",
];
/// `id version` of every customer, as text.
pub const VERSIONS: &str = "SELECT customer_id || ' ' || version AS value FROM customer";
pub const OTHER_ENTRYPOINTS_CUSTOMERS: &str =
    "SELECT count(*) AS value FROM customer WHERE entrypoint_id <> 1";
/// Makes every customer's record unreadable.
pub const SPOIL_ALL_CUSTOMERS: &str = "UPDATE customer SET balance_units = balance_units + 1";

/// Makes one customer's record unreadable.
pub fn spoil_customer(id: u64) -> String {
    format!("{SPOIL_ALL_CUSTOMERS} WHERE customer_id = {id}")
}

pub fn set_customer(id: u64, assignments: &str) -> String {
    format!("UPDATE customer SET {assignments} WHERE customer_id = {id}")
}

/// Gives a customer's row the values of another row, from a copy of the table.
pub fn copy_customer(id: u64, from: &str, other: u64, columns: &[&str]) -> String {
    let value =
        |column: &&str| format!("{column} = (SELECT {column} FROM {from} WHERE customer_id = {other})");
    let values: Vec<_> = columns.iter().map(value).collect();
    set_customer(id, &values.join(", "))
}

pub fn set_document(db: Db, id: u64, hexadecimal: &str) -> String {
    set_customer(id, &format!("document = {}", bytes(db, hexadecimal)))
}

/// The bytes of a customer's column in hexadecimal.
pub fn customer_bytes(db: Db, column: &str, id: u64) -> String {
    format!("SELECT {} AS value FROM customer WHERE customer_id = {id}", hex(db, column))
}

/// Copies a table, so that a test can restore its rows.
pub fn keep(copy: &str, table: &str) -> String {
    format!("CREATE TABLE {copy} AS SELECT * FROM {table}")
}

pub const CUSTOMER: &str = "customer";
pub const HISTORY: &str = "history";
pub const INDEX_BLOCK: &str = "index_block";
pub const RECENT_IDEMPOTENCY_DIGEST: &str = "recent_idempotency_digest";

/// `number customer cause` of every change of entrypoint 1, as text, oldest first.
pub const NUMBERED_CHANGES: &str = "SELECT seq || ' ' || customer_id || ' ' || coalesce(cause, '-') AS value FROM history \
     WHERE entrypoint_id = 1 ORDER BY seq";
/// The number of the next change of entrypoint 1.
pub const NEXT_CHANGE: &str = "SELECT next_seq AS value FROM entrypoint_lock WHERE entrypoint_id = 1";

/// The events of the first entrypoint, in order: kind, customer, what changed, its fields, and the author.
pub const EVENTS: &str = "SELECT kind || ' ' || coalesce(CAST(customer_id AS TEXT), '-') || ' ' || coalesce(subject_id, '-') || ' ' || \
     coalesce(changed, '-') || ' ' || actor_name AS value FROM event WHERE entrypoint_id = 1 ORDER BY seq";

/// How many numbers of changes of the first entrypoint are missing or given twice, among the history and the events.
pub const SEQ_GAPS: &str = "SELECT abs(max(seq) - count(*)) + count(*) - count(DISTINCT seq) AS value FROM \
     (SELECT seq FROM history WHERE entrypoint_id = 1 UNION ALL SELECT seq FROM event WHERE entrypoint_id = 1) AS s";

/// What is left of the comments of a customer.
pub fn comment_rows(id: u64) -> String {
    format!(
        "SELECT (SELECT count(*) FROM comment WHERE customer_id = {id}) + \
         (SELECT count(*) FROM comment_book WHERE customer_id = {id}) AS value"
    )
}

/// Counts a customer too many for each label.
pub const MISCOUNT_LABELS: &str = "UPDATE label SET customers = customers + 1";

/// Makes a customer's comments as many as there may be, or one fewer than there are.
pub fn count_comments(id: u64, number: i64) -> String {
    format!("UPDATE comment_book SET comments = {number} WHERE customer_id = {id}")
}

/// Gives a comment the sealed text of another one.
pub fn swap_comment(id: u64, comment: u64, other: u64) -> String {
    format!(
        "UPDATE comment SET document = (SELECT o.document FROM comment o WHERE o.customer_id = {id} AND \
         o.comment_id = {other}) WHERE customer_id = {id} AND comment_id = {comment}"
    )
}

/// The redemptions of coupons that have a sealed text or a hash of one.
pub fn redemption_texts(id: u64) -> String {
    format!(
        "SELECT count(*) AS value FROM coupon_redemption WHERE customer_id = {id} AND \
         (document IS NOT NULL OR digest IS NOT NULL)"
    )
}

/// Counts a redemption too many for each coupon and for each customer of one.
pub const MISCOUNT_COUPON_CUSTOMERS: &str = "UPDATE coupon_customer SET redeemed = redeemed + 1";

/// Takes that back.
pub const RECOUNT_COUPON_CUSTOMERS: &str = "UPDATE coupon_customer SET redeemed = redeemed - 1";

/// Takes the limit of every coupon away, without the key.
pub const UNLIMIT_COUPONS: &str = "UPDATE coupon SET max_redemptions = NULL";

pub fn history_entries(id: u64) -> String {
    format!("SELECT count(*) AS value FROM history WHERE customer_id = {id}")
}

pub fn history_documents(id: u64) -> String {
    format!("SELECT count(*) AS value FROM history WHERE customer_id = {id} AND document_before IS NOT NULL")
}

/// Counts what is sealed of a customer, by the column.
pub fn sealed_values(id: u64) -> [(String, &'static str); 3] {
    [("customer", "salt"), ("customer", "document"), ("history", "document_before")].map(|(table, column)| {
        let count = format!(
            "SELECT count(*) AS value FROM {table} WHERE customer_id = {id} AND {column} IS NOT NULL"
        );
        (count, column)
    })
}

/// Gives an entry of the history the document of another version, from the copy `kept`.
pub fn copy_history_document(id: u64, version: u64, from: u64) -> String {
    format!(
        "UPDATE history SET document_before = (SELECT document_before FROM kept WHERE customer_id = {id} \
         AND version = {from}) WHERE customer_id = {id} AND version = {version}"
    )
}

pub fn shorten_history_document(id: u64, version: u64) -> String {
    format!(
        "UPDATE history SET document_before = substr(document_before, 2) WHERE customer_id = {id} \
         AND version = {version}"
    )
}

pub fn set_history_document(db: Db, id: u64, version: u64, hexadecimal: &str) -> String {
    format!(
        "UPDATE history SET document_before = {} WHERE customer_id = {id} AND version = {version}",
        bytes(db, hexadecimal)
    )
}

pub fn delete_history(id: u64, version: u64) -> String {
    format!("DELETE FROM history WHERE customer_id = {id} AND version = {version}")
}

/// Adds triggers that make the database refuse a balance, given in ten-thousandths.
pub fn refuse_balance(db: Db, units: i64) -> String {
    match db {
        Db::Sqlite => ["INSERT", "UPDATE"]
            .map(|event| {
                format!(
                    "CREATE TRIGGER poison_{event} BEFORE {event} ON customer WHEN NEW.balance_units = {units} \
                     BEGIN SELECT RAISE(ABORT, 'poison: constraint failed'); END;"
                )
            })
            .concat(),
        Db::Postgres => format!(
            "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.balance_units = {units} THEN RAISE 'poison' USING ERRCODE = 'check_violation'; END IF; \
             RETURN NEW; END $$; \
             CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON customer FOR EACH ROW EXECUTE FUNCTION poison()"
        ),
    }
}

/// Makes PostgreSQL refuse every new customer with this error code and message.
pub fn refuse_customers(code: &str, message: &str) -> String {
    format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE '{message}' USING ERRCODE = '{code}'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
}

/// Makes the database refuse every new customer for a reason of its own, as a full disk or a cancelled statement does;
/// `number` chooses the reason.
pub fn refuse_for_environment(db: Db, number: usize) -> String {
    let refuse_no_more = refuse_no_more(db);
    match db {
        Db::Sqlite => {
            let reasons =
                ["database or disk is full", "disk I/O error", "database is locked", "out of memory"];
            let reason = reasons[number % reasons.len()];
            format!(
                // In one transaction, or a job that tries again now and then finds the gap between the two.
                "BEGIN IMMEDIATE; {refuse_no_more}; CREATE TRIGGER refuse BEFORE INSERT ON customer BEGIN SELECT RAISE(ABORT, '{reason}'); END; COMMIT"
            )
        }
        Db::Postgres => {
            let codes = ["57014", "53100", "55P03", "40P01", "42P01", "53200", "25006", "XX000"];
            let refuse = refuse_customers(codes[number % codes.len()], "storniere Anfrage");
            format!("{refuse_no_more}; {refuse}")
        }
    }
}

/// Undoes [`refuse_for_environment`].
pub fn refuse_no_more(db: Db) -> String {
    match db {
        Db::Sqlite => "DROP TRIGGER IF EXISTS refuse".into(),
        Db::Postgres => "DROP TRIGGER IF EXISTS refuse ON customer; DROP FUNCTION IF EXISTS refuse".into(),
    }
}

/// Begins a transaction that holds the lock row of an entrypoint; on SQLite it holds the whole database.
pub fn lock_entrypoint(db: Db, id: u64) -> String {
    match db {
        Db::Sqlite => "BEGIN IMMEDIATE".into(),
        Db::Postgres => format!("BEGIN; SELECT 1 FROM entrypoint_lock WHERE entrypoint_id = {id} FOR UPDATE"),
    }
}

/// Cancels what the service's sessions do, and counts it. PostgreSQL only.
pub const CANCEL_STATEMENTS: &str = "SELECT count(*) AS value FROM (SELECT pg_cancel_backend(pid) AS is_done \
     FROM pg_stat_activity WHERE application_name = 'customary' AND datname = current_database() \
     AND state = 'active' AND pid <> pg_backend_pid()) AS done WHERE is_done";

// Digests of identities and of idempotency keys

pub const SETTLED_DIGESTS: &str = "SELECT count(*) AS value FROM identity_digest";
pub const IDEMPOTENCY_RECORDS: &str = "SELECT count(*) AS value FROM idempotency";
/// Makes the newest recent digest of a key lead to another record. SQLite only.
pub const MISLEAD_NEWEST_KEY: &str = "UPDATE recent_idempotency_digest SET packed = CAST(substr(packed, 1, 16) || x'0000000000000009' AS BLOB) \
     WHERE recent_id = (SELECT max(recent_id) FROM recent_idempotency_digest)";
/// Restores the recent digests of keys from the copy `kept`.
pub const RESTORE_RECENT_KEYS: &str = "DELETE FROM recent_idempotency_digest; \
     INSERT INTO recent_idempotency_digest SELECT * FROM kept";
/// Adds a digest of a key that leads to no record, where the service moves digests. SQLite only.
pub const ADD_STRAY_KEY: &str = "INSERT INTO idempotency_digest VALUES (1, zeroblob(16), 9)";

/// Removes an identity digest, or makes it another one.
pub fn remove_digest(db: Db, digest: &str) -> String {
    match db {
        Db::Sqlite => format!(
            "UPDATE recent_identity_digest SET packed = CAST(zeroblob(16) || substr(packed, 17) AS BLOB) \
             WHERE hex(substr(packed, 1, 16)) = '{}'",
            digest.to_uppercase()
        ),
        Db::Postgres => format!("DELETE FROM identity_digest WHERE digest = '\\x{digest}'"),
    }
}

// The search index

pub const MEMTABLE_ROWS: &str = "SELECT count(*) AS value FROM index_memtable";
pub const SEGMENTS: &str = "SELECT count(*) AS value FROM index_segment";
pub const SEGMENT_TABLE: &str = "index_segment";
pub const NEWEST_SEGMENT: &str = "SELECT coalesce(max(segment_id), 0) AS value FROM index_segment";
pub const BLOCKS: &str = "SELECT count(*) AS value FROM index_block";
pub const LISTS_OF_SEVERAL_BLOCKS: &str = "SELECT count(*) AS value FROM (SELECT 1 FROM index_block JOIN index_segment \
     ON index_segment.segment_id = index_block.segment_id WHERE state = 'live' \
     GROUP BY index_block.segment_id, first_term HAVING count(*) > 1) AS long";
/// Empties the index and marks it as one to be rebuilt.
pub const UNBUILD_INDEX: &str = "DELETE FROM index_memtable; DELETE FROM index_block; DELETE FROM index_segment; \
     UPDATE index_lease SET is_built = false";
pub const SHORTEN_BLOCKS: &str = "UPDATE index_block SET data = substr(data, 1, length(data) - 1)";
pub const DELETE_BLOCKS: &str = "DELETE FROM index_block";
/// Restores the blocks from the copy `kept`, and empties the memtable.
pub const RESTORE_BLOCKS: &str = "DELETE FROM index_memtable; DELETE FROM index_block; \
     INSERT INTO index_block SELECT * FROM kept";
/// PostgreSQL only.
pub const DISABLE_MEMTABLE_VACUUM: &str = "ALTER TABLE index_memtable SET (autovacuum_enabled = off)";
/// PostgreSQL only.
pub const MEMTABLE_SIZE: &str = "SELECT pg_relation_size('index_memtable') AS value";
/// The words by which `doctor` names a broken row of the memtable.
pub const OF_MEMTABLE: &str = "of index_memtable";

pub fn empty_blocks(db: Db) -> String {
    format!("UPDATE index_block SET data = {}", if db == Db::Sqlite { "x''" } else { "''" })
}

pub fn add_broken_memtable_row(db: Db) -> String {
    let terms = bytes(db, "00ff");
    format!(
        "INSERT INTO index_memtable (entrypoint_id, replaces, terms) SELECT min(entrypoint_id), false, {terms} FROM entrypoint"
    )
}

/// The data of every block of a live segment, in hexadecimal.
pub fn live_blocks(db: Db) -> String {
    format!(
        "SELECT {} AS value FROM index_block b JOIN index_segment s ON s.segment_id = b.segment_id WHERE s.state = 'live'",
        hex(db, "b.data")
    )
}

/// The data of every block of any segment, in hexadecimal.
pub fn blocks(db: Db) -> String {
    format!("SELECT {} AS value FROM index_block", hex(db, "data"))
}

pub const LIVE_SEGMENTS: &str = "SELECT count(*) AS value FROM index_segment WHERE state = 'live'";
/// How many segments there ever were, as far as the newest tells.
pub const SEGMENTS_MADE: &str = "SELECT coalesce(max(segment_id), 0) AS value FROM index_segment";
pub const INDEX_BYTES: &str = "SELECT coalesce(sum(length(data)), 0) AS value FROM index_block";
pub const LIVE_INDEX_BYTES: &str = "SELECT coalesce(sum(length(data)), 0) AS value FROM index_block b \
     JOIN index_segment s ON s.segment_id = b.segment_id WHERE s.state = 'live'";
/// Until when a process holds the search index; 0 if none does.
pub const INDEX_LEASE: &str = "SELECT lease_until_us AS value FROM index_lease";
/// Erased people whose terms may still be in segments.
pub const ERASED_TOMBSTONES: &str =
    "SELECT count(*) AS value FROM index_tombstone WHERE sequence = 9223372036854775807";

/// The terms of every row of the memtable, in hexadecimal, oldest first.
pub fn memtable(db: Db) -> String {
    format!("SELECT {} AS value FROM index_memtable ORDER BY sequence", hex(db, "terms"))
}

// Jobs: imports, invitations, rotations

pub const JOBS: &str = "SELECT count(*) AS value FROM job";
pub const JOBS_ROWS_DONE: &str = "SELECT coalesce(max(done), 0) AS value FROM job";
pub const NEWEST_JOB: &str = "SELECT max(job_id) AS value FROM job";
pub const UPLOADS: &str = "SELECT count(*) AS value FROM job WHERE state = 'uploading'";
pub const RUNNING_JOB: &str = "SELECT coalesce(max(job_id), 0) AS value FROM job WHERE state = 'running'";
pub const EXPIRE_LEASES: &str = "UPDATE job SET lease_until_us = 0 WHERE state = 'running'";
pub const RUNNING_JOBS: &str = "SELECT count(*) AS value FROM job WHERE state = 'running'";
/// How many workers took the newest job since its last finished step, and in all.
pub const ATTEMPTS: &str = "SELECT attempts AS value FROM job ORDER BY job_id DESC LIMIT 1";
pub const LEASES_TAKEN: &str = "SELECT lease_no AS value FROM job ORDER BY job_id DESC LIMIT 1";
/// Leases as an instance leaves them whose clock is an hour ahead.
pub const LEASES_AN_HOUR_AHEAD: &str =
    "UPDATE job SET lease_until_us = lease_until_us + 3600000000 WHERE state = 'running'";
/// Jobs that an instance queued whose clock is an hour ahead.
pub const QUEUED_AN_HOUR_AHEAD: &str = "UPDATE job SET queued_at_us = queued_at_us + 3600000000";
pub const INDEX_LEASE_AN_HOUR_AHEAD: &str = "UPDATE index_lease SET lease_no = lease_no + 1, \
     lease_until_us = (SELECT max(updated_at_us) FROM customer) + 3600000000";

/// Runs a job again, as if an instance with a clock an hour ahead had died with it.
pub fn run_again_an_hour_ahead(id: u64) -> String {
    format!(
        "UPDATE job SET state = 'running', ended_at_us = NULL, lease_until_us = queued_at_us + 3600000000 WHERE job_id = {id}"
    )
}
pub const FILE_PARTS: &str = "SELECT count(*) AS value FROM import_chunk";
/// The tables of imports, which a refused file must leave empty.
pub const IMPORT_TABLES: [&str; 3] = ["job", "import_chunk", "import_report"];
pub const ROTATED_CUSTOMERS: &str = "SELECT done AS value FROM job WHERE kind = 'rotation'";
pub const RUNNING_ROTATIONS: &str =
    "SELECT count(*) AS value FROM job WHERE kind = 'rotation' AND ended_at_us IS NULL";

/// How many rows the tables have to which requests add; those of the index change with its compaction.
pub fn rows_of_tables(sql: &mut Sql) -> Vec<(String, i64)> {
    let tables = ["customer", "history", "mail_outbox", "token", "job", "import_report", "idempotency"];
    tables.into_iter().map(|table| (table.to_owned(), sql.number(&count(table)))).collect()
}

pub fn count(table: &str) -> String {
    format!("SELECT count(*) AS value FROM {table}")
}

pub fn jobs_after(job: i64) -> String {
    format!("SELECT count(*) AS value FROM job WHERE job_id > {job}")
}

pub fn rows_done(job: u64) -> String {
    format!("SELECT done AS value FROM job WHERE job_id = {job}")
}

pub fn lease_number(job: u64) -> String {
    format!("SELECT lease_no AS value FROM job WHERE job_id = {job}")
}

/// 1 if the job is running, else 0.
pub fn is_running(job: u64) -> String {
    format!("SELECT count(*) AS value FROM job WHERE job_id = {job} AND state = 'running'")
}

/// 1 if the job is running and its lease was made to expire, else 0.
pub fn is_abandoned(job: u64) -> String {
    format!(
        "SELECT count(*) AS value FROM job WHERE job_id = {job} AND state = 'running' AND lease_until_us = 0"
    )
}

/// A trigger that makes every queued import look as if a worker had taken it.
pub fn hold_queued_jobs(db: Db) -> String {
    // A lease that ended later than leases do would not count.
    let until = match db {
        Db::Sqlite => "CAST((julianday('now') - 2440587.5) * 86400e6 AS INTEGER) + 14000000",
        Db::Postgres => "(extract(epoch FROM clock_timestamp()) * 1e6)::bigint + 14000000",
    };
    match db {
        Db::Sqlite => format!(
            "CREATE TRIGGER hold AFTER UPDATE OF state ON job WHEN NEW.state = 'queued' BEGIN \
             UPDATE job SET state = 'running', lease_until_us = {until} WHERE job_id = NEW.job_id; END"
        ),
        Db::Postgres => format!(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             NEW.state := 'running'; NEW.lease_until_us := {until}; RETURN NEW; END $$; \
             CREATE TRIGGER hold BEFORE UPDATE ON job FOR EACH ROW \
             WHEN (NEW.state = 'queued') EXECUTE FUNCTION hold()"
        ),
    }
}

/// A trigger that counts 20 more for every job, as if others took them out of its way afterwards.
pub fn overcount_jobs(db: Db) -> &'static str {
    match db {
        Db::Sqlite => {
            "CREATE TRIGGER overcount AFTER UPDATE OF total ON job WHEN OLD.total IS NULL AND NEW.total IS NOT NULL BEGIN \
             UPDATE job SET total = NEW.total + 20 WHERE job_id = NEW.job_id; END"
        }
        Db::Postgres => {
            "CREATE FUNCTION overcount() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             NEW.total := NEW.total + 20; RETURN NEW; END $$; \
             CREATE TRIGGER overcount BEFORE UPDATE ON job FOR EACH ROW \
             WHEN (OLD.total IS NULL AND NEW.total IS NOT NULL) EXECUTE FUNCTION overcount()"
        }
    }
}

/// Removes the trigger of [`hold_queued_jobs`].
pub fn release_queued_jobs(db: Db) -> &'static str {
    match db {
        Db::Sqlite => "DROP TRIGGER hold",
        Db::Postgres => "DROP FUNCTION hold CASCADE",
    }
}

// Mails and the portal

pub const KEPT_MAILS: &str =
    "SELECT count(*) AS value FROM mail_outbox WHERE content IS NOT NULL OR salt IS NOT NULL";
pub const PORTAL_LINKS: &str = "SELECT count(*) AS value FROM portal_link";
pub const SESSIONS: &str = "SELECT count(*) AS value FROM portal_session";
pub const SESSION_TABLE: &str = "portal_session";
/// PostgreSQL only.
pub const ADD_EXPIRED_SESSION: &str = "INSERT INTO portal_session (token_hash, entrypoint_id, customer_id, created_at_us, seen_at_us) \
     SELECT '\\x00', entrypoint_id, 1, 1, 1 FROM entrypoint WHERE entry = 'demo'";

pub fn fail_mail(id: &str) -> String {
    format!("UPDATE mail_outbox SET state = 'failed' WHERE mail_id = {id}")
}

/// Ends the time of a request, whose id is given in hexadecimal, and takes away its words, which would not open any more.
pub fn expire_request(db: Db, id: &str) -> String {
    let id = bytes(db, id);
    format!("UPDATE payment_request SET expires_at_us = 1, document = NULL WHERE request_id = {id}")
}

// All tables

/// Counts rows that are under another key than this one.
pub fn under_another_key(key: i64) -> [String; 9] {
    [
        format!("SELECT count(*) AS value FROM data_key WHERE entrypoint_id = 1 AND key_id <> {key}"),
        format!("SELECT count(*) AS value FROM customer WHERE key_id <> {key}"),
        format!(
            "SELECT count(*) AS value FROM history WHERE key_id_before <> {key} AND document_before IS NOT NULL"
        ),
        format!("SELECT count(*) AS value FROM idempotency WHERE entrypoint_id = 1 AND key_id <> {key}"),
        format!("SELECT count(*) AS value FROM label WHERE entrypoint_id = 1 AND key_id <> {key}"),
        format!("SELECT count(*) AS value FROM comment WHERE entrypoint_id = 1 AND key_id <> {key}"),
        format!("SELECT count(*) AS value FROM coupon WHERE entrypoint_id = 1 AND key_id <> {key}"),
        format!(
            "SELECT count(*) AS value FROM coupon_redemption WHERE entrypoint_id = 1 AND key_id <> {key}"
        ),
        format!("SELECT count(*) AS value FROM product WHERE entrypoint_id = 1 AND key_id <> {key}"),
    ]
}

/// The rows that PostgreSQL has read from the tables that grow.
pub const ROWS_READ: &str = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS value FROM pg_stat_user_tables \
     WHERE relname IN ('customer', 'history', 'identity_digest', 'idempotency')";

/// The rows of customers and of their totals that PostgreSQL has read.
pub const TOTALS_READ: &str = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint AS value FROM pg_stat_user_tables \
     WHERE relname IN ('customer', 'customer_total')";

/// The same by table and index.
pub const TOTALS_READ_BY: &str = "SELECT relname || ' by scans ' || seq_tup_read AS value FROM pg_stat_user_tables \
     WHERE relname IN ('customer', 'customer_total') UNION ALL \
     SELECT indexrelname || ' ' || idx_tup_fetch FROM pg_stat_user_indexes WHERE relname IN ('customer', 'customer_total')";

/// How often PostgreSQL has used an index.
pub fn scans_of(index: &str) -> String {
    format!("SELECT idx_scan AS value FROM pg_stat_user_indexes WHERE indexrelname = '{index}'")
}

/// A page in the order of a column of totals, as the program asks for it.
pub fn page_of_totals(column: &str, direction: &str, sign: &str) -> String {
    format!(
        "SELECT customer_id, {column} FROM customer_total WHERE entrypoint_id = ?1 AND currency = '' AND {column} > ?2 \
         AND {column} {sign} ?3 ORDER BY entrypoint_id {direction}, {column} {direction}, customer_id {direction} LIMIT ?4"
    )
}

/// The entries that PostgreSQL has read from the indexes of idempotency records.
pub const KEYS_READ: &str =
    "SELECT sum(idx_tup_read)::bigint AS value FROM pg_stat_user_indexes WHERE relname = 'idempotency'";

/// Adds expired idempotency records of the first entrypoint, and never lets the server take statistics of them.
/// PostgreSQL only.
pub fn add_expired_keys(count: i64) -> String {
    format!(
        "ALTER TABLE idempotency SET (autovacuum_enabled = false);
         INSERT INTO idempotency (entrypoint_id, key_hash, fingerprint, kind, key_id, detail, expires_at_us)
         SELECT 1, sha256(n::text::bytea), '', 'answer', 1, '', 1 FROM generate_series(1, {count}) n"
    )
}

/// Lets all keys of customers expire.
pub const EXPIRE_KEYS: &str = "UPDATE idempotency SET expires_at_us = 1 WHERE customer_id IS NOT NULL";

/// Locks a table until the transaction ends. PostgreSQL only.
pub fn lock(table: &str) -> String {
    format!("BEGIN; LOCK TABLE {table} IN SHARE MODE")
}

/// Everything in the database except imports, as text, without the ids that imports use up. Without the search index too,
/// which packs itself in the background.
pub fn dump_without_imports(site: &Site) -> Vec<String> {
    let mut sql = Sql::open(site);
    let mut dumped = Vec::new();
    match site.db {
        Db::Sqlite => {
            let tables = sql.texts(
                "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'import\\_%' ESCAPE '\\' \
                 AND name NOT LIKE 'dry\\_run\\_%' ESCAPE '\\' AND name NOT LIKE 'index\\_%' ESCAPE '\\' \
                 AND name <> 'job' ORDER BY name",
            );
            assert!(tables.iter().any(|table| table == "customer") && tables.len() > 10, "{tables:?}");
            for table in tables {
                let columns = sql.texts(&format!("SELECT name AS value FROM pragma_table_info('{table}')"));
                let all: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
                let query =
                    format!("SELECT {} AS value FROM \"{table}\" ORDER BY 1", all.join(" || '|' || "));
                dumped.extend(sql.texts(&query).into_iter().map(|row| format!("{table}: {row}")));
            }
            // Imports use up ids of jobs.
            dumped.retain(|row| {
                !row.starts_with("sqlite_sequence: 'job'") && !row.starts_with("sqlite_sequence: 'index")
            });
        }
        Db::Postgres => {
            let tables = sql.texts(
                "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public' \
                 AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'import\\_%' \
                 AND table_name NOT LIKE 'dry\\_run\\_%' AND table_name NOT LIKE 'index\\_%' \
                 AND table_name <> 'job' ORDER BY 1",
            );
            assert!(tables.iter().any(|table| table == "customer") && tables.len() > 10, "{tables:?}");
            for table in tables {
                let rows = sql.texts(&format!("SELECT t::text AS value FROM {table} t ORDER BY 1"));
                dumped.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
            }
            dumped.extend(sql.texts(
                "SELECT sequencename || ' ' || coalesce(last_value::text, 'fresh') AS value FROM pg_sequences \
                 WHERE sequencename NOT LIKE 'job\\_%' AND sequencename NOT LIKE 'index\\_%' ORDER BY 1",
            ));
        }
    }
    dumped
}

/// The totals of the first entrypoint's customers: `customer currency transactions sales gross net incomplete last lastSale`.
pub const TOTALS: &str = "SELECT customer_id || ' ' || currency || ' ' || transactions || ' ' || sales || ' ' || gross_units \
    || ' ' || net_units || ' ' || incomplete || ' ' || last_at_us || ' ' || last_sale_at_us AS value FROM customer_total \
    WHERE entrypoint_id = 1 AND transactions <> 0 ORDER BY customer_id, currency";

/// The rows of transactions without ids and sealed columns, in an order that does not depend on their arrival.
pub const TRANSACTIONS: &str = "SELECT source || ' ' || coalesce(customer_id, 0) || ' ' || operation || ' ' || status || ' ' \
    || amount_units || ' ' || coalesce(fee_units, -1) || ' ' || currency || ' ' || occurred_at_us || ' ' || refunded_units AS value \
    FROM \"transaction\" WHERE entrypoint_id = 1 ORDER BY 1";

/// How many transactions have a sealed text.
pub const TRANSACTION_TEXTS: &str =
    "SELECT count(*) AS value FROM \"transaction\" WHERE document IS NOT NULL";

/// Makes the totals of a customer wrong.
pub fn spoil_totals(id: u64) -> String {
    format!("UPDATE customer_total SET gross_units = gross_units + 1 WHERE customer_id = {id}")
}
