//! The same people in a table of plaintext with a trigram index: FTS5 in SQLite, `pg_trgm` in PostgreSQL. Queries run in
//! this process, without sealing, checks or HTTP.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection, sql_query};
use tempfile::TempDir;

use super::peers::sqlite;
use super::people::Person;
use super::postgres::{self, Postgres};
use super::process::folder;

/// Rows per INSERT.
const BATCH: usize = 1000;

pub enum Plain {
    Sqlite(SqliteConnection, #[expect(dead_code, reason = "holds the file")] TempDir),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = Text)]
    email: String,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

const COLUMNS: &str =
    "firstname TEXT, lastname TEXT, company TEXT, email TEXT, phone TEXT, customerNumber TEXT";
const NAMES: &str = "firstname, lastname, company, email, phone, customerNumber";

impl Plain {
    pub fn fill(postgres: Option<&Postgres>, people: impl Iterator<Item = Person>) -> Plain {
        let mut plain = match postgres {
            None => {
                let folder = folder();
                let connection = sqlite(&folder.path().join("plain.db").to_string_lossy());
                Plain::Sqlite(connection, folder)
            }
            Some(cluster) => Plain::Postgres(postgres::connect(&cluster.database())),
        };
        match &mut plain {
            Plain::Sqlite(..) => plain.run(&format!(
                "PRAGMA journal_mode = WAL; CREATE TABLE customer (id INTEGER PRIMARY KEY, {COLUMNS});
                 CREATE INDEX customer_email ON customer (email);"
            )),
            Plain::Postgres(_) => plain.run(&format!(
                "CREATE EXTENSION pg_trgm; CREATE TABLE customer (id BIGSERIAL PRIMARY KEY, {COLUMNS}, words TEXT
                 GENERATED ALWAYS AS (firstname || E'\\n' || lastname || E'\\n' || company || E'\\n' || email || E'\\n' || phone
                 || E'\\n' || customerNumber) STORED)"
            )),
        }
        plain.insert(people);
        match &mut plain {
            Plain::Sqlite(..) => plain.run(&format!(
                "CREATE VIRTUAL TABLE words USING fts5({NAMES}, content='customer', content_rowid='id', tokenize='trigram');
                 INSERT INTO words (words) VALUES ('rebuild'); INSERT INTO words (words) VALUES ('optimize');
                 PRAGMA wal_checkpoint(TRUNCATE);"
            )),
            Plain::Postgres(_) => {
                plain.run("CREATE INDEX customer_email ON customer (email)");
                plain.run("CREATE INDEX customer_words ON customer USING gin (words gin_trgm_ops)");
                plain.run("VACUUM ANALYZE customer");
            }
        }
        plain
    }

    fn insert(&mut self, people: impl Iterator<Item = Person>) {
        // No generated value contains an apostrophe.
        let row = |person: Person| {
            let Person { firstname, lastname, company, email, phone, customer_number, .. } = person;
            format!("('{firstname}','{lastname}','{company}','{email}','{phone}','{customer_number}')")
        };
        let mut rows = people.map(row).peekable();
        self.run("BEGIN");
        while rows.peek().is_some() {
            let batch = rows.by_ref().take(BATCH).collect::<Vec<_>>().join(",");
            self.run(&format!("INSERT INTO customer ({NAMES}) VALUES {batch}"));
        }
        self.run("COMMIT");
    }

    fn run(&mut self, sql: &str) {
        match self {
            Plain::Sqlite(connection, _) => connection.batch_execute(sql),
            Plain::Postgres(connection) => connection.batch_execute(sql),
        }
        .expect("a plain table");
    }

    /// Finds the newest 20 customers with this text in a value. Returns the total, and whether this e-mail is among the 20.
    pub fn search(&mut self, piece: &str, email: &str) -> (u64, bool) {
        let (hits, pattern) = match self {
            Plain::Sqlite(..) => {
                ("SELECT rowid AS id FROM words WHERE words MATCH ?", format!("\"{piece}\""))
            }
            Plain::Postgres(_) => ("SELECT id FROM customer WHERE words ILIKE $1", format!("%{piece}%")),
        };
        let query = sql_query(format!(
            "WITH hits AS MATERIALIZED ({hits})
             SELECT (SELECT count(*) FROM hits) AS total, c.* FROM hits JOIN customer c ON c.id = hits.id
             ORDER BY c.id DESC LIMIT 20"
        ))
        .bind::<Text, _>(pattern);
        let hits: Vec<Hit> = match self {
            Plain::Sqlite(connection, _) => query.load(connection),
            Plain::Postgres(connection) => query.load(connection),
        }
        .expect("an answer");
        let total = hits.first().map_or(0, |hit| u64::try_from(hit.total).unwrap_or(0));
        (total, hits.iter().any(|hit| hit.email == email))
    }

    /// The size on disk in bytes.
    pub fn size(&mut self) -> u64 {
        let size: Size = match self {
            Plain::Sqlite(connection, _) => {
                sql_query("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size")
                    .get_result(connection)
            }
            Plain::Postgres(connection) => {
                sql_query("SELECT pg_database_size(current_database()) AS bytes").get_result(connection)
            }
        }
        .expect("a size");
        u64::try_from(size.bytes).unwrap_or(0)
    }
}

/// The size of a PostgreSQL database in bytes.
pub fn database_size(url: &str) -> u64 {
    Plain::Postgres(postgres::connect(url)).size()
}
