//! Finds and applies migrations.

use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::conn::{Conn, on};
use super::error::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The version of the first released migration.
const FIRST_VERSION: &str = "20261128000001";
const UNRELEASED: &str = "an unreleased version of this program made the database; \
                          start anew, or export with that version and import the file";

/// The migrations that the database lacks, and those that are newer than this program.
pub(crate) fn pending(conn: &mut Conn) -> Result<(Vec<String>, Vec<String>), StoreError> {
    fn names<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>, StoreError> {
        let all = MigrationSource::<DB>::migrations(source).map_err(failed)?;
        Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
    }
    let known = match conn {
        Conn::Sqlite(..) => names::<diesel::sqlite::Sqlite>(&SQLITE)?,
        Conn::Postgres(_) => names::<diesel::pg::Pg>(&POSTGRES)?,
    };
    let applied = applied(conn)?;
    if applied.iter().any(|version| version.as_str() < FIRST_VERSION) {
        return Err(StoreError::Corrupt(UNRELEASED.into()));
    }
    let missing = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let newer = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    Ok((missing, newer))
}

/// Whether no migration was applied yet.
pub(crate) fn is_new(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(applied(conn)?.is_empty())
}

/// Whether the file is a database of another program. A PostgreSQL database may have other tables beside ours.
pub(crate) fn is_foreign(conn: &mut Conn) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        tables: i64,
    }
    if !is_new(conn)? {
        return Ok(false);
    }
    let Conn::Sqlite(c, ..) = conn else { return Ok(false) };
    let sql = "SELECT count(*) AS tables FROM sqlite_master \
               WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '__diesel_schema_migrations'";
    let row: Row = diesel::sql_query(sql).get_result(c)?;
    Ok(row.tables > 0)
}

/// The applied migrations. It does not create their table: a read connection may not.
fn applied(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }
    let tables = match conn {
        Conn::Sqlite(c, ..) => diesel::sql_query(
            "SELECT name AS value FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        )
        .load::<Row>(c)?,
        Conn::Postgres(c) => diesel::sql_query(
            "SELECT tablename::text AS value FROM pg_tables \
             WHERE tablename = '__diesel_schema_migrations' AND schemaname = ANY (current_schemas(false))",
        )
        .load::<Row>(c)?,
    };
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> =
        on!(conn, |c| diesel::sql_query("SELECT version AS value FROM __diesel_schema_migrations").load(c))?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// Applies the missing migrations.
pub(crate) fn migrate(conn: &mut Conn) -> Result<(), StoreError> {
    // When two processes start on one SQLite file, the second finds nothing left to do, or meets the first one's lock.
    let mut attempts = 0;
    loop {
        let (missing, newer) = pending(conn)?;
        if !newer.is_empty() {
            let message = format!(
                "a newer release made the database (migration {}); start that release instead",
                newer.join(", ")
            );
            return Err(StoreError::Corrupt(message));
        }
        if missing.is_empty() {
            return Ok(());
        }
        let done = match conn {
            Conn::Sqlite(c, ..) => c.run_pending_migrations(SQLITE).map(|_| ()),
            Conn::Postgres(c) => c.run_pending_migrations(POSTGRES).map(|_| ()),
        };
        match done {
            Ok(()) => return Ok(()),
            Err(_) if attempts < 20 => {
                attempts += 1;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            Err(error) => return Err(failed(error)),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("migrations: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::conn::{DatabaseUrl, Purpose};
    use super::*;

    #[test]
    fn a_database_of_an_unreleased_or_newer_version_is_refused() {
        for (version, says) in [("20261122000001", "unreleased version"), ("20991231000001", "newer release")]
        {
            let folder = tempfile::tempdir().unwrap();
            let mut conn =
                Conn::open(&DatabaseUrl::Sqlite(folder.path().join("x.db")), Purpose::Write).unwrap();
            migrate(&mut conn).unwrap();
            migrate(&mut conn).unwrap();
            let applied = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
            conn.batch(&applied).unwrap();
            let refused = migrate(&mut conn).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
