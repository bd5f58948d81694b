//! Migrations and what an empty database starts with, under one lock.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::conn::{Conn, DatabaseUrl, Purpose, on};
use super::error::StoreError;
use super::schema::{data_key, organisation};
use crate::domain::entrypoints::settings::Settings;
use crate::domain::kernel::time::Micros;
use crate::store::entrypoints::settings;
use crate::store::index;
use crate::store::keys::keyring::{KeyRing, SERVICE_ENTRYPOINT};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// Instances that start at once take turns: PostgreSQL's lock for migrations, any number of ours.
const MIGRATION_LOCK: i64 = 7_235_419;

/// The organisation and entrypoint that an empty database starts with.
pub(crate) const DEMO_ORGANISATION: &str = "Demo";
/// See [`DEMO_ORGANISATION`].
pub const DEMO_ENTRY: &str = "demo";

/// Brings the schema up to date, checks the master key, and fills an empty database.
///
/// # Errors
/// A newer schema, another master key, or the database's own.
pub(crate) fn prepare(url: &DatabaseUrl, ring: &KeyRing, now: Micros) -> Result<(), StoreError> {
    let mut conn = Conn::open(url, Purpose::Write)?;
    if let Conn::Postgres(c) = &mut conn {
        diesel::sql_query("SET lock_timeout = '60s'").execute(c)?;
        diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).execute(c)?;
    }
    migrate(&mut conn)?;
    conn.begin_write()?;
    let filled = fill(&mut conn, ring, now).and_then(|()| index::rebuild(&mut conn, ring));
    match filled {
        Ok(()) => Ok(conn.commit()?),
        Err(error) => {
            conn.rollback();
            Err(error)
        }
    }
}

/// The migrations that are missing and those that are newer than this program.
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
    let missing = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let newer = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    Ok((missing, newer))
}

/// The applied migrations, read without making their table: a reader's connection may not.
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

/// Applies the migrations that are missing.
pub(crate) fn migrate(conn: &mut Conn) -> Result<(), StoreError> {
    // Two processes on one SQLite file: the second finds nothing left to do, or the first one's lock.
    let mut attempts = 0;
    loop {
        let (missing, newer) = pending(conn)?;
        if !newer.is_empty() {
            let message = format!(
                "the database was made by a newer release (migration {}); start that release instead",
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

fn fill(conn: &mut Conn, ring: &KeyRing, now: Micros) -> Result<(), StoreError> {
    ring.check_master(conn)?;
    let keys: i64 = on!(conn, |c| data_key::table
        .filter(data_key::entrypoint_id.eq(SERVICE_ENTRYPOINT))
        .count()
        .get_result(c))?;
    if keys > 0 {
        return Ok(());
    }
    ring.create_data_key(conn, SERVICE_ENTRYPOINT, 1, now)?;
    ring.create_signing_key(conn, "1", now)?;
    let organisations: i64 = on!(conn, |c| organisation::table.count().get_result(c))?;
    if organisations == 0 {
        if let Conn::Postgres(c) = conn {
            // A first start that was ended in here has taken numbers, which stay taken.
            c.batch_execute(
                "SELECT setval(pg_get_serial_sequence('organisation', 'org_id'), 1, false), \
                 setval(pg_get_serial_sequence('entrypoint', 'entrypoint_id'), 1, false)",
            )?;
        }
        let org_id = settings::create_organisation(conn, DEMO_ORGANISATION, now)?;
        settings::create_entrypoint(conn, ring, org_id, DEMO_ENTRY, &Settings::default(), now)?;
    }
    Ok(())
}
